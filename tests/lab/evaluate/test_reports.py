import json
import re

import cv2
import numpy as np
import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.evaluate import detection, plots, reports
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import frame, slide_of_frames


def two_slides():
    return [frame([(50, 50)], [(50, 50)], [2.0], "H01"), frame([(50, 50)], [(150, 50)], [2.0], "H02")]


def test_the_report_names_its_protocol_and_keeps_slides_apart():
    report = evaluate.report_frames(two_slides(), UNCALIBRATED, 0.5)
    assert report["slides"] == ["H01", "H02"]
    assert report["detection_by_slide"]["H01"]["f1"] == 1.0
    assert report["detection_by_slide"]["H02"]["f1"] == 0.0
    assert report["detection"]["f1"] == report["detection_amida"]["f1"] == 0.5
    assert report["candidate_recall_7_5_um"] == 0.5
    low, high = report["detection"]["f1_95_bootstrap_by_case"]
    assert low <= 0.5 <= high
    assert "one-to-one" in report["protocol"]
    assert report["threshold_logit"] == 0.0
    json.dumps(report, allow_nan=False)


def test_false_detections_on_labelled_look_alikes_are_counted_apart():
    doubtful = frame([(50, 50)], [(50, 50), (150, 50), (250, 50)], [2.0] * 3, look_alikes=[(152, 50)])
    kept = [np.ones(3, bool)]
    assert reports.false_on_look_alikes([doubtful], kept) == {"false": 2, "on_look_alikes": 1}
    assert reports.false_on_look_alikes(two_slides(), [np.ones(1, bool)] * 2) is None


def test_frames_without_any_mitosis_give_no_report():
    with pytest.raises(PipelineRefused, match="hold no labelled mitosis"):
        evaluate.report_frames([frame([], [(50, 50)], [1.0])], UNCALIBRATED, 0.5)


def test_detections_without_windows_have_a_report_without_patch_figures():
    bare = frame([(50, 50)], [(50, 50)], [2.0], on_mitoses=[], on_look_alikes=[], on_nuclei=[])
    assert evaluate.report_frames([bare], UNCALIBRATED, 0.5)["patch"] is None
    assert "patch" not in evaluate.curve_points([bare], [np.array([0.9])], [np.array([True])])


def test_the_table_has_a_line_for_each_group_and_names_what_intervals_are_by():
    text = reports.report_table(evaluate.report_frames(two_slides(), UNCALIBRATED, 0.5))
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "by case" in lines["all"]
    assert lines["slide H01"].split()[2] == "1.000"
    assert "all, AMIDA matching" in lines
    assert "patch figures, 29% mitoses" in lines


def test_the_development_table_shows_where_each_slides_best_threshold_lies():
    frames = [*slide_of_frames("H03", 4), *slide_of_frames("H04", 4, shift=-1.0)]
    text = reports.report_table(evaluate.development_metrics(frames))
    assert "thresholds in uncalibrated logits" in text
    (spread,) = [line for line in text.splitlines() if line.startswith("spread")]
    assert float(spread.split()[1]) == pytest.approx(1.0, abs=0.051)


def test_every_interval_of_the_table_names_what_was_drawn():
    frames = [*slide_of_frames("H03", 4), *slide_of_frames("H04", 4, shift=-1.0)]
    figures = evaluate.development_metrics(frames) | {"gain_of_the_other": evaluate.development_gain(frames, frames)}
    lines = reports.report_table(figures).splitlines()
    with_range = re.compile(r"\d\.\d\d-\d\.\d\d|\d to [+-]\d")
    at = lines.index("thresholds in uncalibrated logits")
    assert "best here  95 % by frame" in lines[at + 1]
    others = [line for line in lines[:at] + lines[at + 5 :] if with_range.search(line) and "limits of" not in line]
    assert len(others) >= 7
    assert all("by case" in line or "by frame" in line for line in others)
    assert [line.split("  ")[1] for line in others if line.startswith("  95 %")] == ["95 % by case", "95 % by frame"]


def test_every_curve_becomes_a_picture_that_shows_something(tmp_path):
    frames = [*slide_of_frames("H03", 3), *slide_of_frames("H04", 3)]
    points = evaluate.development_curves(frames) | {"candidates": {"per_mm2": [1.0, 300.0], "recall": [0.9, 1.0]}}
    written = plots.draw_plots(points, "H03, H04.", "A protocol.", tmp_path)
    assert {path.stem for path in written} == set(plots.PLOTS)
    for path in written:
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 400, path
        # Lines of another colour than the grey of axes and text.
        assert (np.ptp(picture.astype(int), axis=2) > 60).sum() > 100, path


def test_pictures_are_labelled_with_axes_data_and_protocol():
    points = evaluate.curve_points(
        two_slides(), detection.probabilities_of(two_slides(), UNCALIBRATED), [np.ones(1, bool)] * 2
    )
    figure = plots.plot_bland_altman(points, "H01, H02: 2 mitoses in 2 frames.")
    (axes,) = figure.axes
    assert axes.get_ylabel() == "called less labelled"
    assert "2 mitoses in 2 frames" in figure.get_supxlabel()
    assert {"H01", "H02"} <= set(axes.get_legend_handles_labels()[1])


def test_a_report_is_written_as_json_table_and_curves(tmp_path):
    figures = evaluate.report_frames(two_slides(), UNCALIBRATED, 0.5)
    paths = reports.write_report(tmp_path / "new", figures, reports.report_table(figures), {})
    assert [path.name for path in paths] == ["figures.json", "figures.txt", "curves.json"]
    assert json.loads(paths[0].read_text()) == figures
    data, protocol = reports.describe_data(figures)
    assert data == "H01, H02: 2 mitoses in 2 frames."
    assert protocol == "Whole frames, 7.5 µm, greedy one-to-one matching, pooled."
