"""Working copies of DICOM slides: the same frames, none of the words around them."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers
from tests.wsi.deid import makers_parts

REAL_SLIDES = (
    ("gcp_multi_frame_jpeg_camelyon.dcm",),
    ("wsi2dcm_jpeg.dcm",),
    ("openslide-python_boxes_0.dcm", "openslide-python_boxes_1.dcm"),
)


@pytest.fixture
def planted(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    return makers_parts.dicom(folder)


@pytest.fixture
def plain(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    return sorted(makers.dicom(folder).glob("*.dcm"))


def copies(made, folder):
    return [folder / name for name in made.files]


def test_thirty_identifiers_are_in_the_series_and_none_in_its_copy(planted, tmp_path):
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(planted, folder)
    assert len(makers_parts.planted_in(planted)) == 30
    assert makers_parts.planted_in(copies(made, folder)) == []
    assert made.verified and made.unknown == ()
    assert made.files == ("0001.dcm", "0002.dcm")
    assert sorted(path.name for path in folder.iterdir()) == ["0001.dcm", "0002.dcm"]
    assert "label picture" in made.removed and "comments in frames" in made.removed


def test_every_frame_keeps_its_code_but_for_comments(tmp_path):
    series = makers.dicom(tmp_path)
    paths = sorted(series.glob("*.dcm"))
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(paths, folder)
    for path, copy in zip(paths, copies(made, folder), strict=True):
        before, after = dcmread(path), dcmread(copy)
        count = before.NumberOfFrames
        assert list(generate_frames(before.PixelData, number_of_frames=count)) == list(
            generate_frames(after.PixelData, number_of_frames=count)
        )


def test_the_slide_keeps_its_size_its_levels_and_its_pixel_size(planted, tmp_path):
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(planted, folder)
    with open_slide(planted) as before, open_slide(copies(made, folder)) as after:
        assert after.info.levels == before.info.levels
        assert (after.info.mpp_x, after.info.objective) == (before.info.mpp_x, before.info.objective)
        assert np.array_equal(before.thumbnail(400), after.thumbnail(400))


def test_identifiers_are_fresh_and_the_same_throughout_the_series(planted, tmp_path):
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(planted, folder)
    before = [dcmread(path) for path in planted[:2]]
    after = [dcmread(path) for path in copies(made, folder)]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
        assert all(str(data[keyword].value).startswith("2.25.") for data in after)
        assert not {data[keyword].value for data in before} & {data[keyword].value for data in after}
    assert len({data.SeriesInstanceUID for data in after}) == 1
    assert len({data.SOPInstanceUID for data in after}) == 2
    assert all(data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID for data in after)


def test_a_coding_that_is_not_decoded_here_is_copied_too(tmp_path):
    path = makers.dicom_jpegls(tmp_path)
    made = make_copy([path], makers_parts.fresh(tmp_path))
    assert made.verified and "comments in frames" not in made.removed


def test_ten_private_fields_of_an_unknown_maker_are_named_without_their_values(plain, tmp_path):
    makers_parts.with_private_fields(plain[0], makers_parts.UNKNOWN_KEYS)
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(plain, folder)
    assert len(made.unknown) == 10 and all(name.startswith("private (0099,10") for name in made.unknown)
    assert not any(b"CustomKey" in path.read_bytes() for path in copies(made, folder))


def test_ten_tags_of_no_dictionary_are_named(plain, tmp_path):
    data = dcmread(plain[0])
    for number in range(10):
        data.add_new(0x0018_EE00 + number, "LO", f"Patient Meier {number}")
    data.save_as(plain[0], enforce_file_format=True)
    made = make_copy(plain, makers_parts.fresh(tmp_path))
    assert len(made.unknown) == 10


def test_a_slide_that_says_a_label_is_in_its_pixels_is_for_a_person_to_look_at(plain, tmp_path):
    data = dcmread(plain[0])
    data.SpecimenLabelInImage = "YES"
    data.save_as(plain[0], enforce_file_format=True)
    assert make_copy(plain, makers_parts.fresh(tmp_path)).unknown == ("SpecimenLabelInImage says YES",)


@pytest.mark.parametrize("kind", ["OB", "LO", "FL"])
def test_a_number_in_which_a_name_is_written_does_not_stay(kind, plain, tmp_path):
    data = dcmread(plain[0])
    name = b"Meier Eva 12.3.45 "
    several = list(np.frombuffer(name * 12, np.float32)) if kind == "FL" else name
    data.add_new(0x0048_0003, kind, several if kind != "LO" else name.decode())
    data.save_as(plain[0], enforce_file_format=True)
    assert b"Meier Eva" in plain[0].read_bytes()
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(plain, folder)
    assert b"Meier" not in copies(made, folder)[0].read_bytes()


@pytest.mark.parametrize("part", [0.01, 0.05, 0.5, 0.99])
def test_a_series_that_breaks_off_is_refused_in_words(part, tmp_path):
    path = makers.dicom_jpegls(tmp_path)
    makers_parts.cut(path, int(path.stat().st_size * part))
    with pytest.raises(SlideRefused) as refusal:
        make_copy([path], makers_parts.fresh(tmp_path))
    assert refusal.value.reason.endswith(".")


def test_a_value_that_is_no_multiple_of_its_numbers_is_refused_in_words(plain, tmp_path):
    data = plain[0].read_bytes()
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert data.count(rows) == 1
    plain[0].write_bytes(data.replace(rows, rows.replace(b"US", b"UL")))
    with pytest.raises(SlideRefused, match="damaged"):
        make_copy(plain[:1], makers_parts.fresh(tmp_path))


def test_flipped_bytes_are_refused_or_copied_and_never_crash(planted, tmp_path):
    whole = planted[0].read_bytes()
    random = np.random.default_rng(7)
    for _ in range(30):
        data = bytearray(whole)
        for at in random.integers(132, 3000, 2):
            data[at] = random.integers(256)
        planted[0].write_bytes(data)
        folder = makers_parts.fresh(tmp_path)
        try:
            made = make_copy(planted[:1], folder)
        except SlideRefused:
            continue
        assert not made.verified or makers_parts.planted_in(copies(made, folder)) == []


@pytest.mark.needs_data
@pytest.mark.parametrize("names", REAL_SLIDES)
def test_real_slides_pass_with_nothing_unknown(names, data_dir, tmp_path):
    made = make_copy([data_dir / "slides" / name for name in names], makers_parts.fresh(tmp_path))
    assert made.verified and made.unknown == ()
