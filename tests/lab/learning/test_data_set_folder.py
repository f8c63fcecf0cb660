"""The folder of a data set: complete or refused, and the same hash for the same verdicts."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.lab.errors import DatasetRefused
from analysis.lab.learning import data_set_folder as folders
from analysis.lab.learning.data_set_folder import LeftOut, PatchRow


def make_row(number=1, **changes):
    row = PatchRow(
        file=folders.patch_file(number),
        label=1,
        settled=True,
        weight=1.0,
        case="a" * 32,
        slide="b" * 32,
        scanner="Aperio",
        tumour="breast",
        x_l0=100.5,
        y_l0=200 + number,
        purpose="validate",
        verdicts=(f"v{number}", f"w{number}"),
        added=False,
        readers=2,
    )
    return replace(row, **changes)


def make_patch(seed):
    return np.random.default_rng(seed).integers(0, 255, (160, 160, 3), np.uint8)


@pytest.fixture
def rows(tmp_path):
    found = [make_row(1), make_row(2, label=2 / 3, settled=False, readers=1, verdicts=("v2",), purpose="correct")]
    for number, row in enumerate(found):
        folders.write_patch(tmp_path, row.file, make_patch(number))
    return found


def alter(folder, **changes):
    path = folder / folders.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_written_is_read_back(tmp_path, rows):
    folders.write_data_set(tmp_path, "id", "Spring", rows[::-1], [LeftOut("readers differ", 3)], ["A case was erased."])
    found = folders.read_data_set(tmp_path)
    assert found.rows == tuple(rows)
    assert (found.table.name, found.table.left_out[0].count, found.table.notes) == (
        "Spring",
        3,
        ("A case was erased.",),
    )
    assert np.array_equal(found.read_patch(found.rows[1]), make_patch(1)), "a patch came back with other pixels"


def test_the_hash_is_of_the_verdicts_and_not_of_files_and_order():
    rows = [make_row(1), make_row(2)]
    renamed = [replace(rows[1], file=folders.patch_file(9), label=1.0), rows[0]]
    assert folders.hash_of_rows(rows) == folders.hash_of_rows(renamed)
    assert folders.hash_of_rows(rows) != folders.hash_of_rows([rows[0], replace(rows[1], label=0)])


def test_a_folder_without_its_table_is_not_complete(tmp_path, rows):
    with pytest.raises(DatasetRefused, match="still being cut"):
        folders.read_data_set(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mpp": 0.5}, "0.5 µm/px"),
        ({"schema": 2}, "schema 2"),
        ({"hash": "0" * 64}, "were changed"),
        ({"colour": "blue"}, "colour is unknown"),
        ({"rows": [{"file": "patches/000001.png"}]}, "is missing"),
        ({"rows": "none"}, "no list"),
    ],
)
def test_an_altered_table_is_refused(tmp_path, rows, changes, sentence):
    folders.write_data_set(tmp_path, "id", "Spring", rows)
    alter(tmp_path, **changes)
    with pytest.raises(DatasetRefused, match=sentence):
        folders.read_data_set(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"file": "../../etc/passwd"}, "not like patches"),
        ({"label": 0.4}, "0 or 1 where settled"),
        ({"label": float("nan"), "settled": False}, "label"),
        ({"weight": float("inf")}, "weight"),
        ({"weight": 0.0}, "above 0"),
        ({"x_l0": float("nan")}, "no number"),
        ({"case": "case 26-04417"}, "no hash"),
        ({"readers": 3}, "3 readers and 2 verdicts"),
        ({"verdicts": ("v", "v")}, "2 verdicts"),
    ],
)
def test_a_row_that_cannot_be_is_no_row(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_row(1, **change)


def test_a_lost_or_spoilt_patch_is_named(tmp_path, rows):
    found = folders.write_data_set(tmp_path, "id", "Spring", rows)
    (tmp_path / rows[0].file).write_bytes(b"")
    with pytest.raises(DatasetRefused, match=r"000001.png is no picture of 160 x 160"):
        found.read_patch(rows[0])
    (tmp_path / rows[0].file).unlink()
    with pytest.raises(DatasetRefused, match=r"lacks patches/000001.png"):
        folders.read_data_set(tmp_path)
    with pytest.raises(DatasetRefused, match=r"lacks patches/000001.png"):
        folders.write_data_set(tmp_path, "id", "Spring", rows)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": 1}'])
def test_a_table_that_is_none_is_refused(tmp_path, rows, content):
    (tmp_path / folders.FILE).write_text(content)
    with pytest.raises(DatasetRefused):
        folders.read_data_set(tmp_path)


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, rows, monkeypatch):
    kept = folders.write_data_set(tmp_path, "id", "Spring", rows)

    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        folders.write_patch(tmp_path, folders.patch_file(3), make_patch(3))
    with pytest.raises(OSError, match="No space"):
        folders.write_data_set(tmp_path, "id", "Spring", rows[:1])
    assert folders.read_data_set(tmp_path).rows == kept.rows
    assert sorted(path.name for path in (tmp_path / "patches").iterdir()) == ["000001.png", "000002.png"]


def test_patches_of_what_left_are_removed(tmp_path, rows):
    folders.write_data_set(tmp_path, "id", "Spring", rows[1:], notes=["A case was erased."])
    assert folders.remove_other_patches(tmp_path, [rows[1].file]) == 1
    assert len(folders.read_data_set(tmp_path).rows) == 1
    assert [path.name for path in (tmp_path / "patches").iterdir()] == ["000002.png"]
