"""FROC, counts and candidates: each figure against a case counted by hand."""

import numpy as np
import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.evaluate import counts, froc, proposals
from analysis.lab.evaluate.detection import kept_at, probabilities_of
from tests.lab.evaluate.makers import frame, logit


def two_images() -> list:
    """Half a mm² each; three mitoses, found at 0.9 and 0.6, and a false detection at 0.8."""
    half = (1000.0, 500.0)
    first = frame([(50, 50), (300, 300)], [(50, 50), (600, 100)], [logit(0.9), logit(0.8)], size_um=half)
    return [first, frame([(50, 50)], [(50, 50)], [logit(0.6)], size_um=half)]


def test_froc_counts_false_detections_per_image_and_per_mm2():
    frames = two_images()
    line = froc.froc_curve(frames, probabilities_of(frames, UNCALIBRATED))
    assert line.thresholds == pytest.approx([0.9, 0.8, 0.6])
    assert line.recall == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert line.per_image.tolist() == [0, 0.5, 0.5]
    assert line.per_mm2.tolist() == [0, 1, 1]
    assert line.recall_at(0.25, "per_image") == pytest.approx(1 / 3)
    assert line.recall_at(8, "per_image") == pytest.approx(2 / 3)


def test_the_froc_area_is_that_of_midog_2025_from_0_to_8():
    frames = two_images()
    area = froc.area_as_midog25(frames, probabilities_of(frames, UNCALIBRATED))
    steps = np.linspace(0, 8, 50)
    recall = np.where(steps < 0.5, 1 / 3, 2 / 3)
    assert area == pytest.approx(float(np.trapezoid(recall, steps)), abs=1e-9)


def test_froc_of_frames_without_detections_is_nothing():
    empty = [frame([(50, 50)])]
    assert froc.froc_metrics(empty, [np.zeros(0)])["area_0_to_8_midog25"] == 0.0
    assert froc.froc_metrics(empty, [np.zeros(0)])["recall_at_false_per_mm2"]["50"] == 0.0


def test_limits_of_agreement_are_1_96_standard_deviations_about_the_mean_difference():
    found = counts.limits_of_agreement(np.array([2, 4, 6]), np.array([4, 5, 6]))
    assert found["mean_difference"] == 1.0
    assert found["mean_absolute_error"] == 1.0
    assert found["limits_of_agreement_95"] == [-0.96, 2.96]


def test_one_count_has_no_limits_of_agreement():
    assert counts.limits_of_agreement(np.array([2]), np.array([5]))["limits_of_agreement_95"] is None


def test_count_errors_are_told_per_frame_and_per_slide():
    frames = [
        frame([(50, 50)], [(50, 50), (90, 90)], [2.0, 2.0], "H01", size_um=(1000.0, 500.0)),
        frame([(50, 50), (90, 90)], [(50, 50)], [2.0], "H02", size_um=(1000.0, 500.0)),
    ]
    found = counts.count_metrics(frames, kept_at(frames, UNCALIBRATED, 0.5))
    assert found["per_frame"]["mean_difference"] == 0.0
    assert found["per_frame"]["mean_absolute_error"] == 1.0
    assert found["by_slide"]["H01"] == {
        "labelled": 1, "called": 2, "error": 1, "area_mm2": 0.5, "error_per_mm2": 2.0,
    }  # fmt: skip
    assert found["per_slide_and_mm2"]["mean_absolute_error"] == 2.0


def test_candidates_are_judged_before_scoring_within_7_5_um():
    found = frame([(50, 50), (100, 100)], [(57, 50), (108, 100)], [-9.0, -9.0], size_um=(1000.0, 1000.0))
    assert evaluate.candidate_recall([found]) == 0.5
    assert proposals.proposal_metrics([found])["per_mm2"] == 2.0
    assert evaluate.candidate_recall([frame()]) == 0.0


def test_recall_against_density_comes_from_the_first_stages_logits():
    places = [(50, 50), (60, 60), (300, 300), (500, 500)]
    proposed = frame([(50, 50), (300, 300)], places, [0.0] * 4, size_um=(1000.0, 1000.0), finder=[3.0, 2.0, 1.0, 0.0])
    logits, per_mm2, recall = proposals.recall_curve([proposed])
    assert logits.tolist() == [3, 2, 1, 0]
    assert per_mm2 == pytest.approx([1, 2, 3, 4])
    assert recall.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert proposals.proposal_metrics([proposed])["recall_at_per_mm2"] == {"150": 1.0, "300": 1.0, "500": 1.0}
    assert proposals.recall_curve([frame([(50, 50)])]) is None


def test_the_densest_fifth_of_the_frames_is_told_apart():
    frames = [frame([(50, 50)], [(50, 50)], [0.0], dark_per_mm2=float(n)) for n in range(9)]
    frames.append(frame([(50, 50)], [], [], dark_per_mm2=99.0))
    figures = proposals.proposal_metrics(frames)
    assert [f.dark_per_mm2 for f in proposals.densest_frames(frames)] == [8, 99]
    assert (figures["recall_7_5_um"], figures["recall_in_densest_fifth"]) == (0.9, 0.5)
    assert figures["mitoses_in_densest_fifth"] == 2
