"""What is particular to a format: scenes, focus planes, 16 bits, sets of files, and what they may name."""

import struct

import numpy as np
import pytest
import tifffile

from slides.wsi.check import check_slide
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.tiff.samples import bits_in_use
from slides.wsi.metadata import known_scanner
from slides.wsi.probe import probe
from slides.wsi.reader import open_slide
from tests.wsi import makers, makers_parts
from tests.wsi.makers_parts import GREY_OF_PLANE

MIDDLE = GREY_OF_PLANE[2]


def test_a_scene_is_picked_and_the_others_are_named(tmp_path):
    path = makers_parts.ome_scenes(tmp_path)
    with open_slide(path) as first, open_slide(path, scene=1) as second:
        assert first.info.scenes == second.info.scenes == ((600, 400), (300, 200))
        assert (first.info.width, second.info.width) == (600, 300)
        assert first.info.mpp_x == pytest.approx(0.25)
        assert second.info.mpp_x == pytest.approx(0.5)
    with pytest.raises(SlideRefused, match="The file has 2 pictures; there is no number 3"):
        open_slide(path, scene=2)


@pytest.mark.parametrize(
    "make", [makers_parts.ome_planes, makers_parts.planes_in_strips, makers_parts.dicom_planes],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_of_focus_planes_the_middle_one_is_shown_and_said_to_be(tmp_path, make):
    with open_slide(make(tmp_path)) as reader:
        assert "Of 5 focus planes the middle one is shown." in reader.info.hints
        assert int(reader.read(10, 10, 1, 1, 1)[0, 0, 0]) == MIDDLE


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_keeps_the_unit_of_the_pixel_size_in_its_own_text(tmp_path, unit):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, makers.picture(), imagej=True, metadata={"unit": unit}, resolution=(4, 2))
    with open_slide(path) as reader:
        assert (reader.info.mpp_x, reader.info.mpp_y) == (0.25, 0.5)


def test_of_hamamatsu_focus_planes_the_scanners_own_is_shown_and_said_to_be(tmp_path):
    with open_slide(makers_parts.ndpi_planes(tmp_path)) as reader:
        assert "Of 3 focus planes the one in the middle is shown." in reader.info.hints
        assert np.abs(reader.read(0, 0, 50, 50, 1).astype(int) - makers.picture()[:50, :50]).max() <= 12


def test_pages_that_are_no_focus_planes_are_told(tmp_path):
    pages = np.stack([makers.picture(), makers.picture() // 2])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb", metadata=None)
    with open_slide(tmp_path / "a.tif") as reader:
        assert "Of 2 pictures in the file the first one is shown." in reader.info.hints
        assert (reader.read(0, 0, 50, 50, 1) == makers.picture()[:50, :50]).all()


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("make", [makers_parts.sixteen_bits, makers_parts.sixteen_bits_grey])
def test_of_sixteen_bits_those_in_use_are_shown(tmp_path, make, bits):
    with open_slide(make(tmp_path, bits)) as reader:
        assert any(f"of which {bits} are in use" in hint for hint in reader.info.hints)
        shown, drawn = reader.read(0, 0, 200, 100, 1).astype(int), makers.picture()[:100, :200]
        expected = drawn if make is makers_parts.sixteen_bits else np.repeat(drawn[..., :1], 3, axis=2)
        assert np.abs(shown - expected).max() <= 1


def test_bits_that_the_file_declares_go_before_those_in_use(tmp_path):
    deep = makers.picture().astype(np.uint16)  # 8 bits in use, as a dark picture of 12 bits has
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, deep, tile=(128, 128), photometric="rgb", metadata=None, extratags=[(281, "H", 3, (4095,) * 3, True)]
    )
    with open_slide(path) as reader:
        assert any("of which 12 are in use" in hint for hint in reader.info.hints)
        assert np.abs(reader.read(0, 0, 200, 100, 1).astype(int) - (deep[:100, :200] >> 4)).max() == 0


def test_a_hot_pixel_does_not_darken_the_picture():
    samples = np.full((100, 100), 900, np.uint16)
    samples[0, :5] = 65535
    assert bits_in_use([samples]) == 10
    assert bits_in_use([samples, np.full((100, 100), 5000, np.uint16)]) == 13
    assert bits_in_use([np.zeros((9, 9), np.uint16)]) == 8
    assert bits_in_use([]) == 16


def test_a_mirax_set_passes_its_check_by_all_its_files(tmp_path):
    path = makers_parts.mirax(tmp_path)
    info = probe([path, *sorted(path.with_suffix("").iterdir())])
    assert (info.format, info.mpp_x, info.objective, len(info.levels)) == ("MIRAX", 0.25, 40.0, 3)


@pytest.mark.parametrize("part", [None, "Slidedat.ini", "Index.dat", "Data0000.dat"])
def test_a_mirax_set_without_a_part_says_that_it_is_not_whole(tmp_path, part):
    path = makers_parts.mirax(tmp_path)
    lost = path.with_suffix("") / part if part else path.with_suffix("")
    lost.rename(tmp_path / "elsewhere")
    with pytest.raises(SlideRefused) as refused:
        open_slide(path)
    assert refused.value.kind == "parts"
    assert "folder" in refused.value.reason


@pytest.mark.parametrize("key", ["INDEXFILE", "FILE_0"])
def test_a_mirax_set_that_names_files_of_others_is_refused(tmp_path, key):
    (tmp_path / "theirs").mkdir()
    theirs = makers_parts.mirax(tmp_path / "theirs").with_suffix("")
    path = makers_parts.mirax(tmp_path)
    ini = path.with_suffix("") / "Slidedat.ini"
    name = "Index.dat" if key == "INDEXFILE" else "Data0000.dat"
    ini.write_bytes(ini.read_bytes().replace(f"{key}={name}".encode(), f"{key} = ../theirs/slide/{name}".encode()))
    assert (path.with_suffix("") / "../theirs/slide" / name).is_file()
    with pytest.raises(SlideRefused, match="outside its folder"):
        open_slide(path)
    ini.write_bytes(ini.read_bytes().replace(b"../theirs/slide/", b""))
    (path.with_suffix("") / name).unlink()
    (path.with_suffix("") / name).symlink_to(theirs / name)
    with pytest.raises(SlideRefused, match="outside its folder"):
        open_slide(path)


def test_an_ome_tiff_that_names_another_file_shows_its_own_pages(tmp_path):
    for name, grey in (("theirs", 77), ("mine", 200)):
        (tmp_path / name).mkdir()
        makers_parts.ome_that_names(tmp_path / name / "a.ome.tif", "../theirs/a.ome.tif", grey)
    with open_slide(tmp_path / "mine" / "a.ome.tif") as reader:
        assert (reader.read(0, 0, 20, 20, 1) == 200).all()


def test_levels_in_sub_directories_are_looked_at_to_the_end(tmp_path):
    path = makers_parts.ome_sub_levels(tmp_path)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.pages[0].tags["TileOffsets"]
        tag.overwrite((*tag.value[:-1], path.stat().st_size + 10))
    with pytest.raises(SlideRefused) as refused:
        check_slide([path], ".tif")
    assert refused.value.kind == "truncated"


def test_a_sub_directory_that_is_its_own_parent_ends_in_words_or_is_ignored(tmp_path):
    path = makers_parts.ome_sub_levels(tmp_path)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        tag, first = page.tags["SubIFDs"], page.offset
        place, width = tag.valueoffset, struct.calcsize("<I")
    with path.open("r+b") as file:
        file.seek(place)
        file.write(struct.pack("<I", first) * (tag.count if width == 4 else 1))
    try:
        info = probe(path, timeout_s=20)
    except SlideRefused as refusal:
        assert refusal.kind in ("broken", "format")
    else:
        assert [level.downsample for level in info.levels][0] == 1


def test_an_ome_tiff_tells_its_objective_and_scanner(tmp_path):
    instrument = (
        '<Instrument ID="Instrument:0"><Microscope Manufacturer="Leica Biosystems" Model="Leica GT450" '
        'SerialNumber="SS-999"/><Objective ID="Objective:0:0" NominalMagnification="40.0"/></Instrument>'
    )
    path = makers_parts.ome_that_names(tmp_path / "a.ome.tif", "a.ome.tif", 90, instrument)
    with open_slide(path) as reader:
        assert (reader.info.scanner, reader.info.objective) == ("Leica GT450", 40.0)
        assert "999" not in str(reader.info)


@pytest.mark.parametrize(
    ("maker", "model", "told"),
    [
        ("Hamamatsu", "NanoZoomer S360", "Hamamatsu NanoZoomer S360"),
        ("aperio", "", "Aperio"),
        ("aperio", "GT450", "Aperio GT450"),
        ("Leica Biosystems", "GT450 DX", "Leica GT450 DX"),
        ("leica", "Leica SCN400", "Leica SCN400"),
        ("Leica Biosystems", "SS12345678", "Leica"),
        ("Dr. J. Doe", "AT2", ""),
        ("Aperio", "AT2; J. Doe, 12 Mill Lane", "Aperio"),
    ],
)
def test_of_the_scanner_maker_and_model_are_told_and_no_serial_number(maker, model, told):
    assert known_scanner(maker, model) == told


def test_a_plain_image_is_decoded_when_its_pixels_are_first_read(tmp_path):
    with open_slide(makers.png(tmp_path)) as reader:
        assert reader.held_bytes == 0
        assert (reader.read(0, 0, 20, 20, 1) == makers.picture()[:20, :20]).all()
        assert reader.held_bytes >= makers.WIDTH * makers.HEIGHT * 3
