"""Levels that a file lacks are made once, and show what the file shows."""

import os
import resource
import signal

import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

from slides.wsi import pyramid, pyramid_maker
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import CutShort, SlideRefused
from slides.wsi.native import tile_size_for
from slides.wsi.probe import probe
from slides.wsi.reader import open_slide
from slides.wsi.sandbox import exit_causes, one_task
from tests.wsi import makers, makers_parts
from tests.wsi.children import hit
from tests.wsi.formats.samples import MADE

NEAR = 4.0  # grey values in the mean; JPEG of quality 90


def one_level(folder, width=1001, height=700, tile=128):
    """A tiled TIFF with nothing but its level 0, odd in width."""
    path = folder / "one.tif"
    tifffile.imwrite(path, makers.picture(width, height), tile=(tile, tile), photometric="rgb", compression="zlib")
    return path


def make(path, folder, **options):
    target = folder / "levels.tiff"
    return pyramid.make_levels([path], target, timeout_s=60, memory_mb=2048, **options), target


def test_every_missing_level_is_made_down_to_one_tile(tmp_path):
    made, target = make(one_level(tmp_path), tmp_path)
    with tifffile.TiffFile(target) as tiff:
        sizes = [(page.imagewidth, page.imagelength) for page in tiff.pages]
        assert all(page.is_tiled and page.tilewidth == 128 for page in tiff.pages)
    assert made
    assert sizes == [(501, 350), (251, 175), (126, 88)]
    assert set(sizes) <= set(DeepZoom(1001, 700, 128, 0).levels)
    assert not list(tmp_path.glob(".levels.*"))


def test_a_made_level_shows_what_the_file_shows_there(tmp_path):
    path = one_level(tmp_path)
    _, target = make(path, tmp_path)
    with open_slide(path) as plain, open_slide(path, levels=target) as quick:
        for downsample in (2, 3, 4, 8):
            box = (40, 24, 100, 60, downsample)
            assert np.abs(plain.read(*box).astype(float) - quick.read(*box)).mean() < NEAR, downsample
        assert plain.info == quick.info, "made levels must not show in what is said of the file"
        assert np.array_equal(plain.read(3, 5, 200, 100, 1), quick.read(3, 5, 200, 100, 1))


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_made_levels_of_every_format_show_what_its_reader_shows(tmp_path, make):
    (tmp_path / "slide").mkdir()
    path, target = make(tmp_path / "slide"), tmp_path / "levels.tiff"
    scene = 1 if make is makers_parts.ome_scenes else 0
    made = pyramid_maker.write_missing_levels([path], target, scene)
    with open_slide(path, scene=scene) as plain:
        assert made == bool(pyramid.missing_levels(plain.info, tile_size_for(plain.info.tile_size)))
        assert target.exists() == made
        if not made:
            return
        with open_slide(path, scene=scene, levels=target) as quick:
            for downsample in (1, 2, 4, 8):
                box = (0, 0, -(-plain.info.width // downsample), -(-plain.info.height // downsample), downsample)
                assert np.abs(plain.read(*box).astype(float) - quick.read(*box)).mean() < NEAR, downsample


def test_a_pyramid_gets_only_what_it_lacks(tmp_path):
    path = makers.svs(tmp_path)  # 1, 2, 4
    with open_slide(path) as reader:
        assert pyramid.missing_levels(reader.info, 128) == [7]  # of 600 x 400 px: 8
    _, target = make(path, tmp_path)
    with tifffile.TiffFile(target) as tiff:
        assert [(page.imagewidth, page.imagelength) for page in tiff.pages] == [(75, 50)]


def test_nothing_is_made_where_nothing_lacks(tmp_path):
    path = tmp_path / "small.tif"
    tifffile.imwrite(path, makers.picture(100, 90), tile=(128, 128), photometric="rgb")
    made, target = make(path, tmp_path)
    assert not made
    assert not target.exists()


def test_a_single_image_gets_its_own_size_in_tiles_as_well(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(makers.picture(700, 300)).save(path)
    _, target = make(path, tmp_path)
    with tifffile.TiffFile(target) as tiff:
        assert [(page.imagewidth, page.imagelength) for page in tiff.pages] == [(700, 300), (350, 150), (175, 75)]


def test_halving_means_four_pixels_and_repeats_a_last_odd_one():
    rows = np.array([[0, 4, 8], [4, 8, 16], [100, 100, 50]], np.uint8)[..., None].repeat(3, axis=2)
    assert pyramid_maker.halved(rows)[..., 0].tolist() == [[4, 12], [100, 50]]


def test_a_file_without_a_small_level_is_taken_since_one_can_be_made(tmp_path):
    tiles = (np.full((512, 512, 3), 200, np.uint8) for _ in range(400))
    path = tmp_path / "large.tif"
    tifffile.imwrite(
        path, tiles, shape=(10_000, 10_000, 3), dtype=np.uint8, photometric="rgb", compression="zlib", tile=(512, 512),
    )  # fmt: skip
    assert probe(path).width == 10_000
    rows = []
    made, target = make(path, tmp_path, progress=lambda done, of: rows.append((done, of)))
    assert made
    assert rows[-1] == (10_000, 10_000)
    with open_slide(path, levels=target) as reader:
        assert abs(float(reader.thumbnail(300).mean()) - 200) < NEAR


def test_a_spoilt_file_is_refused_in_words_and_leaves_nothing(tmp_path):
    path = one_level(tmp_path)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages.first.dataoffsets[20]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 64)
    with pytest.raises(SlideRefused, match="damaged"):
        make(path, tmp_path)
    assert not (tmp_path / "levels.tiff").exists()
    assert not list(tmp_path.glob(".levels.*"))


def remember_children(monkeypatch) -> list:
    """The children that are started from now on."""
    started, children = one_task.subprocess.Popen, []

    def remembered(*arguments, **options):
        children.append(started(*arguments, **options))
        return children[-1]

    monkeypatch.setattr(one_task.subprocess, "Popen", remembered)
    return children


def test_a_killed_child_leaves_nothing_and_the_next_one_ends_the_work(tmp_path, monkeypatch):
    path = one_level(tmp_path, 6000, 5000)
    children = remember_children(monkeypatch)

    def kill(done, of):
        if len(children) == 1:
            os.killpg(children[0].pid, signal.SIGKILL)

    with pytest.raises(CutShort, match="signal 9"):
        make(path, tmp_path, progress=kill)
    assert not (tmp_path / "levels.tiff").exists()
    assert not list(tmp_path.glob(".levels.*"))
    made, target = make(path, tmp_path)
    assert made
    assert target.stat().st_size > 10_000


def hit_once_begun(monkeypatch, number):
    """Every child gets the signal when it has begun."""
    parsed = pyramid._parsed

    def hit_first(line):
        hit(children[-1].pid, number)
        return parsed(line)

    children = remember_children(monkeypatch)
    monkeypatch.setattr(pyramid, "_parsed", hit_first)


def test_a_child_that_crashed_is_a_refusal(tmp_path, monkeypatch):
    path = one_level(tmp_path, 6000, 5000)
    hit_once_begun(monkeypatch, signal.SIGSEGV)
    with pytest.raises(SlideRefused, match="could not be read through safely"):
        make(path, tmp_path)


def test_a_child_without_time_is_no_refusal_and_one_that_used_it_is(tmp_path, monkeypatch):
    path, target = one_level(tmp_path, 6000, 5000), tmp_path / "levels.tiff"
    with monkeypatch.context() as stop:
        hit_once_begun(stop, signal.SIGSTOP)
        with pytest.raises(CutShort, match="no answer in 1 s"):
            pyramid.make_levels([path], target, timeout_s=1, memory_mb=2048)
    with monkeypatch.context() as slow, pytest.raises(SlideRefused, match="could not be read through safely"):
        slow.setattr(exit_causes, "OWN_SHARE", 0.0)
        pyramid.make_levels([path], target, timeout_s=0.001, memory_mb=2048)
    assert [left.name for left in tmp_path.iterdir()] == ["one.tif"]


def test_a_child_without_enough_memory_is_a_refusal(tmp_path):
    with pytest.raises(SlideRefused, match="could not be read through safely"):
        pyramid.make_levels([one_level(tmp_path, 6000, 5000)], tmp_path / "levels.tiff", timeout_s=60, memory_mb=320)


def test_parts_of_a_row_come_to_the_same_as_the_whole_row(tmp_path, monkeypatch):
    path = one_level(tmp_path)
    pyramid_maker.write_missing_levels([path], tmp_path / "whole.tiff")
    monkeypatch.setattr(pyramid_maker, "PART_PX", 256)
    pyramid_maker.write_missing_levels([path], tmp_path / "parts.tiff")
    assert (tmp_path / "parts.tiff").read_bytes() == (tmp_path / "whole.tiff").read_bytes()


def test_every_level_is_the_mean_of_the_one_before(tmp_path):
    tile_px, pixels = 64, makers.picture(517, 403)
    sizes = [(517, 403), (259, 202), (130, 101)]
    coarse = pyramid_maker.Level(sizes[2], tile_px, (tmp_path / "2").open("w+b"), None)
    middle = pyramid_maker.Level(sizes[1], tile_px, (tmp_path / "1").open("w+b"), coarse)
    level = pyramid_maker.Level(sizes[0], tile_px, None, middle)
    for y in range(0, 403, 70):
        level.take(pixels[y : y + 70], y + 70 >= 403)
    expected = pyramid_maker.halved(pyramid_maker.halved(pixels))
    columns = -(-130 // tile_px)
    tiles = [simplejpeg.decode_jpeg(tile) for tile in coarse.tiles()]
    rows = [np.concatenate(tiles[n : n + columns], axis=1) for n in range(0, len(tiles), columns)]
    shown = np.concatenate(rows)
    assert np.abs(shown[:101, :130].astype(int) - expected).max() <= 6
    assert (shown[104:] == 255).all(), "white outside the image, from the next JPEG block on"
    assert (shown[:, 136:] == 255).all()


def test_a_full_disk_is_an_error_of_the_server_and_no_refusal(tmp_path):
    path = one_level(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))  # as a full disk, no more can be written
    try:
        said = pyramid_maker.outcome([path], tmp_path / "levels.tiff", 0, lambda done, of: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert said == {"full": True}
    assert [child.name for child in tmp_path.iterdir()] == ["one.tif"]


def test_what_an_earlier_kill_left_is_swept_away(tmp_path):
    (tmp_path / ".levels.abc").mkdir()
    (tmp_path / ".levels.abc" / "7").write_bytes(b"tiles")
    make(one_level(tmp_path), tmp_path)
    assert not list(tmp_path.glob(".levels.*"))
