"""`mitosis evaluate`, by its command line."""

import json

import pytest
from safetensors.torch import save_file

from analysis.commands.cli import main
from analysis.commands.evaluate import refuse_idle_looks
from analysis.lab import evaluate
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import slide_of_frames
from tests.lab.evaluate.test_points import detections
from tests.pipeline.makers import random_network, write_model


@pytest.fixture
def score_files(tmp_path):
    paths = []
    for slide, shift in (("H03", 0.0), ("H04", -1.0)):
        paths.append(tmp_path / f"{slide}.json")
        evaluate.save_scores(slide_of_frames(slide, 4, shift), paths[-1], trained_on=["H07"])
    return paths


def run(*arguments) -> int:
    return main(["evaluate", *map(str, arguments)])


def test_left_out_scores_give_the_development_figure_as_files_and_a_table(score_files, tmp_path, capsys):
    assert run("--left-out", *score_files, "--out", tmp_path / "out") == 0
    figures = json.loads((tmp_path / "out/figures.json").read_text())
    assert figures == evaluate.development_metrics(evaluate.load_left_out(score_files))
    assert "thresholds in uncalibrated logits" in capsys.readouterr().out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written >= {"figures.txt", "curves.json", "roc.png", "precision_recall.png", "froc.png"}
    assert written >= {"reliability.png", "bland_altman.png", "f1_by_logit.png"}


def test_another_recipes_scores_are_set_against_the_first(score_files, capsys):
    assert run("--left-out", *score_files, "--against", *score_files) == 0
    assert json.loads(capsys.readouterr().out)["gain_of_the_other"]["f1_gain"] == 0.0


def test_figures_of_several_networks_go_into_no_card(score_files, capsys):
    assert run("--left-out", *score_files, "--into-card", "left_out") == 1
    assert "belong to no card; drop --into-card" in capsys.readouterr().err


def test_a_run_that_has_no_card_yet_says_so(tmp_path, capsys):
    (tmp_path / "a-run").mkdir()
    (tmp_path / "a-run" / "weights.safetensors").touch()
    assert run("a-run", "--slides", "H03", "--into-card", "h03", "--runs", tmp_path) == 1
    assert "a-run is a run and has no card yet; release it first" in capsys.readouterr().err


def test_without_a_folder_the_figures_are_printed_as_json(score_files, capsys):
    assert run("--left-out", *score_files) == 0
    assert json.loads(capsys.readouterr().out)["slides"] == ["H03", "H04"]


def test_one_slide_alone_is_refused_with_a_sentence(score_files, capsys):
    assert run("--left-out", score_files[0]) == 1
    assert "needs at least two slides" in capsys.readouterr().err


def test_labels_and_detections_are_compared_from_their_files(tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("image,label,x,y\na.tif,mitosis,400,400\nb.tif,mitosis,400,400\n")
    path = detections(tmp_path / "a.json", "a.tif", [(400, 400, 0.9), (900, 900, 0.8)])
    assert run("--labels", tmp_path / "labels.csv", "--detections", path) == 0
    told = capsys.readouterr()
    figures = json.loads(told.out)
    assert figures["detection"]["f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["protocol"].startswith("labels.csv against detections of m; whole frames")
    assert "1 labelled images have no detections" in told.err


@pytest.fixture
def frame_labels(tmp_path):
    path = tmp_path / "annotations.csv"
    rows = [f"{name},mitosis,400,400" for name in ("H05_00Aa.jpg", "H03_00Aa.jpg", "H04_00Aa.jpg")]
    path.write_text("\n".join(["frame,label,x,y", *rows]))
    return path


@pytest.fixture
def detected(version, tmp_path):
    """Writes detections of a frame by the version that was trained on H03."""
    sha256 = json.loads(version.with_suffix(".json").read_text())["sha256"]

    def write(image: str, **changes):
        about = {"model": str(version), "model_sha256": sha256} | changes
        return detections(tmp_path / f"{image}.json", image, [(400, 400, 0.9)], **about)

    return write


def test_an_uncounted_look_at_the_report_slide_by_its_detections_is_refused(frame_labels, detected, capsys):
    assert run("--labels", frame_labels, "--detections", detected("H05_00Aa.jpg")) == 1
    told = capsys.readouterr()
    assert "is of H05, which is for reporting only" in told.err
    assert told.out == ""


def test_a_look_at_the_report_slide_by_its_detections_is_counted_in_the_card(frame_labels, detected, version, capsys):
    for look in (1, 2):
        assert run("--labels", frame_labels, "--detections", detected("H05_00Aa.jpg"), "--into-card", "h05") == 0
        told = capsys.readouterr()
        assert f"Look {look} at mitos-atypia-14/05" in told.err
        assert json.loads(told.out)["looks"] == look
    noted = json.loads(version.with_suffix(".json").read_text())["metrics"]["h05"]
    assert (noted["looks"], noted["detection"]["tp"]) == (2, 1)
    assert "against detections of" in noted["protocol"]


@pytest.mark.parametrize("changes", [{"model": "gone"}, {"model_sha256": "another"}])
def test_a_look_that_no_card_can_count_is_refused(frame_labels, detected, capsys, changes):
    path = detected("H05_00Aa.jpg", **changes)
    assert run("--labels", frame_labels, "--detections", path, "--into-card", "h05") == 1
    told = capsys.readouterr()
    assert "is not at hand" in told.err
    assert told.out == ""


def test_detections_on_slides_that_the_version_was_trained_on_are_refused(frame_labels, detected, capsys):
    assert run("--labels", frame_labels, "--detections", detected("H03_00Aa.jpg")) == 1
    assert "was trained on H03; figures from there would say nothing" in capsys.readouterr().err
    assert run("--labels", frame_labels, "--detections", detected("H04_00Aa.jpg")) == 0


@pytest.mark.parametrize(
    "arguments", [[], ["model"], ["--slides", "H03"], ["--labels", "a.csv"], ["m", "--left-out", "a.json"]]
)
def test_what_to_evaluate_must_be_said_in_one_way(arguments, capsys):
    assert run(*arguments) == 1
    assert "Give one of these: a model with --slides; --left-out" in capsys.readouterr().err


def test_looks_at_the_validation_slide_are_counted_and_choose_nothing():
    with pytest.raises(PipelineRefused, match="H05 must not choose one"):
        refuse_idle_looks(["H05"], "h05", is_run=True)
    with pytest.raises(PipelineRefused, match="H05 is reported alone"):
        refuse_idle_looks(["H03", "H05"], "h05", is_run=False)
    with pytest.raises(PipelineRefused, match="add --into-card"):
        refuse_idle_looks(["H05"], None, is_run=False)
    refuse_idle_looks(["H05"], "h05", is_run=False)
    refuse_idle_looks(["H03"], None, is_run=True)


@pytest.fixture
def runs(tmp_path):
    """A folder of runs with one that was trained on H03."""
    run = tmp_path / "runs" / "fold"
    run.mkdir(parents=True)
    save_file(random_network().state_dict(), run / "weights.safetensors")
    (run / "run.json").write_text(json.dumps({"config": {"slides": ["H03"], "start": "random"}}))
    return run.parent


@pytest.fixture
def version(tmp_path):
    """A model version that was trained on H03."""
    return write_model(tmp_path, training={"config": {"slides": ["H03"], "start": "random"}})


@pytest.fixture
def scored(monkeypatch):
    """Made-up scores of whatever slides are asked for."""
    asked = []

    def score(model, data, slides, normaliser):
        asked.extend(slides)
        return [frame for slide in slides for frame in slide_of_frames(slide, 3)]

    monkeypatch.setattr(evaluate, "score_frames", score)
    return asked


@pytest.mark.parametrize("more", [[], ["--into-card", "h03"]])
def test_a_version_is_not_scored_on_slides_it_was_trained_on(version, scored, tmp_path, capsys, more):
    before = version.with_suffix(".json").read_bytes()
    assert run(version, "--slides", "H04", "H03", "--scores", tmp_path / "s.json", *more) == 1
    assert "was trained on H03; figures from there would say nothing" in capsys.readouterr().err
    assert (scored, (tmp_path / "s.json").exists()) == ([], False)
    assert version.with_suffix(".json").read_bytes() == before


def test_a_shipped_version_is_not_scored_on_the_training_slides(scored, capsys):
    assert run("hybrid-0.2", "--slides", "H03") == 1
    assert "hybrid-0.2 was trained on H03" in capsys.readouterr().err


def test_score_files_of_runs_and_versions_say_what_was_trained_on(version, runs, scored, tmp_path):
    assert run(version, "--slides", "H04", "--scores", tmp_path / "version.json") == 0
    assert run("fold", "--runs", runs, "--slides", "H04", "--scores", tmp_path / "run.json") == 0
    for path in (tmp_path / "version.json", tmp_path / "run.json"):
        assert json.loads(path.read_text())["trained_on"] == ["H03"]
        assert len(evaluate.load_left_out([path])) == 3


def test_a_run_is_not_scored_on_slides_it_was_trained_on(runs, scored, capsys):
    assert run("fold", "--runs", runs, "--slides", "H03") == 1
    assert "fold was trained on H03" in capsys.readouterr().err


def test_the_validation_slide_is_still_reported_with_its_looks_counted(version, scored, capsys):
    for look in ("Look 1 at H05", "Look 2 at H05"):
        assert run(version, "--slides", "H05", "--into-card", "h05") == 0
        assert look in capsys.readouterr().err
    assert json.loads(version.with_suffix(".json").read_text())["metrics"]["h05"]["looks"] == 2
