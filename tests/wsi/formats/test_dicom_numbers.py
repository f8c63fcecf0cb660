"""Names written as numbers in attributes of DICOM that may stay: a value that no slide has goes and is named."""

import struct

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.sequence import Sequence

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.dicom.working_copy import ODD, rewrite
from tests.wsi import makers
from tests.wsi.deid.makers_parts import PLANTED, fresh, planted_in

NAME = PLANTED[0].encode()
LETTERS = {"FL": "f", "FD": "d", "US": "H", "UL": "I", "SL": "i", "SV": "q", "UV": "Q"}


@pytest.fixture
def instance(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    return next(makers.dicom(folder, levels=1).glob("*.dcm"))


def spelled(kind, count, text=NAME):
    """Numbers whose bytes are the name."""
    size = struct.calcsize(LETTERS[kind])
    values = list(struct.unpack(f"<{count}{LETTERS[kind]}", text.ljust(size * count)[: size * count]))
    return values if count > 1 else values[0]


def copied(path, tmp_path):
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    return made, folder / made.files[0]


def changed(path, change):
    data = dcmread(path)
    change(data)
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    ("keyword", "kind", "value"),
    [
        ("ImagedVolumeWidth", "FL", spelled("FL", 5)),
        ("ImagedVolumeDepth", "FD", spelled("FD", 1)),
        ("ImagedVolumeDepth", "FD", spelled("FD", 1, b"Meier,\x70\x3f")),
        ("ImageOrientationSlide", "FD", spelled("FD", 6)),
        ("ImageOrientationSlide", "SL", spelled("SL", 5)),
        ("RecommendedAbsentPixelCIELabValue", "US", spelled("US", 3)),
        ("FrameAcquisitionNumber", "US", spelled("US", 1)),
        ("DimensionIndexValues", "UL", spelled("UL", 5)),
        ("DimensionIndexValues", "UL", list(NAME)),
        ("ZOffsetInSlideCoordinateSystem", "SV", spelled("SV", 1)),
        ("NumberOfFocalPlanes", "UV", spelled("UV", 2)),
        ("LossyImageCompressionRatio", "DS", [str(letter) for letter in NAME]),
        ("XOffsetInSlideCoordinateSystem", "DS", "19630412"),
        ("SliceThickness", "DS", "1_9_6_3"),
        ("SeriesNumber", "IS", "19630412"),
        ("DimensionIndexPointer", "AT", 0x4D656965),
        ("FunctionalGroupPointer", "AT", [0x4D656965, 0x722C2045]),
        ("ObjectiveLensPower", "OW", NAME.ljust(20)),
        ("CondenserLensPower", "OF", NAME.ljust(20)),
        ("IlluminationWaveLength", "OD", NAME.ljust(24)),
    ],
)  # fmt: skip
def test_numbers_that_an_attribute_cannot_have_go_and_are_named(keyword, kind, value, instance, tmp_path):
    changed(instance, lambda data: data.add_new(tag_for_keyword(keyword), kind, value))
    made, copy = copied(instance, tmp_path)
    assert keyword not in dcmread(copy)
    assert planted_in([copy]) == []
    assert made.unknown == (f"{keyword} {ODD}",)


def test_numbers_that_it_can_have_stay(instance, tmp_path):
    values = {
        "RecommendedAbsentPixelCIELabValue": [65535, 32896, 32896], "LossyImageCompressionRatio": ["20.51", "3"],
        "ImagedVolumeDepth": 1.5, "InstanceNumber": 12, "SeriesNumber": 3, "ZOffsetInSlideCoordinateSystem": "-2.5",
    }  # fmt: skip
    changed(instance, lambda data: [setattr(data, keyword, value) for keyword, value in values.items()])
    made, copy = copied(instance, tmp_path)
    before, after = dcmread(instance), dcmread(copy)
    assert all(before[keyword].value == after[keyword].value for keyword in values)
    assert made.verified and made.unknown == ()


def test_more_items_than_a_sequence_has_go_and_are_named(instance, tmp_path):
    def spell(data):
        items = [Dataset() for _ in NAME]
        for item, letter in zip(items, NAME, strict=True):
            item.XOffsetInSlideCoordinateSystem = str(letter)
        data.TotalPixelMatrixOriginSequence = Sequence(items)

    made, copy = copied(changed(instance, spell), tmp_path)
    assert "TotalPixelMatrixOriginSequence" not in dcmread(copy)
    assert made.unknown == (f"TotalPixelMatrixOriginSequence {ODD}",)


def test_offsets_of_frames_stay_where_they_are_such(instance, tmp_path):
    made, copy = copied(changed(instance, _with_tables), tmp_path)
    assert dcmread(copy).ExtendedOffsetTable == dcmread(instance).ExtendedOffsetTable
    assert dcmread(copy).ExtendedOffsetTableLengths == dcmread(instance).ExtendedOffsetTableLengths
    assert made.verified and made.unknown == ()


def test_six_letters_in_each_of_the_offsets_of_frames_are_not_copied(instance, tmp_path):
    def with_letters(data):
        data.ExtendedOffsetTable = data.ExtendedOffsetTableLengths = b"Meier,\0\0" * 3

    made, copy = copied(changed(instance, with_letters), tmp_path)
    assert b"Meier" not in copy.read_bytes() and made.verified
    assert made.unknown == (f"ExtendedOffsetTable {ODD}", f"ExtendedOffsetTableLengths {ODD}")


def _with_tables(data):
    frames = list(generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)


@pytest.mark.parametrize("table", [NAME.ljust(20), bytes(4) + b"AmieBertCarlDora"])
def test_letters_for_the_offsets_by_which_frames_are_read_get_no_copy(table, instance, tmp_path):
    def change(data):
        frames = list(generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
        code = encapsulate(frames, has_bot=False)
        data.PixelData = code[:4] + struct.pack("<I", len(table)) + table + code[8:]

    changed(instance, change)
    with pytest.raises(SlideRefused):
        copied(instance, tmp_path)
