import json

import numpy as np
import pytest

from analysis.lab.errors import DatasetRefused
from analysis.lab.gate.locked_set_folder import read_locked_set, write_locked_set
from tests.lab.gate.makers import locked_frame, picture, points

RING = points((10, 10), (300, 10), (300, 200), (10, 200))


def two_frames():
    first = locked_frame(mitoses=[(20, 30), (100.5, 90)], others=[(200, 50)], disputed=[(40, 40)])
    second = locked_frame(
        "b", "b1", mitoses=[(60, 70)], reviewed_px=(RING,), area_mm2=0.002, corner_l0=(1000, 500), step_l0=(1.0, 1.25)
    )
    return [(first, picture(1)), (second, picture(2))]


@pytest.fixture
def written(tmp_path):
    return write_locked_set(tmp_path / "sets", two_frames())


def change(locked, change_content):
    path = locked.folder / "locked_set.json"
    content = json.loads(path.read_text())
    change_content(content)
    path.write_text(json.dumps(content))
    return locked.folder


def test_what_was_written_is_read_again(written):
    read = read_locked_set(written.folder)
    assert (read.hash, read.cases, read.mitoses) == (written.hash, ("a", "b"), 3)
    assert read.folder.name == read.hash
    assert [frame.mitoses_px.tolist() for frame in read.frames] == [[[20, 30], [100.5, 90]], [[60, 70]]]
    assert read.frames[1].to_l0(points((60, 70))).tolist() == [[1060, 587.5]]
    assert read.frames[0].to_l0(points((60, 70))) is None
    assert read.frames[1].reviewed(points((60, 70), (5, 5))).tolist() == [True, False]


def test_the_same_labels_and_pixels_are_the_same_set(tmp_path, written):
    again = write_locked_set(tmp_path / "sets", two_frames())
    assert again.hash == written.hash
    assert [path.name for path in (tmp_path / "sets").iterdir()] == [written.hash]


@pytest.mark.parametrize("what", ["label", "pixel"])
def test_another_label_or_pixel_is_another_set(tmp_path, written, what):
    frames = two_frames()
    if what == "label":
        frames[0] = (locked_frame(mitoses=[(20, 30)]), frames[0][1])
    else:
        frames[0][1][0, 0] += 1
    assert write_locked_set(tmp_path / "sets", frames).hash != written.hash


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda c: c.pop("frames"), "frames is missing"),
        (lambda c: c.update(frame=[]), "frame is unknown"),
        (lambda c: c.update(schema=2), "of another kind"),
        (lambda c: c["frames"][0].update(mitoses_px=[[20, "30"]]), "which is no number"),
        (lambda c: c["frames"][0].update(mitoses_px=[[20, 31]]), "its hash is another"),
        (lambda c: c["frames"][0].update(mitoses_px=[[20, 3100]]), "does not lie in it"),
        (lambda c: c["frames"][0].update(file="../../secret.png"), "does not lie in it"),
        (lambda c: c["frames"][0].update(file="frames/0009.png"), "cannot be read"),
        (lambda c: c["frames"][0].update(file="frames/0002.png"), "was changed after it was written"),
        (lambda c: c["frames"].clear(), "without a frame"),
    ],
)
def test_a_file_that_was_changed_is_refused_in_words(written, wrong, says):
    with pytest.raises(DatasetRefused, match=says):
        read_locked_set(change(written, wrong))


def test_a_folder_that_was_not_finished_is_none(tmp_path):
    with pytest.raises(DatasetRefused, match="is missing"):
        read_locked_set(tmp_path)


@pytest.mark.parametrize(
    ("frame", "rgb", "says"),
    [
        (locked_frame(mitoses=[(400, 20)]), picture(), "does not lie in it"),
        (locked_frame(mitoses=[(np.nan, 20)]), picture(), "does not lie in it"),
        (locked_frame(mitoses=[(5, 5)], reviewed_px=(RING,)), picture(), "outside what was reviewed"),
        (locked_frame(area_mm2=1.0), picture(), "says it is 1 mm²"),
        (locked_frame(case=""), picture(), "of which case"),
        (locked_frame(), picture(width=2100), "the most is 2048"),
        (locked_frame(), picture()[..., 0], "no RGB picture"),
    ],
)
def test_labels_and_pixels_that_do_not_fit_leave_nothing_behind(tmp_path, frame, rgb, says):
    with pytest.raises(DatasetRefused, match=says):
        write_locked_set(tmp_path, [two_frames()[0], (frame, rgb)])
    assert list(tmp_path.iterdir()) == []


def test_a_slide_is_of_one_case(tmp_path):
    with pytest.raises(DatasetRefused, match="of two cases"):
        write_locked_set(tmp_path, [(locked_frame("a", "s"), picture(1)), (locked_frame("b", "s"), picture(2))])
