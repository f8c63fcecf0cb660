import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import save_file

from analysis.lab import evaluate, release
from analysis.lab.evaluate import FrameScores
from analysis.pipeline.cards.card import TORCH_FORMATS, FinderUse, StandardUse, ViewsUse, write_card
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.errors import PipelineRefused
from tests.pipeline.makers import random_finder, random_network


@pytest.fixture
def run(tmp_path):
    """A finished training run, as `mitosis train` leaves it."""
    folder = tmp_path / "final"
    folder.mkdir()
    save_file(random_network().state_dict(), folder / "weights.safetensors")
    (folder / "run.json").write_text(json.dumps({"config": {"slides": ["H03"]}, "data_sha256": "ab", "seconds": 1}))
    return folder


@pytest.fixture
def left_out(tmp_path):
    """Scores of frames that a network had not seen: mitoses mostly score high."""
    rng = np.random.default_rng(0)
    path = tmp_path / "left_out.json"
    evaluate.save_scores([frame(rng, number) for number in range(8)], path, trained_on=["H03"])
    return path


def frame(rng, number) -> FrameScores:
    points = np.column_stack([np.arange(20, 300, 15), np.full(19, 100.0)])
    is_mitosis = rng.random(19) < 0.3
    margins = rng.normal(np.where(is_mitosis, 2, -2), 1.5)
    alone = np.array([1.0])
    return FrameScores(
        f"{number}.jpg", "H04", (400.0, 200.0), points[is_mitosis], points, points, margins, alone, -alone, -alone
    )


def test_a_release_carries_calibration_threshold_figures_and_its_training(run, left_out, tmp_path):
    weights = release.release_version("hybrid-7", run, [left_out], tmp_path, notes="A test.")
    card = load_model(weights).card
    assert (card.name, card.notes, card.training["data_sha256"]) == ("hybrid-7", "A test.", "ab")
    assert card.metrics["left_out"]["slides"] == ["H04"]
    assert card.metrics["left_out"]["calibration_error"] < 0.1
    scores = evaluate.load_scores(left_out)
    again = evaluate.report_frames(scores, release.calibrate.Calibration(card.temperature, card.bias), card.threshold)
    assert again["detection"]["f1"] == pytest.approx(card.metrics["left_out"]["detection"]["f1"], abs=0.02)


def record_run(run, stages: list[tuple[int, int]], **more) -> None:
    config = {"slides": ["H03"], "stages": [{"px": px, "steps": steps} for px, steps in stages]}
    (run / "run.json").write_text(json.dumps({"config": config, "data_sha256": "ab", "seconds": 1} | more))


def test_a_version_is_used_at_the_window_it_was_trained_with(run, left_out, tmp_path):
    record_run(run, [(100, 30), (64, 900)], own_mitoses={"window_px": 64, "mitoses": 9, "above_0": 0.97})
    card = load_model(release.release_version("hybrid-7", run, [left_out], tmp_path)).card
    assert (card.patch_px, card.training["own_mitoses"]["above_0"]) == (64, 0.97)
    assert release.model_of_run(run).card.patch_px == 64


@pytest.mark.parametrize(
    ("stages", "fit", "said"),
    [
        ([(64, 640), (100, 40)], (100, 1.0), "trained for 640 steps at 64 px and ends with 40 at 100 px; a version is"),
        ([(100, 300), (64, 600), (100, 200)], (100, 1.0), "trained for 600 steps at 64 px"),
        ([(100, 900)], (64, 1.0), "was measured at 64 px and ends at 100 px"),
        ([(100, 900)], (100, 0.39), "calls only 39% of the mitoses that it was trained on"),
    ],
)
def test_a_version_that_would_be_used_at_another_window_or_misses_its_own_is_refused(
    run, left_out, tmp_path, stages, fit, said
):
    record_run(run, stages, own_mitoses={"window_px": fit[0], "mitoses": 9, "above_0": fit[1]})
    with pytest.raises(PipelineRefused, match=said):
        release.release_version("hybrid-7", run, [left_out], tmp_path)
    assert not (tmp_path / "hybrid-7.safetensors").exists()


def test_a_report_is_added_at_the_cards_own_threshold_and_its_looks_are_counted(run, left_out, tmp_path):
    weights = release.release_version("hybrid-7", run, [left_out], tmp_path)
    threshold = load_model(weights).card.threshold
    for looks in (1, 2):
        release.add_report(weights, "h05", evaluate.load_scores(left_out))
        card = load_model(weights).card
        assert card.metrics["h05"]["looks"] == looks
        assert card.threshold == threshold
        assert "left_out" in card.metrics


def test_a_version_made_anew_keeps_the_count_of_its_looks(run, left_out, tmp_path):
    weights = release.release_version("hybrid-7", run, [left_out], tmp_path)
    release.add_report(weights, "h05", evaluate.load_scores(left_out))
    assert release.release_version("hybrid-7", run, [left_out], tmp_path) == weights
    assert load_model(weights).card.metrics["h05"] == {"looks": 1}
    assert release.add_report(weights, "h05", evaluate.load_scores(left_out))["looks"] == 2


def test_a_version_made_anew_of_the_same_weights_still_names_its_number_formats(run, left_out, tmp_path):
    weights, compared = release.release_version("hybrid-7", run, [left_out], tmp_path), ("float32", "openvino-int8")
    write_card(replace(load_model(weights).card, formats=compared), weights)
    release.release_version("hybrid-7", run, [left_out], tmp_path)
    assert load_model(weights).card.formats == compared
    save_file(random_network(5).state_dict(), run / "weights.safetensors")
    release.release_version("hybrid-7", run, [left_out], tmp_path)
    assert load_model(weights).card.formats == TORCH_FORMATS


def test_looks_at_other_versions_are_counted_beside_a_versions_own(run, left_out, tmp_path):
    scores = evaluate.load_scores(left_out)
    older, newer = (release.release_version(name, run, [left_out], tmp_path) for name in ("hybrid-7", "hybrid-8"))
    for _ in range(2):
        release.add_report(older, "h05", scores)
    found = release.add_report(newer, "h05", scores)
    assert (found["looks"], found["looks_at_other_versions"]) == (1, 2)


def test_a_release_says_what_both_stages_and_the_runs_before_them_had_seen(run, left_out, tmp_path):
    for name, config in {"final": {"slides": ["H03"], "start": "base"}, "base": {"slides": ["H14"]}}.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "run.json").write_text(json.dumps({"config": config}))
    card = load_model(release.release_version("hybrid-7", run, [left_out], tmp_path)).card
    assert card.training["trained_on"] == ["H03", "H14"]
    (tmp_path / "base" / "run.json").unlink()
    card = load_model(release.release_version("hybrid-8", run, [left_out], tmp_path)).card
    assert "trained_on" not in card.training


def test_scores_that_do_not_say_what_was_trained_on_make_no_release(run, left_out, tmp_path):
    evaluate.save_scores(evaluate.load_scores(left_out), left_out)
    with pytest.raises(PipelineRefused, match="nobody knows whether these were left out"):
        release.release_version("hybrid-7", run, [left_out], tmp_path)


def test_scores_of_another_use_than_the_versions_make_no_release(run, left_out, tmp_path):
    views, scores = ViewsUse(4, 0.0, 20.0), evaluate.load_scores(left_out)
    plain = replace(uncalibrated_card("hybrid", "relu6"), normaliser="none")
    evaluate.save_scores(scores, left_out, trained_on=["H03"], card=plain)
    with pytest.raises(PipelineRefused, match=r"scored with views null, and .* used with views .*; score it again"):
        release.release_version("hybrid-7", run, [left_out], tmp_path, views=views)
    assert not (tmp_path / "hybrid-7.safetensors").exists()
    evaluate.save_scores(scores, left_out, trained_on=["H03"], card=replace(plain, views=views))
    assert release.release_version("hybrid-7", run, [left_out], tmp_path, views=views).is_file()


def test_a_finder_is_released_in_the_same_file_with_its_use_and_the_slides_level(run, left_out, tmp_path):
    finder = tmp_path / "finder"
    finder.mkdir()
    save_file(random_finder().state_dict(), finder / "weights.safetensors")
    (finder / "run.json").write_text(json.dumps({"config": {"slides": []}}))
    told = [replace(scored, level=-1.0, share=0.5) for scored in evaluate.load_scores(left_out)]
    evaluate.save_scores(told, left_out, trained_on=["H03"])
    use = FinderUse(threshold=-1.1, weight=1.5, parameters=130_209)
    model = load_model(release.release_version("hybrid-7", run, [left_out], tmp_path, finder=finder, use=use))
    assert model.card.finder == use
    assert model.card.standard == StandardUse(-2.0, release.WORTH, release.PER_TILE, share=0.5)
    for name, tensor in random_finder().state_dict().items():
        assert (model.finder.state_dict()[name] == tensor).all(), name


def test_a_finder_without_its_use_is_refused(run, left_out, tmp_path):
    with pytest.raises(ValueError, match="together with how it is used"):
        release.release_version("hybrid-7", run, [left_out], tmp_path, finder=run)


def test_score_files_in_different_units_are_not_mixed(left_out):
    frames = evaluate.load_scores(left_out)
    other = replace(frames[0], slide="H03", frame="other.jpg", level=-2.0)
    with pytest.raises(ValueError, match="score them alike"):
        release.typical_standard([*frames, other])
    with pytest.raises(ValueError, match="score them alike"):
        release.typical_standard([other, replace(other, slide="H04", share=0.5)])


def test_a_run_of_what_is_no_version_is_refused_and_a_silu_stem_is_kept(run):
    facts = json.loads((run / "run.json").read_text())
    for network, said in (("finder", "trained the detector finder"), ("vgg", "There is no network vgg")):
        (run / "run.json").write_text(json.dumps(facts | {"config": {"slides": [], "network": network}}))
        with pytest.raises(PipelineRefused, match=said):
            release.model_of_run(run)
    (run / "run.json").write_text(json.dumps(facts | {"config": {"slides": [], "stem_activation": "silu"}}))
    assert release.model_of_run(run).card.stem_activation == "silu"
