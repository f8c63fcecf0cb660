"""Which DICOM files are one slide, and what of a slide is missing."""

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from slides.wsi.formats.dicom.series import HEAD_BYTES, series_of
from slides.wsi.reader import open_slide
from slides.wsi.sets import slide_sets_in
from slides.wsi.working_copy.child import make_copy
from tests.wsi.dicom_makers import GLASS, TISSUE, coded, concatenation, series_among_others


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_series_is_read_past_sequences_that_name_others(tmp_path, syntax):
    path = coded(tmp_path / "a.dcm", np.ndarray.tobytes, syntax)
    data, other = dcmread(path), Dataset()
    other.SeriesInstanceUID = generate_uid()
    data.ReferencedSeriesSequence = Sequence([other])
    for is_undefined in (False, True):
        data["ReferencedSeriesSequence"].is_undefined_length = is_undefined
        data.ReferencedSeriesSequence[0].is_undefined_length_sequence_item = is_undefined
        data.save_as(path)
        assert series_of(path.read_bytes()[:HEAD_BYTES]) == data.SeriesInstanceUID


def test_what_is_cut_or_no_instance_says_no_series(tmp_path):
    content = coded(tmp_path / "a.dcm", np.ndarray.tobytes, ExplicitVRLittleEndian).read_bytes()
    assert {series_of(content[:end]) for end in range(140, 600, 7)} == {""}
    assert series_of(b"text") is None


def test_a_folder_of_loose_files_is_a_slide_for_each_series_whatever_lies_beside_them(tmp_path):
    series_among_others(tmp_path)
    sets, others = slide_sets_in(tmp_path, tmp_path.iterdir())
    assert [each.files for each in sets] == [("a0.dcm", "a1.dcm"), ("b0.dcm",)]
    assert others == ["list.dcm", "preview.jpg"]
    for each in sets:
        with open_slide([tmp_path / name for name in each.files]) as reader:
            assert len(reader.info.levels) == len(each.files)


def test_pictures_alone_are_slides_and_beside_others_they_are_none(tmp_path):
    for name in ("a.png", "x/b.jpg", "x/b.svs", "y/c.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    sets, others = slide_sets_in(tmp_path, [path for path in tmp_path.rglob("*") if path.is_file()])
    assert [each.files[0] for each in sets] == ["a.png", "x/b.svs", "y/c.JPG"]
    assert others == ["x/b.jpg"]


def test_all_parts_of_a_concatenation_are_one_level(tmp_path):
    with open_slide(concatenation(tmp_path)[::-1]) as reader:
        assert not any("missing" in hint for hint in reader.info.hints)
        assert np.abs(reader.read(0, 0, 128, 60, 1).mean((0, 1)) - GLASS).max() <= 3
        assert np.abs(reader.read(0, 68, 128, 60, 1).mean((0, 1)) - TISSUE).max() <= 3


@pytest.mark.parametrize(
    ("lost", "tells_total", "said"),
    [
        (2, True, "Of the slide's full resolution part 2 of 3 is missing; what it holds shows as white."),
        (3, True, "Of the slide's full resolution part 3 of 3 is missing; what it holds shows as white."),
        (2, False, "Of the slide's full resolution part 2 is missing; what it holds shows as white."),
        (3, False, "Of the slide's full resolution a part is missing; what it holds shows as white."),
    ],
)
def test_a_missing_part_is_named_and_the_rest_opens(tmp_path, lost, tells_total, said):
    paths = concatenation(tmp_path, tells_total=tells_total)
    paths.pop(lost - 1).unlink()
    (tmp_path / "copy").mkdir()
    made = make_copy(paths, tmp_path / "copy")
    for files in (paths, [tmp_path / "copy" / name for name in made.files]):
        with open_slide(files) as reader:
            assert said in reader.info.hints
            assert np.abs(reader.read(0, 0, 60, 60, 1).mean((0, 1)) - GLASS).max() <= 3
            x, other_x = {2: (0, 70), 3: (70, 0)}[lost]  # the frames lie 0 1 / 2 3, the first part has the first two
            assert (reader.read(x, 70, 50, 50, 1) == 255).all()
            assert np.abs(reader.read(other_x, 70, 50, 50, 1).mean((0, 1)) - TISSUE).max() <= 3
