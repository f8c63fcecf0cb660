import json

import pytest

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.errors import DatasetRefused
from analysis.lab.evaluate.points import join_detections
from analysis.pipeline.errors import PipelineRefused

MPP = 0.25


def detections(path, image, places, threshold=0.5, **changes):
    """A file as `mitosis detect` writes it: places are (x, y, probability)."""
    rows = [{"x_l0": x, "y_l0": y, "probability": p, "mitosis": p >= threshold} for x, y, p in places]
    result = {
        "image": image, "width": 2000, "height": 2000, "mpp_x": MPP, "mpp_y": MPP, "model": "m", "threshold": threshold,
        "candidates": [{"x_l0": x, "y_l0": y} for x, y, _ in places], "detections": rows,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result | changes))
    return path


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "image,patient,label,x,y\n"
        "a.tif,P1,mitosis,400,400\na.tif,P1,mitosis,800,800\na.tif,P1,non_mitosis,1200,1200\nb.tif,P2,mitosis,500,500\n"
    )
    return path


def test_detections_are_joined_with_labels_by_the_images_name(labels, tmp_path):
    found = join_detections(labels, [detections(tmp_path / "a.json", "/d/a.tif", [(404, 400, 0.9), (1200, 1200, 0.8)])])
    (frame,) = found.frames
    assert frame.mitoses.tolist() == [[100, 100], [200, 200]]
    assert frame.size_um == (500.0, 500.0)
    assert frame.slide.endswith("P1")
    assert (found.model, found.without_detections) == ("m", ["b.tif"])
    figures = evaluate.report_frames(found.frames, UNCALIBRATED, found.threshold)
    assert [figures["detection"][key] for key in ("tp", "fp", "fn")] == [1, 1, 1]
    assert figures["false_on_look_alikes"] == {"false": 1, "on_look_alikes": 1}


def test_patients_are_the_cases(labels, tmp_path):
    files = [
        detections(tmp_path / "a.json", "a.tif", [(400, 400, 0.9), (800, 800, 0.9)]),
        detections(tmp_path / "b.json", "b.tif", []),
    ]
    figures = evaluate.report_frames(join_detections(labels, files).frames, UNCALIBRATED, 0.5)
    assert figures["detection"]["f1"] == pytest.approx(0.8)
    assert "f1_95_bootstrap_by_case" in figures["detection"]


@pytest.fixture
def frame_labels(tmp_path):
    """Labels of frames of two slides of mitos14, one of them the slide that is only reported on, in a made-up table."""
    path = tmp_path / "frames.csv"
    rows = [
        f"{name},P{number},mitosis,400,400"
        for number, name in enumerate(("H05_00Aa.jpg", "A05_01Ab.tiff", "H03_00Aa.jpg"))
    ]
    path.write_text("\n".join(["image,patient,label,x,y", *rows]))
    return path


@pytest.mark.parametrize("image", ["H05_00Aa.jpg", "A05_01Ab.tiff"])
def test_frames_for_reporting_only_are_judged_where_the_look_is_counted(frame_labels, tmp_path, image):
    path = detections(tmp_path / "a.json", image, [(400, 400, 0.9)])
    with pytest.raises(PipelineRefused, match=r"is of H05, which is for reporting only.* add --into-card NAME"):
        join_detections(frame_labels, [path])
    found = join_detections(frame_labels, [path], counted=True)
    assert (len(found.frames), found.slides) == (1, ["H05"])


def test_frames_for_reporting_only_are_judged_alone(frame_labels, tmp_path):
    files = [detections(tmp_path / f"{name}.json", name, []) for name in ("H05_00Aa.jpg", "H03_00Aa.jpg")]
    with pytest.raises(PipelineRefused, match="H05 is reported alone"):
        join_detections(frame_labels, files, counted=True)
    assert join_detections(frame_labels, files[1:]).slides == ["H03"]


def test_a_case_for_reporting_only_is_known_by_its_own_label_files(tmp_path):
    (tmp_path / "H05_00Aa_mitosis.csv").write_text("400,400,0.9\n")
    with pytest.raises(PipelineRefused, match="H05_00Aa is of H05"):
        join_detections(tmp_path, [detections(tmp_path / "a.json", "H05_00Aa.tiff", [])])


@pytest.mark.needs_data
def test_tupac_labels_are_read_as_row_and_column_and_found_by_case_and_number(data_dir, tmp_path):
    folder = data_dir / "formats/tupac16"
    rows = [line.split(",") for line in (folder / "23/01.csv").read_text().split()]
    places = [(float(column), float(row), 0.9) for row, column, *_ in rows]
    found = join_detections(folder, [detections(tmp_path / "01.json", "/images/23/01.tif", places)])
    score = evaluate.score_at_threshold(found.frames, UNCALIBRATED, 0.5)
    assert (score.tp, score.fp, score.fn) == (len(rows), 0, 0)


def test_detections_of_an_image_that_the_labels_do_not_name_are_refused(labels, tmp_path):
    with pytest.raises(PipelineRefused, match=r"c.json is about c.tif, which the labels do not name"):
        join_detections(labels, [detections(tmp_path / "c.json", "c.tif", [])])


def test_an_image_that_nobody_labelled_is_no_negative(tmp_path):
    midog = {
        "images": [{"id": i, "file_name": f"00{i}.tiff", "width": 2000, "height": 2000} for i in (1, 2)],
        "categories": [{"id": 1, "name": "mitotic figure"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [375, 375, 425, 425]}],
    }
    path = tmp_path / "midog.json"
    path.write_text(json.dumps(midog))
    assert len(join_detections(path, [detections(tmp_path / "001.json", "001.tiff", [])]).frames) == 1
    with pytest.raises(PipelineRefused, match="nobody labelled; it is no negative"):
        join_detections(path, [detections(tmp_path / "002.json", "002.tiff", [])])


def test_files_of_two_models_or_of_one_image_are_not_mixed(labels, tmp_path):
    a = detections(tmp_path / "a.json", "a.tif", [])
    with pytest.raises(PipelineRefused, match="different models or thresholds"):
        join_detections(labels, [a, detections(tmp_path / "b.json", "b.tif", [], threshold=0.4)])
    with pytest.raises(PipelineRefused, match=r"two files of detections of a.tif"):
        join_detections(labels, [a, detections(tmp_path / "again/a.json", "a.tif", [])])


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "is no JSON file"), ("{}", "it has no image"), ("[]", "it has no image")],
)
def test_a_file_that_is_no_result_of_detect_is_named(labels, tmp_path, content, told):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(PipelineRefused, match=f"a.json.*{told}"):
        join_detections(labels, [tmp_path / "a.json"])


def test_a_detection_without_its_numbers_is_named(labels, tmp_path):
    with pytest.raises(PipelineRefused, match=r"a.json is no file of `mitosis detect`: KeyError"):
        join_detections(labels, [detections(tmp_path / "a.json", "a.tif", [], detections=[{"x_l0": 1, "y_l0": 2}])])
    with pytest.raises(PipelineRefused, match=r"Frame a.tif has a value in margins that is no number"):
        row = {"x_l0": 1, "y_l0": 2, "probability": float("nan")}
        join_detections(labels, [detections(tmp_path / "a.json", "a.tif", [], detections=[row])])


def test_missing_files_are_named(labels, tmp_path):
    with pytest.raises(PipelineRefused, match="gone.json cannot be read"):
        join_detections(labels, [tmp_path / "gone.json"])
    with pytest.raises(DatasetRefused, match="is not there"):
        join_detections(tmp_path / "gone.csv", [])
