"""Where a tile comes from: the slide's own file, the disk cache, one decoder; and what is remembered of failures."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mitoweb import settings as product
from slides import files
from slides.files import tile_cache
from slides.tiles import pictures
from slides.tiles.native_indexes import IndexCache
from slides.wsi import native
from slides.wsi.errors import DecoderDied, SlideRefused
from tests.slides.jpeg_slide import jpeg_slide

TOP = 10


@pytest.fixture(autouse=True)
def clean():
    pictures._failed.clear()
    yield
    pictures.indexes.close()


@pytest.fixture
def slide(db):
    return jpeg_slide(indexed=False)


class Pool:
    """Counts what is asked of decoders. answer: bytes, or an exception to raise."""

    def __init__(self, answer=b"jpeg", wait: threading.Event | None = None) -> None:
        self.answer, self.wait, self.asked = answer, wait, []

    def tile(self, paths, *address, **how):
        self.asked.append((address, how))
        if self.wait is not None:
            self.wait.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def pool(monkeypatch):
    def stand_in(*args, **kwargs):
        made = Pool(*args, **kwargs)
        monkeypatch.setattr(pictures, "get_pool", lambda: made)
        return made

    return stand_in


def write_index(slide) -> None:
    assert native.write_index(files.slide_paths(slide), files.native_path(slide))


def test_a_native_tile_asks_no_decoder_and_an_edge_tile_does(slide, pool):
    write_index(slide)
    asked = pool()
    assert pictures.get_tile(slide, TOP, 1, 1).body.startswith(b"\xff\xd8")
    assert asked.asked == []
    assert pictures.get_tile(slide, 8, 0, 0).body == b"jpeg"
    assert len(asked.asked) == 1


def test_a_slide_cut_with_overlap_has_no_native_tiles(slide, pool):
    write_index(slide)
    slide.tile_overlap = 1
    pool()
    assert pictures.get_tile(slide, TOP, 1, 1).body == b"jpeg"


def test_a_decoded_tile_is_kept_on_the_disk_for_every_process(slide, pool):
    asked = pool()
    first = pictures.get_tile(slide, TOP, 0, 0)
    assert pictures.get_tile(slide, TOP, 0, 0) == first
    assert tile_cache.read_tile(first.path) == b"jpeg"
    assert first.path.is_relative_to(tile_cache.cache_root() / str(slide.pk))
    assert len(asked.asked) == 1


def test_another_content_of_the_slide_is_another_tile(slide, pool):
    asked = pool()
    pictures.get_tile(slide, TOP, 0, 0)
    slide.sha256 = "0" * 64
    pictures.get_tile(slide, TOP, 0, 0)
    assert len(asked.asked) == 2


def test_a_tile_that_many_ask_for_at_once_is_decoded_once(slide, pool):
    may_answer = threading.Event()
    asked = pool(wait=may_answer)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(pictures.get_tile, slide, TOP, 0, 0) for _ in range(8)]
        while not asked.asked:
            time.sleep(0.001)
        may_answer.set()
        assert {future.result().body for future in waiting} == {b"jpeg"}
    assert len(asked.asked) == 1


def test_who_asks_for_a_tile_that_another_waits_long_for_is_told_to_ask_again(slide, pool, settings):
    settings.DECODER_TIMEOUT_S = 1.0
    may_answer = threading.Event()
    asked = pool(wait=may_answer)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(pictures.get_tile, slide, TOP, 0, 0)
        while not asked.asked:
            time.sleep(0.001)
        began = time.monotonic()
        for future in [threads.submit(pictures.get_tile, slide, TOP, 0, 0) for _ in range(8)]:
            with pytest.raises(pictures.Busy):
                future.result(5)
        assert time.monotonic() - began < 2
        may_answer.set()
        assert first.result(10).body == b"jpeg"
    assert len(asked.asked) == 1


@pytest.mark.parametrize("failure", [DecoderDied([], "signal 6"), SlideRefused("Damaged.", "broken")])
def test_a_tile_that_failed_kills_no_second_decoder_and_others_are_tried(slide, pool, failure):
    asked = pool(failure)
    for _ in range(3):
        with pytest.raises(pictures.NoPicture):
            pictures.get_tile(slide, TOP, 0, 0)
    assert len(asked.asked) == 1
    with pytest.raises(pictures.NoPicture):
        pictures.get_tile(slide, TOP, 1, 0)
    assert len(asked.asked) == 2
    slide.refresh_from_db()
    assert slide.decoder_deaths == (2 if isinstance(failure, DecoderDied) else 0)


def test_a_failure_is_tried_again_after_a_while(slide, pool, monkeypatch):
    asked = pool(SlideRefused("Damaged.", "broken"))
    monkeypatch.setattr(pictures, "FAILED_FOR_S", -1)
    for _ in range(2):
        with pytest.raises(pictures.NoPicture):
            pictures.get_tile(slide, TOP, 0, 0)
    assert len(asked.asked) == 2


def test_decoders_are_told_the_scene_and_the_made_levels(slide, pool):
    asked = pool()
    slide.scene, slide.has_made_levels = 2, True
    pictures.get_tile(slide, TOP, 0, 0)
    assert asked.asked[0][1] == {"scene": 2, "levels": files.levels_path(slide)}


def test_a_forgotten_slide_leaves_no_tile_and_gets_none_back(slide, pool):
    pool()
    path = pictures.get_tile(slide, TOP, 0, 0).path
    tile_cache.forget_slide(slide.pk)
    assert not (tile_cache.cache_root() / str(slide.pk)).exists()
    assert not tile_cache.write_tile(slide.pk, path, b"late")
    assert not (tile_cache.cache_root() / str(slide.pk)).exists()
    tile_cache.forget_slide(slide.pk)


def test_forgetting_takes_an_id_and_nothing_else(slide):
    for name in ("..", "", "../slides", ".forgotten"):
        with pytest.raises(ValueError):
            tile_cache.forget_slide(name)


def test_the_cache_stays_below_its_limit_and_what_was_used_last_stays(slide, settings):
    settings.TILE_CACHE_BYTES = 10_000
    paths = [tile_cache.tile_path(slide, TOP, column, 0) for column in range(12)]
    for age, path in enumerate(reversed(paths)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 996 + tile_cache.checksum_of(b"x" * 996))
        os.utime(path, (0, 10_000 - 500 * age))
    assert tile_cache.read_tile(paths[0]) == b"x" * 996
    assert tile_cache.sweep_cache() == 3
    assert [path.exists() for path in paths] == [True] + [False] * 3 + [True] * 8


@pytest.mark.parametrize(
    "spoil",
    [
        lambda stored: b"",
        lambda stored: stored[:-1],
        lambda stored: stored[: len(stored) // 2],
        lambda stored: bytes(len(stored)),
        lambda stored: stored[:100] + bytes(100) + stored[200:],
        lambda stored: stored[:-4],
    ],
    ids=["empty", "a byte short", "half", "zeros", "zeros in the middle", "of an earlier version"],
)
def test_a_kept_tile_that_a_power_cut_tore_is_made_anew(slide, pool, spoil):
    body = b"\xff\xd8" + bytes(range(1, 255)) * 4 + b"\xff\xd9"
    asked = pool(body)
    path = pictures.get_tile(slide, TOP, 0, 0).path
    path.write_bytes(spoil(path.read_bytes()))
    assert pictures.get_tile(slide, TOP, 0, 0).body == body
    assert len(asked.asked) == 2
    assert pictures.get_tile(slide, TOP, 0, 0).body == body
    assert len(asked.asked) == 2


def test_a_new_process_counts_what_earlier_ones_have_left(slide, settings):
    for column in range(20):
        assert tile_cache.write_tile(slide.pk, tile_cache.tile_path(slide, TOP, column, 0), b"x" * 1000)
    code = (
        "import django; django.setup(); from pathlib import Path; from slides.files import tile_cache;"
        f"path = tile_cache.cache_root() / '{slide.pk}' / 'key' / '10' / '0_0.jpeg';"
        f"tile_cache.write_tile('{slide.pk}', path, b'x');"
        "tile_cache._sweeper.join()"
    )
    environment = {"MITOWEB_TILE_CACHE": str(tile_cache.cache_root()), "MITOWEB_TILE_CACHE_BYTES": "10000"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | environment, cwd=settings.BASE_DIR, check=True)
    assert 5_000 < sum(path.stat().st_size for path in tile_cache.cache_root().rglob("*.jpeg")) <= 10_000


def test_a_check_done_again_makes_other_tiles(slide, pool):
    asked = pool()
    first = pictures.get_tile(slide, TOP, 0, 0)
    files.write_for_good(files.thumbnail_path(slide), b"overview")
    assert pictures.get_tile(slide, TOP, 0, 0).path != first.path
    assert len(asked.asked) == 2


def test_without_a_cache_nothing_is_written(slide, settings, pool):
    settings.TILE_CACHE_BYTES = 0
    pool()
    assert pictures.get_tile(slide, TOP, 0, 0).path is None
    assert not tile_cache.cache_root().exists()


def test_a_full_disk_costs_the_cache_and_not_the_tile(slide, pool, monkeypatch):
    pool()
    tile_cache.cache_root().parent.mkdir(parents=True, exist_ok=True)
    tile_cache.cache_root().write_text("a file where the folder should be")
    assert pictures.get_tile(slide, TOP, 0, 0).body == b"jpeg"


def test_indexes_of_many_slides_keep_their_files_within_bounds(db, monkeypatch):
    import psutil

    monkeypatch.setattr("slides.tiles.native_indexes.MOST_HANDLES", 10)
    slides = [jpeg_slide(indexed=False) for _ in range(12)]
    for slide in slides[:1]:
        write_index(slide)
    for slide in slides[1:]:
        files.native_path(slide).write_bytes(files.native_path(slides[0]).read_bytes())
    held, before = IndexCache(), psutil.Process().num_fds()
    for slide in slides * 3:
        assert held.find_index(slide).tile(TOP, 1, 1)
    assert psutil.Process().num_fds() <= before + 10
    held.close()
    assert psutil.Process().num_fds() == before


def test_an_index_written_anew_is_read_anew_and_a_spoilt_one_is_done_without(slide, pool):
    write_index(slide)
    assert pictures.get_native_tile(slide, TOP, 1, 1)
    files.native_path(slide).write_bytes(b"spoilt")
    assert pictures.get_native_tile(slide, TOP, 1, 1) is None
    write_index(slide)
    assert pictures.get_native_tile(slide, TOP, 1, 1)
    files.native_path(slide).unlink()
    assert pictures.get_native_tile(slide, TOP, 1, 1) is None


def test_decoders_see_slides_and_neither_originals_nor_uploads_nor_kept_tiles():
    (readable,) = product.DECODERS_SEE
    assert readable == product.SLIDES_ROOT
    for other in (product.SEALED_ROOT, product.UPLOADS_ROOT, product.TILE_CACHE_ROOT, product.MODELS_ROOT):
        assert not other.is_relative_to(readable)
