"""Levels with gaps: what lacks tiles that level 0 has is left aside, and what level 0 itself lacks is told."""

import numpy as np
import pydicom
import pytest
import tifffile
from pydicom.encaps import encapsulate, generate_frames

from slides.wsi import native, pyramid
from slides.wsi.check import check_slide
from slides.wsi.formats.holes import Tiles, find_gaps
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers, makers_parts

GAP_HINT = "A smaller level of the file has gaps (1:4 lacks {} of 2 tiles); "
LOST_HINT = "Part of the scan is missing: 1 of 20 tiles"


def leave_out(path, page, tiles, tag="TileByteCounts", below=None):
    """Write zeros for tiles of a page, or of one that hangs below it."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        found = tiff.pages[page] if below is None else tiff.pages[page].pages[below]
        lengths = found.tags[tag]
        lengths.overwrite(tuple(0 if number in tiles else value for number, value in enumerate(lengths.value)))
    return path


def as_before(path, make, folder):
    """Whether the overview is that of the slide without gaps."""
    folder.mkdir()
    with open_slide(path) as reader, open_slide(make(folder)) as whole:
        return np.abs(reader.thumbnail(75).astype(int) - whole.thumbnail(75)).max() <= 12


@pytest.mark.parametrize(
    ("make", "page", "below", "tag"),
    [
        (makers.tiff_jpeg, 2, None, "TileByteCounts"),
        (makers.tiff_zstd, 2, None, "TileOffsets"),
        (makers.tiff_planar, 2, None, "TileByteCounts"),
        (makers.svs, 3, None, "TileByteCounts"),
        (makers.ome, 0, 1, "TileByteCounts"),
    ],
)
@pytest.mark.parametrize("tiles", [{0}, {0, 1}])
def test_a_small_level_with_gaps_is_left_aside_and_told(make, page, below, tag, tiles, tmp_path):
    path = leave_out(make(tmp_path), page, tiles, tag, below)
    assert as_before(path, make, tmp_path / "whole")
    copies = tmp_path / "copies"
    copies.mkdir()
    made = make_copy([path], copies)
    assert made.verified
    for each in (path, copies / made.files[0]):
        info = check_slide([each], None)
        assert [level.downsample for level in info.levels] == [1, 2]
        assert any(hint.startswith(GAP_HINT.format(len(tiles))) for hint in info.hints)


def test_a_level_in_the_middle_with_gaps_is_made_anew_for_viewers(tmp_path):
    path, target, index = leave_out(makers.tiff_jpeg(tmp_path), 1, {4}), tmp_path / "levels.tiff", tmp_path / "index"
    assert pyramid.make_levels([path], target, timeout_s=60, memory_mb=2048)
    with open_slide(path, levels=target) as reader, tifffile.TiffFile(target) as made:
        assert [level.downsample for level in reader.info.levels] == [1, 4]
        assert made.pages.first.imagewidth == 300
        expected = makers.halves(makers.picture())[1][150:200, 150:250].astype(int)
        assert np.abs(reader.read(300, 300, 100, 50, 2) - expected).max() <= 12
    assert native.write_index(path, target=index, levels=target)
    assert native.NativeIndex(index, [path, target]).has(9, 1, 0)


def test_gaps_that_level_0_has_too_are_glass(tmp_path):
    path = tmp_path / "slide.tif"
    picture = makers.picture(512, 512)
    picture[:256, :256] = 245
    makers.write_pages(path, makers.halves(picture, 2), compression="zlib")
    leave_out(leave_out(path, 0, {0, 1, 4, 5}), 1, {0})
    with open_slide(path) as reader:
        assert [level.downsample for level in reader.info.levels] == [1, 2]
        assert reader.info.hints == (
            "At full resolution 4 of 16 tiles are not in the file; these places are shown as empty glass.",
        )
        assert (reader.read(0, 0, 128, 128, 2) == 255).all()


def test_what_level_0_lacks_is_told_where_a_smaller_level_shows_tissue(tmp_path):
    path = leave_out(makers.tiff_jpeg(tmp_path), 0, {6})
    with open_slide(path) as reader:
        assert reader.info.hints[0].startswith(LOST_HINT)
        assert len(reader.info.levels) == 1
        assert (reader.read(160, 160, 10, 10, 4)[:8, :8] == 255).all(), "tissue that is not analysed is no area"


def test_a_level_may_be_rounded_without_lacking_anything():
    stored = np.ones((3, 3), bool)
    stored[:, 2] = False
    first = Tiles(np.repeat(np.repeat(stored, 2, 0), 2, 1), 767, 767, 128, 128)
    assert find_gaps([first, Tiles(stored, 383, 383, 128, 128)]).sizes == ()
    stored = stored.copy()
    stored[1, 1] = False
    assert find_gaps([first, Tiles(stored, 383, 383, 128, 128)]).sizes == ((383, 383),)


def make_sparse(path, left_out):
    """Have each frame of a DICOM file say its place, and take these away."""
    data = pydicom.dcmread(path)
    frames = list(generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
    columns = -(-data.TotalPixelMatrixColumns // data.Columns)
    kept = [number for number in range(len(frames)) if number not in left_out]
    places = [
        makers._items(
            ColumnPositionInTotalImagePixelMatrix=number % columns * data.Columns + 1,
            RowPositionInTotalImagePixelMatrix=number // columns * data.Rows + 1,
        )
        for number in kept
    ]
    data.DimensionOrganizationType, data.NumberOfFrames = "TILED_SPARSE", len(kept)
    data.PerFrameFunctionalGroupsSequence = [makers._items(PlanePositionSlideSequence=[place]) for place in places]
    data.PixelData = encapsulate([frames[number] for number in kept])
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(("sparse", "left"), [({2: {0}}, [1, 2]), ({0: {0, 1, 5, 6}, 1: {0}}, [1, 2, 4])])
def test_a_sparse_dicom_level_may_lack_what_level_0_lacks_and_no_more(sparse, left, tmp_path):
    makers.dicom(tmp_path, levels=3)
    for level, frames in sparse.items():
        make_sparse(tmp_path / f"level{level}.dcm", frames)
    with open_slide(tmp_path) as reader:
        assert [level.downsample for level in reader.info.levels] == left
        assert len(reader.info.hints) == (1 if len(left) < 3 else 0)


@pytest.mark.parametrize(("lost", "left"), [({2: {0}}, [1, 2]), ({0: {0, 1, 4, 5}, 1: {0}}, [1, 2, 4])])
def test_a_mirax_level_may_lack_what_was_not_scanned_and_no_more(lost, left, tmp_path, monkeypatch):
    index = makers_parts._index

    def index_with_gaps(slide_id, records):
        kept = [[each for each in found if each[0] not in lost.get(n, ())] for n, found in enumerate(records)]
        return index(slide_id, kept)

    monkeypatch.setattr(makers_parts, "_index", index_with_gaps)
    path = makers_parts.mirax(tmp_path)
    with open_slide(path) as reader:
        assert [level.downsample for level in reader.info.levels] == left
        assert any("gaps" in hint for hint in reader.info.hints) == (len(left) < 3)
