import numpy as np
import pytest

from analysis.pipeline import evaluate
from analysis.pipeline.calibrate import Calibration
from analysis.pipeline.evaluate import FrameScores
from analysis.pipeline.matching import Score

PLAIN = Calibration(1.0, 0.0)


def frame(mitoses, points, margins, slide="H99", **margins_on) -> FrameScores:
    on = {"on_mitoses": [1.0], "on_look_alikes": [-1.0], "on_nuclei": [-1.0]} | margins_on
    places = (np.array(p, float).reshape(-1, 2) for p in (mitoses, points, points))
    return FrameScores("f.jpg", slide, (300.0, 300.0), *places, np.array(margins, float), *map(np.array, on.values()))


def test_frames_are_pooled_before_the_ratio_is_taken():
    frames = [
        frame([(50, 50), (100, 100)], [(52, 50), (200, 200)], [2.0, 2.0]),
        frame([(60, 60)], [(61, 60), (210, 210)], [2.0, -2.0]),
    ]
    assert evaluate.pooled(frames, PLAIN, 0.5) == Score(tp=2, fp=1, fn=1)
    assert evaluate.pooled(frames, PLAIN, 0.05) == Score(tp=2, fp=2, fn=1)


def test_the_threshold_is_where_pooled_f1_is_highest():
    frames = [frame([(50, 50), (100, 100)], [(50, 50), (100, 100), (200, 200)], [3.0, 1.0, 0.0])]
    assert 0.5 < evaluate.best_threshold(frames, PLAIN) <= 1 / (1 + np.exp(-1.0))


def test_edges_leave_out_labels_and_false_detections_but_no_match_across_the_line():
    near_edge = frame([(5, 100), (150, 150)], [(8, 100), (4, 200), (150, 150)], [2.0, 2.0, 2.0])
    assert evaluate.pooled([near_edge], PLAIN, 0.5) == Score(2, 1, 0)
    assert evaluate.pooled([near_edge], PLAIN, 0.5, edge_um=6.25) == Score(1, 0, 0)


def test_patch_f1_weighs_false_positives_to_the_stated_prevalence():
    on = {"on_mitoses": [1, 1, 1, -1], "on_look_alikes": [1, -1], "on_nuclei": [-1, -1, -1]}
    figures = evaluate.patch_figures([frame([(50, 50)], [(50, 50)], [1.0], **on)], prevalence=0.29)
    false = 0.5 * 2617 / 5617 * 0.71 / 0.29
    assert figures["recall"] == 0.75
    assert figures["precision"] == pytest.approx(0.75 / (0.75 + false), abs=1e-4)
    assert figures["prevalence"] == 0.29


def test_the_report_names_its_protocol_and_keeps_slides_apart(tmp_path):
    frames = [frame([(50, 50)], [(50, 50)], [2.0], "H01"), frame([(50, 50)], [(150, 50)], [2.0], "H02")]
    report = evaluate.report(frames, PLAIN, 0.5)
    assert report["slides"] == ["H01", "H02"]
    assert report["detection_by_slide"]["H01"]["f1"] == 1.0
    assert report["detection_by_slide"]["H02"]["f1"] == 0.0
    assert report["detection"]["f1"] == 0.5
    assert report["candidate_recall_7_5_um"] == 0.5
    low, high = report["detection"]["f1_95_bootstrap_by_case"]
    assert low <= 0.5 <= high
    assert "one-to-one" in report["protocol"]


def test_scores_come_back_from_their_file_as_they_were(tmp_path):
    frames = [frame([(50, 50)], [(50, 50), (9, 9)], [2.0, -1.0]), frame([], [], [])]
    evaluate.save_scores(frames, tmp_path / "scores.json")
    again = evaluate.load_scores(tmp_path / "scores.json")
    assert evaluate.report(again, PLAIN, 0.5) == evaluate.report(frames, PLAIN, 0.5)
