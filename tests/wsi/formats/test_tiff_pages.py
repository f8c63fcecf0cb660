"""Of a TIFF the largest scan is shown with its own pixel size, wherever its pages lie, in reader and working copy."""

import numpy as np
import pytest
import tifffile

from slides.wsi.formats.tiff.scans import Page, find_scans
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers

WHOLE = makers.picture()
LEVELS = dict(zip(("whole", "half", "quarter"), makers.halves(WHOLE), strict=True))
TINY = makers.halves(WHOLE, 4)[3]
OTHER = np.ascontiguousarray(255 - makers.picture(480, 400))  # another scan, of other sides


def write(tiff, pixels, mpp, tiled=True, **options):
    tiff.write(
        pixels, tile=(128, 128) if tiled else None, photometric="rgb", compression="zlib", metadata=None,
        resolution=(1e4 / mpp, 1e4 / mpp), resolutionunit="CENTIMETER", **options,
    )  # fmt: skip


def pages_in_order(folder, sizes, kinds=(0, 0, 0, 0), tiled=True):
    path, mpp = folder / "slide.tif", {75: 2.0, 150: 1.0, 300: 0.5, 600: 0.25}
    pictures = {level.shape[1]: level for level in (*LEVELS.values(), TINY)}
    with tifffile.TiffWriter(path) as tiff:
        for size, kind in zip(sizes, kinds, strict=True):
            write(tiff, pictures[size], mpp[size], tiled, subfiletype=kind)
    return path


def thumbnail_in_strips_first(folder):
    path = folder / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        write(tiff, TINY, 2.0, tiled=False)
        write(tiff, LEVELS["half"], 0.5)
        write(tiff, WHOLE, 0.25)
    return path


def scan_below_a_thumbnail(folder):
    path = folder / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        write(tiff, TINY, 2.0, tiled=False, subifds=2, subfiletype=1)
        write(tiff, LEVELS["half"], 0.5, subfiletype=1)
        write(tiff, WHOLE, 0.25)
    return path


def aperio_with_its_thumbnail_in_tiles_first(folder):
    path = folder / "slide.svs"
    with tifffile.TiffWriter(path) as tiff:
        for pixels, mpp in ((TINY, 2.0), (WHOLE, 0.25), (LEVELS["half"], 0.5)):
            about = makers.APERIO.format(w=pixels.shape[1], h=pixels.shape[0], t=128, mpp=mpp)
            tiff.write(pixels, tile=(128, 128), photometric="rgb", compression="zlib", metadata=None, description=about)
    return path


def ome_with_a_small_picture_first(folder):
    path = folder / "slide.ome.tif"
    options = {"tile": (128, 128), "photometric": "rgb", "compression": "zlib"}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for pixels, mpp in ((TINY, 2.0), (WHOLE, 0.25)):
            tiff.write(pixels, metadata={"axes": "YXS", "PhysicalSizeX": mpp, "PhysicalSizeY": mpp}, **options)
    return path


def copied(path, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    made = make_copy([path], folder)
    assert made.verified, made
    return folder / made.files[0]


def shows_the_scan(path):
    """Whether level 0 is WHOLE at its own pixel size."""
    with open_slide(path) as reader:
        pixels = reader.read(0, 0, reader.info.width, reader.info.height, 1)
        assert (reader.info.mpp_x, reader.info.mpp_y) == (pytest.approx(0.25),) * 2
        return np.array_equal(pixels, WHOLE)


@pytest.mark.parametrize(
    ("sizes", "kinds"),
    [
        ((75, 600, 300, 150), (0, 0, 1, 1)),
        ((75, 600, 300, 150), (0, 0, 0, 0)),
        ((75, 150, 300, 600), (1, 1, 1, 0)),
        ((300, 75, 600, 150), (1, 1, 1, 1)),
    ],
)
def test_the_largest_page_in_tiles_is_the_scan_in_any_order(sizes, kinds, tmp_path):
    path = pages_in_order(tmp_path, sizes, kinds)
    copy = copied(path, tmp_path)
    for each in (path, copy):
        assert shows_the_scan(each)
        with open_slide(each) as reader:
            assert [level.width for level in reader.info.levels] == [600, 300, 150, 75]
            assert reader.info.scenes == ()
    with tifffile.TiffFile(copy) as tiff:
        assert [page.imagewidth for page in tiff.pages] == [600, 300, 150, 75]


@pytest.mark.parametrize(
    "make",
    [
        thumbnail_in_strips_first, scan_below_a_thumbnail, aperio_with_its_thumbnail_in_tiles_first,
        ome_with_a_small_picture_first, lambda folder: pages_in_order(folder, (150, 600, 300, 75), tiled=False),
    ],
)  # fmt: skip
def test_the_scan_is_found_behind_a_thumbnail(make, tmp_path):
    path = make(tmp_path)
    assert shows_the_scan(path)
    assert shows_the_scan(copied(path, tmp_path))


def two_scans(folder, tiled):
    """Small levels first, and the smaller scan before the larger one."""
    path = folder / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        write(tiff, LEVELS["half"], 0.5, tiled, subfiletype=1)
        write(tiff, OTHER, 0.5, tiled)
        write(tiff, np.ascontiguousarray(OTHER[::2, ::2]), 1.0, tiled, subfiletype=1)
        write(tiff, WHOLE, 0.25, tiled)
        write(tiff, makers.picture(128, 100), 40.0, tiled)  # a photograph of the glass
    return path


@pytest.mark.parametrize("tiled", [True, False])
def test_a_second_scan_is_a_scene_of_its_own_and_told(tiled, tmp_path):
    path = two_scans(tmp_path, tiled)
    for each in (path, copied(path, tmp_path)):
        assert shows_the_scan(each)
        with open_slide(each) as first, open_slide(each, scene=1) as second:
            assert first.info.scenes == second.info.scenes == ((600, 400), (480, 400))
            assert first.info.hints == ("Of 2 pictures in the file the first one is shown.",)
            assert second.info.hints == ("Of 2 pictures in the file number 2 is shown.",)
            assert second.info.mpp_x == pytest.approx(0.5)
            assert [level.width for level in second.info.levels] == ([480, 240] if tiled else [480])
            assert np.array_equal(second.read(0, 0, 480, 400, 1), OTHER)


def test_two_scans_of_one_size_keep_their_own_levels(tmp_path):
    path, other = tmp_path / "slide.tif", np.ascontiguousarray(255 - WHOLE)
    with tifffile.TiffWriter(path) as tiff:
        for scan in (WHOLE, other):
            for level in makers.halves(scan, 2):
                write(tiff, level, 0.25 * 600 / level.shape[1])
    with open_slide(path, scene=1) as reader:
        assert np.array_equal(reader.read(0, 0, 300, 200, 2), makers.halves(other, 2)[1])


@pytest.mark.parametrize(
    ("pages", "scans"),
    [
        ([(400, 300, 0.25), (200, 150, 0.25)], [[0], [1]]),  # as fine as the first: no level of it
        ([(400, 300, 0.25), (200, 150, 0.25), (100, 75, 0.25)], [[0, 1, 2]]),  # a writer who copies the density
        ([(400, 300, None), (200, 150, None)], [[0, 1]]),
        ([(400, 300, 0.25), (400, 300, 0.25), (200, 150, 0.5), (200, 150, 0.5)], [[0, 2], [1, 3]]),
        ([(400, 300, 0.25), (300, 300, None)], [[0]]),  # a label without a name
        ([(400, 300, 0.25), (300, 300, 80.0)], [[0]]),
    ],
)
def test_what_is_a_level_and_what_a_scan(pages, scans):
    listed = [Page(number, w, h, is_tiled=True, is_colour=True, mpp=mpp) for number, (w, h, mpp) in enumerate(pages)]
    assert [[page.number for page in scan] for scan in find_scans(listed)] == scans


def test_words_about_a_label_do_not_hide_the_scan():
    scan = Page(0, 400, 300, is_tiled=True, is_colour=True, is_beside=True)
    half, label = Page(1, 200, 150, True, True), Page(2, 200, 150, True, True, is_beside=True)
    assert find_scans([label, scan, half]) == [[scan, half]]


def aperio_with_its_thumbnail_in_strips_first(folder):
    about = makers.APERIO.format(w=600, h=400, t=128, mpp=0.25)
    common = {"photometric": "rgb", "metadata": None, "compression": "zlib"}
    with tifffile.TiffWriter(folder / "slide.svs") as tiff:
        tiff.write(TINY, description="Aperio Image Library v12.0.0 \r\n", **common)
        tiff.write(WHOLE, tile=(128, 128), description=about, **common)
    return folder / "slide.svs"


def aperio_with_a_larger_label(folder):
    about = makers.APERIO.format(w=300, h=200, t=128, mpp=0.5)
    common = {"tile": (128, 128), "photometric": "rgb", "metadata": None, "compression": "zlib"}
    with tifffile.TiffWriter(folder / "slide.svs") as tiff:
        tiff.write(LEVELS["half"], description=about, **common)
        tiff.write(OTHER, description="Aperio Image Library v12.0.0 \r\nlabel 480x400", **common)
    return folder / "slide.svs"


def grey_thumbnail_first(folder):
    with tifffile.TiffWriter(folder / "slide.tif") as tiff:
        density = {"resolution": (10_000, 10_000), "resolutionunit": "CENTIMETER"}
        tiff.write(LEVELS["quarter"][..., 1], tile=(128, 128), photometric="minisblack", metadata=None, **density)
        write(tiff, WHOLE, 0.25)
    return folder / "slide.tif"


@pytest.mark.parametrize(
    ("make", "size", "mpp"),
    [
        (aperio_with_its_thumbnail_in_strips_first, (600, 400), 0.25), (aperio_with_a_larger_label, (300, 200), 0.5),
        (grey_thumbnail_first, (600, 400), 0.25),
    ],
)  # fmt: skip
def test_a_thumbnail_or_a_label_is_no_scan_wherever_it_lies(make, size, mpp, tmp_path):
    path, folder = make(tmp_path), tmp_path / "copy"
    folder.mkdir()
    made = make_copy([path], folder)
    assert made.verified
    for each in (path, folder / made.files[0]):
        with open_slide(each) as reader:
            info = reader.info
            assert ((info.width, info.height), info.mpp_x, info.scenes) == (size, mpp, ())


def test_a_second_scan_that_tells_no_size_is_not_left_out_without_a_word(tmp_path):
    """It could be a label, which must not be shown; who sent it has to know."""
    with tifffile.TiffWriter(tmp_path / "slide.tif") as tiff:
        write(tiff, WHOLE, 0.25)
        tiff.write(OTHER, tile=(128, 128), photometric="rgb", metadata=None)
    with open_slide(tmp_path / "slide.tif") as reader:
        assert reader.info.scenes == ()
        assert [hint for hint in reader.info.hints if "480 by 400 px" in hint and "not shown" in hint]


@pytest.mark.parametrize(("unit", "density"), [(2, 101_600), (3, 40_000), (4, 4000), (5, 4)])
def test_every_unit_of_density_that_is_written_is_read_and_copied(unit, density, tmp_path):
    path, folder = tmp_path / "slide.tif", tmp_path / "copy"
    tifffile.imwrite(
        path, WHOLE, tile=(128, 128), photometric="rgb", metadata=None, resolution=(density, density),
        resolutionunit=unit,
    )  # fmt: skip
    folder.mkdir()
    made = make_copy([path], folder)
    assert made.verified and made.unknown == ()
    for each in (path, folder / made.files[0]):
        with open_slide(each) as reader:
            assert (reader.info.mpp_x, reader.info.mpp_y) == (0.25, 0.25)
