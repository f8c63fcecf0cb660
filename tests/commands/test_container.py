"""The challenge's interface: its inputs.json in, its points in millimetres out."""

import json
from pathlib import Path

import pytest

from analysis.commands.cli import main
from tests.factories import write_tiff
from tests.pipeline.makers import planted_tissue, write_model

CELLS = [(60.0, 70.0), (160.0, 150.0)]
MPP = (0.25, 0.24)  # as of a scanner whose pixels are not square
PLACE = "images/histopathology-roi-cropout"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("weights"), "random-1")


def job(folder: Path, names=("007.tiff",), mpp=MPP, **interface) -> Path:
    """The folder that a job of the challenge hands in."""
    for name in names:
        path = folder / PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tiff(path, planted_tissue(260, 240, CELLS), mpp, factors=(1,))
    about = {"slug": "histopathology-region-of-interest-cropout", "kind": "Image", "super_kind": "Image"}
    socket = {"file": None, "image": {"name": names[0]}, "value": None}
    value = {"file": None, "image": None, "value": 3, "interface": {"kind": "Integer", "super_kind": "Value"}}
    inputs = [value, socket | {"interface": about | {"relative_path": PLACE} | interface}]
    (folder / "inputs.json").write_text(json.dumps(inputs))
    return folder


def container(folder: Path, weights: Path, *more: object) -> int:
    paths = ["--input", folder, "--output", folder / "out", "--model", weights]
    return main(["container", *map(str, [*paths, *more])])


def test_its_points_are_what_detect_finds_in_millimetres_of_the_images_own_pixel_size(weights, tmp_path):
    folder = job(tmp_path)
    assert container(folder, weights) == 0
    told = json.loads((folder / "out" / "mitotic-figures.json").read_text())
    assert main(["detect", str(folder / PLACE), "--model", str(weights), "--out", str(folder)]) == 0
    found = json.loads((folder / f"{Path(PLACE).name}.json").read_text())
    assert (round(found["mpp_x"], 4), round(found["mpp_y"], 4)) == MPP and found["detections"]
    expected = [
        {
            "name": "mitotic figure" if each["mitosis"] else "non-mitotic figure",
            "point": pytest.approx([each["x_l0"] * found["mpp_x"] / 1000, each["y_l0"] * found["mpp_y"] / 1000, 0]),
            "probability": each["probability"],
        }
        for each in found["detections"]
    ]
    assert told.pop("points") == expected
    assert told == {"name": "mitotic figures", "type": "Multiple points", "version": {"major": 1, "minor": 0}}


def test_several_images_get_a_folder_each_and_one_that_cannot_be_read_is_named(weights, tmp_path, capsys):
    folder = job(tmp_path, names=("a.tif", "b.tiff"))
    (folder / PLACE / "c.tif").write_text("no picture")
    inputs = json.loads((folder / "inputs.json").read_text())
    inputs[1]["image"] = {"name": "another name on the platform"}
    (folder / "inputs.json").write_text(json.dumps(inputs))
    assert container(folder, weights) == 1
    assert "c.tif: " in capsys.readouterr().err
    found = sorted(str(path.relative_to(folder / "out")) for path in folder.glob("out/**/*.json"))
    assert found == ["a/mitotic-figures.json", "b/mitotic-figures.json"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "inputs.json").unlink(), "is not there; name the job's folder with --input"),
        (lambda folder: (folder / "inputs.json").write_text("[{"), "inputs.json is no JSON"),
        (lambda folder: (folder / "inputs.json").write_text("[" * 100_000), "inputs.json is no JSON"),
        (lambda folder: (folder / "inputs.json").write_text('{"a": 1}'), "holds no list of inputs"),
        (lambda folder: (folder / "inputs.json").write_text("[]"), "names no image"),
        (lambda folder: job(folder, relative_path="../elsewhere"), "lies outside"),
        (lambda folder: job(folder, relative_path=None), "an image has no relative_path"),
        (lambda folder: job(folder, relative_path="images/none"), "holds no image that can be read"),
        (lambda folder: job(folder, mpp=None), "--mpp"),
    ],
)
def test_what_cannot_be_answered_is_said_and_nothing_is_written(weights, tmp_path, capsys, change, sentence):
    change(job(tmp_path))
    assert container(tmp_path, weights) == 1
    error = capsys.readouterr().err
    assert error.startswith("mitosis container: ") and sentence in error
    assert not list(tmp_path.glob("out/**/*"))
