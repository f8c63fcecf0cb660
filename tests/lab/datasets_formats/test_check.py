"""The report: what is there, what is wrong, an exit status, and the same as JSON."""

import json

import pytest

from analysis.commands.cli import main
from tests.lab.datasets_formats import makers

GOOD = "image,width,height,mpp,x,y,label\na,900,400,0.25,100,200,mitosis\na,900,400,0.25,800,300,look-alike\n"


def check(path, *more) -> int:
    return main(["data", "check", str(path), *map(str, more)])


def test_sound_labels_are_called_usable(tmp_path, capsys):
    assert check(makers.text(tmp_path, "p.csv", GOOD)) == 0
    told = capsys.readouterr().out
    assert "plain CSV, 1 image of 1 case, 0 at hand; 1 mitoses, 1 look-alikes" in told
    assert told.endswith("Usable: nothing is wrong.\n")


def test_labels_whose_axes_cannot_be_checked_are_not_called_free_of_faults(tmp_path, capsys):
    makers.text(tmp_path, "mitoses_ground_truth/30/01.csv", "100,200\n")
    assert check(tmp_path) == 0
    told = capsys.readouterr().out
    assert "Note: axes unchecked" in told
    assert told.endswith("Usable as far as it could be checked; see the notes.\n")


def test_a_warning_is_told_and_the_labels_stay_usable(tmp_path, capsys):
    path = makers.text(tmp_path, "p.csv", GOOD + "a,900,400,0.25,103,200,mitosis\n")
    assert check(path) == 0
    told = capsys.readouterr().out
    assert "WARNING: duplicate\n  p.csv, line 4: the mitosis at 103, 200" in told
    assert told.endswith("Usable, with 1 warning to look at.\n")


def test_errors_come_first_and_give_exit_status_1(tmp_path, capsys):
    path = makers.text(
        tmp_path, "p.csv", GOOD + "a,900,400,0.25,103,200,mitosis\n" + "a,900,400,0.25,far,2,mitosis\n" * 7
    )
    assert check(path, "--json", tmp_path / "report.json") == 1
    told = capsys.readouterr().out
    assert told.index("ERROR: not a number, 7 times") < told.index("WARNING: duplicate")
    assert "  … and 2 more; --json FILE lists them all." in told
    assert told.endswith("Not usable: 7 errors to correct, 1 warning.\n")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["counts"] == {"error": 7, "warning": 1, "note": 0}
    assert not report["usable"]
    assert [fault["line"] for fault in report["faults"] if fault["code"] == "not_a_number"] == list(range(5, 12))


def test_files_in_folders_are_named_from_the_folder_that_was_given(tmp_path, capsys):
    makers.text(tmp_path, "one/labels.csv", GOOD)
    makers.text(tmp_path, "two/labels.csv", "x,y,label\n1,far,mitosis\n")
    assert check(tmp_path) == 1
    assert "two/labels.csv, line 2: y is 'far'" in capsys.readouterr().out


def test_what_holds_no_labels_is_refused_in_words(tmp_path, capsys):
    assert check(tmp_path / "gone") == 1
    assert "is not there" in capsys.readouterr().err


@pytest.mark.needs_data
def test_the_real_label_files_are_usable_and_their_oddities_told(data_dir, tmp_path, capsys):
    assert check(data_dir / "formats", "--json", tmp_path / "report.json") == 0
    told = capsys.readouterr().out
    assert "553 images (50 unlabelled) of 553 cases, 0 at hand; 11,937 mitoses, 14,349 look-alikes" in told
    assert "274 of 26286 boxes reach over the border" in told
    report = json.loads((tmp_path / "report.json").read_text())
    assert [collection["format"] for collection in report["collections"]] == [
        "MIDOG JSON",
        "MITOS-ATYPIA-14",
        "TUPAC16",
    ]
    codes = {fault["code"] for fault in report["faults"] if fault["severity"] == "warning"}
    assert codes == {"centre_outside", "no_pixel_size", "unlabelled", "half_labelled"}
