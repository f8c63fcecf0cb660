import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.evaluate import thresholds
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import SIDE_UM, frame, logit, row_of, slide_of_frames


def test_the_threshold_is_where_pooled_f1_is_highest():
    frames = [frame([(50, 50), (100, 100)], [(50, 50), (100, 100), (200, 200)], [3.0, 1.0, 0.0])]
    assert 0.5 < evaluate.best_threshold(frames, UNCALIBRATED) <= 1 / (1 + 2.718281828**-1.0)


def test_of_equal_thresholds_the_lower_one_is_taken():
    frames = [frame([(50, 50)], [(50, 50)], [logit(0.8)])]
    assert evaluate.best_threshold(frames, UNCALIBRATED) == 0.05


def test_the_best_logit_lies_in_the_middle_of_equals_and_moves_with_the_scores():
    apart = frame([(50, 50)], [(50, 50), (200, 200)], [2.0, 0.0])
    best, interval = evaluate.best_logit([apart])
    assert best == pytest.approx(1.0, abs=0.051)
    assert interval == [best, best]
    here, there = (evaluate.best_logit(slide_of_frames("H03", 6, shift))[0] for shift in (0.0, -1.5))
    assert here - there == pytest.approx(1.5, abs=0.051)


def ten_mitoses(**false) -> list:
    """1 mm² with mitoses found at 0.952, 0.852 … 0.052."""
    probabilities = [0.952 - 0.1 * i for i in range(10)]
    points, margins = row_of(10), [logit(probability) for probability in probabilities]
    for number in range(false.get("false", 0)):
        points.append((10.0 + 30 * number, 500.0))
        margins.append(logit(0.502))
    return [frame(row_of(10), points, margins, size_um=(SIDE_UM, SIDE_UM))]


def test_high_sensitivity_is_the_highest_threshold_that_finds_nine_of_ten():
    found = evaluate.high_sensitivity(ten_mitoses(), UNCALIBRATED)
    assert (found["threshold"], found["set_by"]) == (0.15, "recall")
    assert (found["tp"], found["fp"], found["fn"]) == (9, 0, 1)


def test_high_sensitivity_stops_at_25_false_detections_per_mm2():
    found = evaluate.high_sensitivity(ten_mitoses(false=30), UNCALIBRATED)
    assert (found["threshold"], found["set_by"]) == (0.505, "false detections per mm2")
    assert found["recall"] == pytest.approx(0.5)
    within = evaluate.high_sensitivity(ten_mitoses(false=25), UNCALIBRATED)
    assert (within["threshold"], within["false_per_mm2"]) == (0.15, 25.0)


def test_high_sensitivity_says_where_too_few_are_found_at_any_threshold():
    found = evaluate.high_sensitivity([frame(row_of(4), row_of(1), [2.0])], UNCALIBRATED)
    assert (found["threshold"], found["set_by"], found["recall"]) == (0.01, "lowest step", 0.25)


@pytest.mark.parametrize("choose", [thresholds.best_threshold, thresholds.high_sensitivity])
def test_no_threshold_is_chosen_on_frames_without_mitoses(choose):
    with pytest.raises(PipelineRefused, match="H99 hold no labelled mitosis"):
        choose([frame([], [(50, 50)], [1.0])], UNCALIBRATED)
    with pytest.raises(PipelineRefused, match="hold no labelled mitosis"):
        evaluate.best_logit([frame()])
