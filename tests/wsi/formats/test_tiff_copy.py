"""Working copies of TIFF slides: the same pixels, and no byte of what was planted around them."""

import struct

import numpy as np
import openslide
import pytest
import tifffile

from slides.wsi.deid import jpeg_tables
from slides.wsi.deid.child import rewrite
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.tiff import tag_rules
from slides.wsi.reader import open_slide
from tests.wsi import makers as plain
from tests.wsi import makers_parts as parts
from tests.wsi.deid import makers, makers_ndpi
from tests.wsi.deid.makers_parts import PLANTED, UNKNOWN_KEYS, fresh, planted_in


def big_endian(folder, unknown=False):
    return makers.tiled(folder, unknown, byteorder=">")


def big_tiff(folder, unknown=False):
    return makers.tiled(folder, unknown, bigtiff=True)


PLANTED_SLIDES = [makers.svs, makers.ome, makers.tiled, big_endian, big_tiff, makers_ndpi.ndpi]
PLAIN_SLIDES = [
    plain.svs, plain.tiff_jpeg, plain.tiff_zstd, plain.tiff_png, plain.tiff_grey, plain.tiff_gap, plain.tiff_planar,
    plain.ome, plain.tiff_strips, plain.ndpi, parts.aperio_jpeg2000, parts.sixteen_bits, parts.ndpi_planes,
    parts.ome_sub_levels, parts.ome_planes, parts.ome_scenes,
]  # fmt: skip


def copy_of(path, tmp_path):
    folder = fresh(tmp_path)
    made = rewrite([path], folder)
    assert [folder / name for name in made.files] == list(folder.iterdir())
    return made, folder / made.files[0]


def all_pixels(path):
    with open_slide(path) as reader:
        return [
            reader.read(0, 0, level.width, level.height, level.downsample) for level in reader.info.levels
        ]  # fmt: skip


def same_to_the_bit(path, copy):
    return all(map(np.array_equal, all_pixels(path), all_pixels(copy)))


@pytest.mark.parametrize("make", PLANTED_SLIDES)
def test_thirty_identifiers_are_in_the_slide_and_none_in_its_copy(make, tmp_path):
    path = make(tmp_path)
    assert planted_in([path]) == list(PLANTED)
    made, copy = copy_of(path, tmp_path)
    assert planted_in([copy]) == []
    assert made.verified and made.unknown == ()
    assert same_to_the_bit(path, copy)
    assert not any(value in words for words in made.removed for value in PLANTED)


@pytest.mark.parametrize("make", [makers.svs, makers.ome, makers.tiled])
def test_ten_keys_that_no_rule_knows_are_named_and_left_out(make, tmp_path):
    path = make(tmp_path, unknown=True)
    made, copy = copy_of(path, tmp_path)
    assert planted_in([copy]) == []
    assert len(made.unknown) == 10
    if make is not makers.tiled:
        assert made.unknown == UNKNOWN_KEYS
        assert not any(key.encode() in copy.read_bytes() for key in UNKNOWN_KEYS)


@pytest.mark.parametrize("make", PLAIN_SLIDES)
def test_a_copy_reads_as_its_slide_does(make, tmp_path):
    path = make(tmp_path)
    made, copy = copy_of(path, tmp_path)
    assert made.verified and made.unknown == ()
    with open_slide(path) as before, open_slide(copy) as after:
        assert after.info == before.info
    assert same_to_the_bit(path, copy)


def test_label_macro_and_thumbnail_are_gone_and_told(tmp_path):
    made, copy = copy_of(makers.svs(tmp_path), tmp_path)
    assert {"label picture", "macro picture", "thumbnail picture"} <= set(made.removed)
    with openslide.OpenSlide(copy) as slide:
        assert dict(slide.associated_images) == {}
        assert slide.properties["aperio.AppMag"] == "40"
        assert slide.properties["aperio.StripeWidth"] == "2040"
        assert not {"aperio.Patient", "aperio.Filename", "aperio.ScanScope ID"} & set(slide.properties)
    with tifffile.TiffFile(copy) as tiff:
        assert [page.shape[:2] for page in tiff.pages] == [(400, 600), (200, 300), (100, 150)]


def test_the_label_of_an_ome_tiff_is_gone_from_its_pages_and_its_xml(tmp_path):
    made, copy = copy_of(makers.ome(tmp_path), tmp_path)
    assert "label or macro picture" in made.removed
    with tifffile.TiffFile(copy) as tiff:
        assert [page.shape[:2] for page in tiff.pages] == [(400, 600)]
        assert len(tiff.series) == 1 and len(tiff.series[0].levels) == 3
        assert tiff.ome_metadata.count("<Image ") == 1


def test_a_label_among_the_pages_of_a_plain_pyramid_is_gone(tmp_path):
    _, copy = copy_of(makers.tiled(tmp_path), tmp_path)
    with tifffile.TiffFile(copy) as tiff:
        assert len(tiff.pages) == 3
        assert all(page.is_tiled for page in tiff.pages)


def test_words_inside_coded_tiles_are_cut_out(tmp_path):
    path = makers.svs_with_words_in_its_tiles(tmp_path)
    assert planted_in([path]) == list(PLANTED[:3])
    made, copy = copy_of(path, tmp_path)
    assert planted_in([copy]) == []
    assert {"comments", "EXIF fields", "bytes behind the picture"} <= set(made.removed)
    assert made.verified and same_to_the_bit(path, copy)


def test_an_ndpi_says_what_of_it_is_gone_and_keeps_its_facts(tmp_path):
    path = makers_ndpi.ndpi(tmp_path)
    made, copy = copy_of(path, tmp_path)
    assert made.method == "hamamatsu"
    assert {"macro picture", "comments in frames", "bytes behind the picture", jpeg_tables.UNUSED} <= set(made.removed)
    with open_slide(path) as before, open_slide(copy) as after:
        assert after.info == before.info and after.info.scanner == "Hamamatsu C9600"


def test_ten_tags_of_an_ndpi_that_no_rule_knows_are_named_and_left_out(tmp_path):
    made, copy = copy_of(makers_ndpi.ndpi(tmp_path, unknown=True), tmp_path)
    assert made.unknown == tuple(f"TIFF tag {tag}" for tag in makers_ndpi.UNKNOWN_TAGS)
    assert planted_in([copy]) == []


def test_a_copy_of_a_copy_is_the_same_and_loses_nothing(tmp_path):
    _, copy = copy_of(makers.svs(tmp_path), tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    made = rewrite([copy], again)
    assert (again / made.files[0]).read_bytes() == copy.read_bytes()
    assert made.removed == () and made.verified


def test_only_tags_on_the_list_are_in_a_copy(tmp_path):
    _, copy = copy_of(makers.tiled(tmp_path), tmp_path)
    with tifffile.TiffFile(copy) as tiff:
        tags = {tag.code for page in tiff.pages for tag in page.tags}
    assert tags <= set(tag_rules.STRUCTURE) | {tag_rules.TILE_OFFSETS, tag_rules.TILE_BYTES}


def test_a_structural_tag_with_text_in_it_is_left_out_and_named(tmp_path):
    path = tmp_path / "slide.tiff"
    tifffile.imwrite(
        path, plain.picture(), tile=(128, 128), photometric="rgb", metadata=None,
        extratags=[makers.tag(286, PLANTED[0]), (32996, 3, 20, tuple(b"Patient Meier, Eva!!"), True)],
    )  # fmt: skip
    made, copy = copy_of(path, tmp_path)
    assert made.unknown == ("TIFF tag 286", "TIFF tag 32996")
    assert planted_in([copy]) == []


def test_a_format_without_a_rewrite_gets_no_copy(tmp_path):
    folder = fresh(tmp_path)
    made = rewrite([plain.scn(tmp_path)], folder)
    assert (made.files, made.method, made.verified) == ((), "none", False)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("make", [makers.svs, makers.ome, makers.tiled])
@pytest.mark.parametrize("part", [0.001, 0.1, 0.3, 0.5])
def test_a_slide_that_breaks_off_is_refused_in_words(make, part, tmp_path):
    path = make(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(SlideRefused) as refusal:
        rewrite([path], fresh(tmp_path))
    assert refusal.value.reason.endswith(".")


def test_tiles_that_overlap_do_not_blow_the_copy_up(tmp_path):
    path = plain.write_pages(tmp_path / "slide.tiff", [plain.picture(4096, 4096)], compression=None)
    with tifffile.TiffFile(path) as tiff:
        offsets, counts = tiff.pages.first.tags["TileOffsets"], tiff.pages.first.tags["TileByteCounts"]
        first, number = offsets.value[0], len(offsets.value)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(offsets.valueoffset)
        file.write(struct.pack(f"<{number}I", *(first + n for n in range(number))))
        file.seek(counts.valueoffset)
        file.write(struct.pack(f"<{number}I", *(size // 4 for _ in range(number))))
    folder = fresh(tmp_path)
    with pytest.raises(SlideRefused):
        rewrite([path], folder)
    assert sum(left.stat().st_size for left in folder.iterdir()) <= size + 2**25


@pytest.mark.parametrize("make", [plain.svs, plain.ome, plain.ndpi])
def test_flipped_bytes_are_refused_or_copied_and_never_crash(make, tmp_path):
    path = make(tmp_path)
    whole = path.read_bytes()
    random = np.random.default_rng(7)
    for _ in range(15):
        data = bytearray(whole)
        for at in random.integers(0, len(data), 6):
            data[at] = random.integers(256)
        path.write_bytes(data)
        try:
            rewrite([path], fresh(tmp_path))
        except SlideRefused:
            continue
