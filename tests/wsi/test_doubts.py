"""What a person is asked about before anything is counted: pixel sizes, and a scan without its full resolution."""

import dataclasses

import pydicom
import pytest
import tifffile

from slides.wsi.doubts import BASE_MISSING, CODES, CONTRADICTED, OUT_OF_RANGE, describe_doubt, find_doubts
from slides.wsi.formats.aperio.description import is_scaled
from slides.wsi.formats.plain import PlainSource
from slides.wsi.metadata import Level, SlideInfo
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers


def doubts_of(mpp_x, mpp_y=None, power=None, **source):
    info = SlideInfo("x", 64, 64, mpp_x, mpp_y or mpp_x, power, (Level(64, 64, 1.0),))
    told = PlainSource(makers.picture(64, 64), "x", (None, None), ())
    for name, value in source.items():
        setattr(told, name, value)
    return find_doubts(info, told)


@pytest.mark.parametrize(
    ("mpp", "expected"),
    [(0.025, (OUT_OF_RANGE,)), (0.0799, (OUT_OF_RANGE,)), (0.08, ()), (0.25, ()), (2.0, ()), (2.01, (OUT_OF_RANGE,))],
)
def test_sizes_that_no_scan_has_are_asked_about(mpp, expected):
    assert doubts_of(mpp) == expected


@pytest.mark.parametrize(
    ("power", "mpp"),
    [(40, 0.25), (40, 0.2201), (40, 0.2738), (20, 0.499), (20, 0.22), (20, 0.2325), (40, 0.11), (63, 0.1), (10, 1.0)],
)
def test_sizes_and_lenses_of_real_scanners_raise_no_question(power, mpp):
    assert doubts_of(mpp, power=power) == ()


@pytest.mark.parametrize(("power", "mpp"), [(40, 1.0), (40, 0.5), (20, 1.0), (5, 0.25), (10, 0.25), (20, 0.1)])
def test_a_size_at_odds_with_the_lens_is_asked_about(power, mpp):
    assert doubts_of(mpp, power=power) == (CONTRADICTED,)


def test_an_apparent_magnification_leaves_less_room():
    assert doubts_of(0.25, power=20, power_is_apparent=True) == (CONTRADICTED,)
    assert doubts_of(0.25, power=40, power_is_apparent=True) == ()


def test_sides_absurdly_apart_are_asked_about():
    assert doubts_of(0.25, 1.0) == doubts_of(1.0, 0.25) == (CONTRADICTED,)
    assert doubts_of(0.25, 0.5) == ()  # told as a hint
    assert doubts_of(0.07, 0.1) == doubts_of(0.1, 0.07) == (OUT_OF_RANGE,)


def test_large_pixels_of_a_reduced_level_are_no_contradiction():
    assert doubts_of(1.0, power=40, is_reduced=True) == doubts_of(4.0, is_reduced=True) == (BASE_MISSING,)
    assert doubts_of(0.01, power=40, is_reduced=True) == CODES


def test_levels_that_are_files_may_have_been_left_behind():
    assert doubts_of(1.0, power=40, levels_are_files=True) == (CONTRADICTED, BASE_MISSING)
    assert doubts_of(1.0, levels_are_files=True) == (BASE_MISSING,)
    assert doubts_of(1.0, power=10, levels_are_files=True) == doubts_of(0.5, levels_are_files=True) == ()


def test_each_doubt_is_a_sentence_with_the_numbers():
    info = SlideInfo("x", 64, 64, 0.025, 0.025, 40.0, (Level(64, 64, 1.0),))
    assert describe_doubt(OUT_OF_RANGE, info) == "The file says 0.025 µm/px; scans of slides have 0.08 to 2 µm/px."
    assert describe_doubt(CONTRADICTED, info).endswith("40× is about 0.25 µm/px.")
    assert "0.25 by 1 µm/px" in describe_doubt(CONTRADICTED, dataclasses.replace(info, mpp_x=0.25, mpp_y=1.0))
    assert "the full resolution is missing" in describe_doubt(BASE_MISSING, info)
    assert SlideInfo.from_json(info.as_json() | {"doubts": [OUT_OF_RANGE]}).doubts == (OUT_OF_RANGE,)


# Files -------------------------------------------------------------------------------------------------------
def tiff_of_a_wrong_density(folder):
    return makers.write_pages(folder / "slide.tif", [makers.picture()], mpp=0.025, compression="deflate")


def svs_of_half_the_size(folder):
    return makers.svs(folder, mpp=0.5)


def svs_made_smaller(folder):
    """As a level taken out of its file: size and magnification are the scan's."""
    path = makers.svs(folder)
    told = tifffile.tiffcomment(path).replace("600x400 [0,0 600x400]", "2400x1600")
    tifffile.tiffcomment(path, told.replace(") JPEG", ") -> 600x400 JPEG").encode())
    return path


def ome_of_another_lens(folder):
    path = makers.ome(folder, mpp=0.25)
    xml = tifffile.tiffcomment(path).replace(
        "<Image ",
        '<Instrument ID="Instrument:0"><Objective ID="Objective:0" NominalMagnification="4"/></Instrument><Image ',
    )
    tifffile.tiffcomment(path, xml.encode())
    return path


def dicom_without_base(folder, kind=("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED")):
    makers.dicom(folder, levels=3)
    for number in (1, 2):
        path = folder / f"level{number}.dcm"
        data = pydicom.dcmread(path)
        data.ImageType = list(kind)
        data.save_as(path)
    (folder / "level0.dcm").unlink()
    return folder


def dicom_of_original_levels(folder):
    return dicom_without_base(folder, ("ORIGINAL", "PRIMARY", "VOLUME", "NONE"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (makers.svs, ()), (makers.ndpi, ()), (makers.scn, ()), (makers.ome, ()), (makers.dicom, ()),
        (tiff_of_a_wrong_density, (OUT_OF_RANGE,)), (svs_of_half_the_size, (CONTRADICTED,)),
        (svs_made_smaller, (CONTRADICTED, BASE_MISSING)),
        (ome_of_another_lens, (CONTRADICTED,)), (dicom_without_base, (BASE_MISSING,)),
        (dicom_of_original_levels, (CONTRADICTED, BASE_MISSING)),
    ],
)  # fmt: skip
def test_files_bring_their_questions(tmp_path, make, expected):
    path = make(tmp_path)
    with open_slide(path) as reader:
        assert reader.info.doubts == expected
        assert all(describe_doubt(code, reader.info).endswith(".") for code in expected)


@pytest.mark.parametrize("make", [dicom_without_base, svs_made_smaller])
def test_the_working_copy_asks_the_same(tmp_path, make):
    path = make(tmp_path)
    (copy := tmp_path / "copy").mkdir()
    made = make_copy(sorted(path.glob("*.dcm")) if path.is_dir() else [path], copy)
    assert made.verified
    with open_slide([copy / name for name in made.files]) as reader:
        assert BASE_MISSING in reader.info.doubts


@pytest.mark.parametrize(
    ("header", "scaled"),
    [
        ("46920x33014 [0,100 46000x32914] (256x256) -> 11500x8228 JPEG/RGB Q=30", True),
        ("46920x33014 [0,100 46000x32914] (256x256) JPEG/RGB Q=30", False),
        ("46920x33014 [0,100 46000x32914] (256x256) -> 46000x32914 JPEG/RGB", False),
        ("2220x2967 -> 555x741 - |AppMag = 20", True),
        ("2220x2967 (240x240) J2K/KDU Q=70|Note = 9x9 -> 1x1", False),
    ],
)
def test_an_aperio_header_tells_whether_its_picture_was_made_smaller(header, scaled):
    assert is_scaled(f"Aperio Image Library v10.0.51\r\n{header}") == scaled
