"""What stands in two parts of a split is told: patients and files as errors, names in two data sets as a warning."""

import shutil
from pathlib import Path

import pytest

from analysis.commands.cli import main
from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.check import check_labels
from analysis.lab.datasets.leaks import find_leaks
from analysis.lab.datasets.records import Label, LabelledImage
from analysis.lab.datasets.splits import SplitConfig, make_split
from analysis.lab.errors import SplitRefused
from tests.lab.datasets_formats import makers


def image(name: str, collection: str, split: str = "", path: Path | None = None) -> LabelledImage:
    return LabelledImage(
        name, name, name, collection, Path(f"{collection}.csv"), (Label(1, 2, MITOSIS),), split=split, path=path
    )


def told(*images: LabelledImage) -> list[tuple[str, str]]:
    return [(fault.severity, fault.what) for fault in find_leaks(list(images))]


def test_slides_of_two_data_sets_with_one_name_in_two_parts_are_a_warning():
    found = told(
        image("043.tiff", "midog21", "train"),
        image("044.tiff", "midog21", "train"),
        image("043.tiff", "midog", "test"),
        image("44.SVS", "midog", "test"),
    )
    assert found == [
        (
            "warning",
            "2 images of midog in test and of midog21 in train have the same names, such as 043.tiff",
        )
    ]


def scan(collection: str, patient: str, split: str) -> LabelledImage:
    name = f"{collection} {patient}"
    return LabelledImage(name, name, patient, collection, Path("a.csv"), (Label(1, 2, MITOSIS),), split=split)


@pytest.mark.parametrize(
    "other", [("icpr2012", "04"), ("mitos12a", "MITOS12-A04"), ("mitos12a", "A04")], ids=lambda other: "/".join(other)
)
def test_two_scans_of_one_glass_in_two_data_sets_are_one_patient(other):
    found = told(scan("mitos-atypia-14", "04", "train"), scan(*other, "test"))
    assert found == [("error", "patient mitos-atypia-14/04 is in test and train")]
    assert told(scan("mitos-atypia-14", "04", "train"), scan(other[0], "00", "test")) == []
    shares = SplitConfig("x", {"train": 0.5, "test": 0.5})
    images = [scan("mitos-atypia-14", "04", ""), scan(*other, ""), scan("mitos-atypia-14", "07", "")]
    together = [part for part in make_split(images, shares).parts.values() if len(part) == 2]
    assert {image.case for part in together for image in part} == {"mitos-atypia-14/04"}


@pytest.mark.parametrize(
    "images",
    [
        (image("043.tiff", "midog21", "train"), image("043.tiff", "midog", "train")),
        (image("043.tiff", "midog21", "train"), image("043.tiff", "midog")),
        (image("slide 1.2", "one", "train"), image("slide 1.3", "two", "test")),
    ],
    ids=["the same part", "no part", "a point within the names"],
)
def test_what_leaks_nothing_is_not_told(images):
    assert told(*images) == []


def test_the_same_file_in_two_data_sets_is_an_error_whatever_it_is_called(tmp_path):
    """Files that begin alike and are as long are told apart by all they hold."""
    files = {name: makers.text(tmp_path, name, b"x" * 70_000 + last) for name, last in (("a", b"1"), ("b", b"2"))}
    files["c"] = Path(shutil.copy(files["a"], tmp_path / "c"))
    found = told(
        image("a", "one", "train", files["a"]),
        image("b", "two", "test", files["b"]),
        image("c", "two", "test", files["c"]),
    )
    assert found == [("error", "c in test is the same file as a in train")]


ROWS = "".join(f"{n:03}.tiff,0.25,1,2,mitosis\n" for n in range(4))
TABLE = f"image,mpp,x,y,label\n{ROWS}"


def test_the_split_command_and_the_check_of_its_manifest_warn_of_names_in_two_parts(tmp_path, capsys):
    for name in ("one", "two"):
        makers.text(tmp_path, f"labels/{name}/labels.csv", TABLE)
    config = makers.text(tmp_path, "s.toml", "name = 's'\nshares = { train = 0.5, test = 0.5 }\nseed = 2")
    out = tmp_path / "split.json"
    labels = str(tmp_path / "labels")
    assert main(["data", "split", labels, "--config", str(config), "--out", str(out)]) == 0
    assert "have the same names" in capsys.readouterr().err
    assert main(["data", "check", labels, "--split", str(out)]) == 0
    assert "WARNING: same name" in capsys.readouterr().out


def test_a_split_that_puts_one_file_into_two_parts_is_refused(tmp_path):
    file = makers.text(tmp_path, "a.png", b"the same bytes")
    images = [image(f"{n}", "p", path=file) for n in range(4)]
    with pytest.raises(SplitRefused, match="is the same file as"):
        make_split(images, SplitConfig("s", {"train": 0.5, "test": 0.5}))


@pytest.mark.needs_data
def test_the_slides_of_midog21_are_found_again_in_midogpp(data_dir, tmp_path):
    for name in ("train/midog21/manifest.csv", "test/MIDOG++.json"):
        source = data_dir / ("midog21/manifest.csv" if "midog21" in name else "formats/MIDOG++.json")
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(source, tmp_path / name)
    [fault] = [fault for fault in check_labels(tmp_path).reading.faults if fault.code == "same_name"]
    assert fault.severity == "warning"
    assert fault.what.startswith("135 images of midog21 in train and of midog in test have the same names, such as ")
