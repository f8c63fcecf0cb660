import numpy as np
import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.evaluate import detection
from analysis.lab.matching import Score
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import frame, slide_of_frames


def all_kept(frames):
    return [np.ones(len(f.points), bool) for f in frames]


def test_frames_are_pooled_before_the_ratio_is_taken():
    frames = [
        frame([(50, 50), (100, 100)], [(52, 50), (200, 200)], [2.0, 2.0]),
        frame([(60, 60)], [(61, 60), (210, 210)], [2.0, -2.0]),
    ]
    assert evaluate.score_at_threshold(frames, UNCALIBRATED, 0.5) == Score(tp=2, fp=1, fn=1)
    assert evaluate.score_at_threshold(frames, UNCALIBRATED, 0.05) == Score(tp=2, fp=2, fn=1)


def test_edges_leave_out_labels_and_false_detections_but_no_match_across_the_line():
    near_edge = frame([(5, 100), (150, 150)], [(8, 100), (4, 200), (150, 150)], [2.0, 2.0, 2.0])
    assert evaluate.score_at_threshold([near_edge], UNCALIBRATED, 0.5) == Score(2, 1, 0)
    assert evaluate.score_at_threshold([near_edge], UNCALIBRATED, 0.5, edge_um=6.25) == Score(1, 0, 0)


def test_the_lenient_matching_stands_beside_the_official_one():
    twice = frame([(50, 50)], [(50, 52), (51, 50), (200, 200)], [2.0, 2.0, 2.0])
    kept = np.ones(3, bool)
    assert detection.frame_score(twice, kept) == Score(1, 2, 0)
    assert detection.frame_score(twice, kept, rule="amida") == Score(1, 1, 0)


def test_a_sweep_counts_as_each_threshold_alone_would():
    rng = np.random.default_rng(3)
    frames = [frame(rng.uniform(0, 60, (12, 2)), rng.uniform(0, 60, (30, 2)), rng.normal(0, 2, 30)) for _ in range(20)]
    thresholds = np.linspace(0.02, 0.98, 25)
    counts = detection.sweep_thresholds(frames, detection.probabilities_of(frames, UNCALIBRATED), thresholds)
    alone = [evaluate.score_at_threshold(frames, UNCALIBRATED, threshold) for threshold in thresholds]
    assert counts.tolist() == [[s.tp, s.fp, s.fn] for s in alone]
    assert detection.f1_of(counts) == pytest.approx([s.f1 for s in alone])


def test_intervals_are_by_case_where_there_are_several_and_say_so():
    found = frame([(50, 50)], [(50, 50)], [2.0], "H01")
    missed = frame([(50, 50)], [], [], "H02")
    figures = detection.metrics_with_interval([found, missed], all_kept([found, missed]))
    assert figures["f1"] == pytest.approx(2 / 3, abs=1e-4)
    # Each of the two cases alone, twice, and both: F1 0, 1 and 2/3.
    assert figures["f1_95_bootstrap_by_case"] == [0.0, 1.0]
    assert "f1_95_bootstrap_by_frame" not in figures


def test_intervals_are_by_frame_where_there_is_one_case_and_say_so():
    frames = [frame([(50, 50)], [(50, 50)], [2.0], "H01"), frame([(50, 50)], [], [], "H01")]
    figures = detection.metrics_with_interval(frames, all_kept(frames))
    assert figures["f1_95_bootstrap_by_frame"] == [0.0, 1.0]
    assert "f1_95_bootstrap_by_case" not in figures


def test_one_frame_has_no_interval():
    alone = [frame([(50, 50)], [(50, 50)], [2.0])]
    assert detection.f1_interval(alone, all_kept(alone)) == {}


def test_groups_that_are_not_known_are_left_out():
    frames = [
        frame([(50, 50)], [(50, 50)], [2.0], "H01", scanner="A"),
        frame([(50, 50)], [], [], "H02", scanner="B"),
        frame([(50, 50)], [], [], "H03"),
    ]
    kept = all_kept(frames)
    by_scanner = detection.metrics_by_group(frames, kept, "scanner")
    assert {name: found["f1"] for name, found in by_scanner.items()} == {"A": 1.0, "B": 0.0}
    assert list(detection.metrics_by_group(frames, kept, "slide")) == ["H01", "H02", "H03"]
    assert detection.metrics_by_group(frames, kept, "tumour") == {}


def test_two_networks_are_compared_frame_by_frame():
    labelled = [frame([(50, 50)], [(50, 50)], [2.0], s, f"{s}_{n}.jpg") for s in ("H01", "H02") for n in range(4)]
    nothing = [np.zeros(1, bool)] * 8
    gain = detection.f1_difference(labelled, nothing, labelled, all_kept(labelled))
    assert gain["f1_gain"] == 1.0
    assert gain["f1_gain_95_bootstrap_by_frame"] == [1.0, 1.0]
    assert gain["f1_gain_95_bootstrap_by_case"] == [1.0, 1.0]
    same = detection.f1_difference(labelled, nothing, labelled, nothing)
    assert same["f1_gain_95_bootstrap_by_frame"] == [0.0, 0.0]


def test_networks_scored_on_other_frames_are_not_compared():
    some, others = slide_of_frames("H03", 2), slide_of_frames("H04", 2)
    with pytest.raises(PipelineRefused, match="same frames in the same order"):
        detection.f1_difference(some, all_kept(some), others, all_kept(others))
