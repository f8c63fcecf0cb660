import json

import cv2
import numpy as np
import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import frame
from tests.lab.source_makers import CELLS, FRAME_PX, write_aperio
from tests.pipeline.makers import planted_tissue

KNOWN = {"scanner": "A", "tumour": "breast", "look_alikes": [(9, 9)], "finder": [1.0, 2.0], "evidence": [0.5, 0.6]}


def test_scores_come_back_from_their_file_as_they_were(tmp_path):
    frames = [frame([(50, 50)], [(50, 50), (9, 9)], [2.0, -1.0], dark_per_mm2=5.0, **KNOWN), frame([], [], [])]
    evaluate.save_scores(frames, tmp_path / "scores.json")
    again = evaluate.load_scores(tmp_path / "scores.json")
    assert [f.as_json() for f in again] == [f.as_json() for f in frames]
    assert evaluate.report_frames(again, UNCALIBRATED, 0.5) == evaluate.report_frames(frames, UNCALIBRATED, 0.5)


def test_what_is_not_known_of_a_frame_may_be_missing_and_older_files_are_bare_lists(tmp_path):
    plain = frame([(50, 50)], [(50, 50)], [2.0])
    path = tmp_path / "scores.json"
    path.write_text(json.dumps([plain.as_json()]))
    (again,) = evaluate.load_scores(path)
    assert (again.scanner, again.tumour, again.look_alikes, again.finder, again.dark_per_mm2) == ("", "") + (None,) * 3


@pytest.mark.parametrize("name", ["margins", "on_nuclei", "mitoses"])
def test_a_score_that_is_no_number_is_named_by_frame(tmp_path, name):
    raw = frame([(50, 50)], [(50, 50)], [2.0], name="H04_bad.jpg").as_json()
    raw[name] = [[float("nan"), 1.0]] if name == "mitoses" else [float("nan")]
    (tmp_path / "scores.json").write_text(json.dumps([raw]))
    with pytest.raises(PipelineRefused, match=f"H04_bad.jpg has a value in {name} that is no number"):
        evaluate.load_scores(tmp_path / "scores.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"margins": [1.0, 2.0]}, "1 points and 2 margins"),
        ({"finder": [1.0, 2.0]}, "finder's logit for each candidate"),
        ({"evidence": [1.0, 2.0]}, "evidence for each point"),
        ({"size_um": [0.0, 5.0]}, "has no size"),
    ],
)
def test_lists_that_do_not_match_are_named_by_frame(tmp_path, change, told):
    raw = frame([(50, 50)], [(50, 50)], [2.0], name="H04_bad.jpg").as_json() | change
    (tmp_path / "scores.json").write_text(json.dumps([raw]))
    with pytest.raises(PipelineRefused, match=f"H04_bad.jpg.*{told}"):
        evaluate.load_scores(tmp_path / "scores.json")


@pytest.mark.parametrize("content", ["{", "[1]", '{"frames": 3}', '[{"frame": "a"}]', '"text"', "\x00\x01"])
def test_a_file_that_is_no_score_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "broken.json").write_text(content)
    with pytest.raises(PipelineRefused, match="broken.json is no score file"):
        evaluate.load_scores(tmp_path / "broken.json")


def test_an_empty_or_missing_score_file_is_refused(tmp_path):
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(PipelineRefused, match="empty.json holds no frames"):
        evaluate.load_scores(tmp_path / "empty.json")
    with pytest.raises(PipelineRefused, match="gone.json cannot be read: No such file"):
        evaluate.load_scores(tmp_path / "gone.json")


def test_scores_of_slides_that_their_network_was_trained_on_are_not_left_out(tmp_path):
    evaluate.save_scores([frame(slide="H03")], tmp_path / "fold.json", trained_on=["H03", "H04"])
    evaluate.save_scores([frame(slide="H07")], tmp_path / "fine.json", trained_on=["H03", "H04"])
    assert len(evaluate.load_left_out([tmp_path / "fine.json"])) == 1
    with pytest.raises(PipelineRefused, match=r"fold.json holds scores of H03 by a network that was trained on it"):
        evaluate.load_left_out([tmp_path / "fine.json", tmp_path / "fold.json"])


def test_scores_that_do_not_say_what_was_trained_on_are_not_left_out(tmp_path):
    evaluate.save_scores([frame(slide="H03")], tmp_path / "silent.json")
    (tmp_path / "bare.json").write_text(json.dumps([frame(slide="H03").as_json()]))
    for name in ("silent.json", "bare.json"):
        with pytest.raises(PipelineRefused, match=f"{name} does not say which slides its network was trained on"):
            evaluate.load_left_out([tmp_path / name])


def test_scores_of_the_validation_slide_are_not_left_out(tmp_path):
    evaluate.save_scores([frame(slide="H05")], tmp_path / "h05.json", trained_on=["H03"])
    with pytest.raises(PipelineRefused, match="H05 is for reporting only"):
        evaluate.load_left_out([tmp_path / "h05.json"])


def test_a_frame_counts_once(tmp_path):
    evaluate.save_scores([frame(name="H03_00.jpg")], tmp_path / "a.json", trained_on=[])
    with pytest.raises(PipelineRefused, match=r"Frame H03_00.jpg comes more than once"):
        evaluate.load_left_out([tmp_path / "a.json", tmp_path / "a.json"])


def test_evidence_of_the_first_stage_is_added_by_its_weight():
    (both,) = evaluate.with_evidence([frame([(50, 50)], [(50, 50), (9, 9)], [2.0, -1.0], evidence=[1.0, -2.0])], 0.5)
    assert both.margins.tolist() == [2.5, -2.0]
    with pytest.raises(PipelineRefused, match="has no evidence"):
        evaluate.with_evidence([frame()], 0.5)


def test_an_unknown_slide_is_refused_before_anything_is_scored(model, tmp_path):
    with pytest.raises(PipelineRefused, match="no slide H99; there are H03"):
        evaluate.score_frames(model, tmp_path, ("H03", "H99"))


def test_frames_are_scored_with_their_labels_and_windows(model, tmp_path):
    folder = tmp_path / "mitos14" / "frames"
    folder.mkdir(parents=True)
    picture = planted_tissue(400, 360, [(100.0, 90.0), (280.0, 250.0)])
    cv2.imwrite(str(folder / "H03_00Aa.jpg"), picture[..., ::-1])
    rows = ["slide,frame,label,x,y", "H03,H03_00Aa.jpg,mitosis,100,90", "H03,H03_00Aa.jpg,non_mitosis,280,250"]
    (tmp_path / "mitos14" / "annotations.csv").write_text("\n".join(rows))
    (scored,) = evaluate.score_frames(model, tmp_path, ("H03",))
    assert (scored.frame, scored.slide, scored.scanner) == ("H03_00Aa.jpg", "H03", "Hamamatsu NanoZoomer 2.0-HT")
    assert scored.size_um == pytest.approx((400 * 0.2273, 360 * 0.2273))
    assert scored.mitoses == pytest.approx(np.array([(100, 90)]) * 0.2273)
    assert evaluate.candidate_recall([scored]) == 1.0
    assert len(scored.margins) == len(scored.points) > 0
    assert (len(scored.on_mitoses), len(scored.on_look_alikes)) == (1, 1)
    assert scored.dark_per_mm2 > 0


def test_frames_of_another_scanner_are_scored_at_their_own_pixel_size_and_paint_counts_neither_way(model, tmp_path):
    (scored,) = evaluate.score_frames(model, write_aperio(tmp_path, ("A00",)), ("A00",))
    assert (scored.slide, scored.scanner) == ("A00", "Aperio ScanScope XT")
    assert scored.size_um == pytest.approx((FRAME_PX * 0.2456, FRAME_PX * 0.2456))
    assert scored.mitoses == pytest.approx(np.array([CELLS[0]]) * 0.2456)
    painted = np.array(CELLS[-1]) * 0.2456
    assert len(scored.candidates)
    for places in (scored.candidates, scored.points):
        assert np.linalg.norm(places - painted, axis=1).min() > 10
    assert len(scored.margins) == len(scored.points)
