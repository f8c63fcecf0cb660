"""Pictures of slides. A tile is sent as the file holds it, else taken from the disk cache, else decoded by a child.

Nothing is decoded in the web process. Who may see the slide has been asked before anything here is called.
"""

import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from slides import files
from slides.files import tile_cache
from slides.models import Slide
from slides.services.slides import count_decoder_death
from slides.tiles.native_indexes import IndexCache
from slides.wsi.deepzoom import DeepZoom, zoom_of
from slides.wsi.errors import CutShort, DecoderDied, DecodersBusy, SlideRefused
from slides.wsi.pool import BEHIND_SHARE, DecoderPool

LARGEST_PX = 2048
THUMBNAIL_LARGEST_PX = 1024
LOOK_FOR_ERASED_S = 60
FAILED_FOR_S = 600  # how long a picture that could not be made is not tried again by this process
MOST_FAILED = 10_000

log = logging.getLogger(__name__)
indexes = IndexCache()
_lock = threading.Lock()
_pool: DecoderPool | None = None
_making: dict[tuple, tuple[Future, float]] = {}  # and since when
_failed: collections.OrderedDict[tuple, tuple[float, str]] = collections.OrderedDict()


class NoPicture(Exception):
    """This part of the slide cannot be shown. The text is for people."""


class Busy(Exception):
    """No decoder is free, or the machine ended one; the same request may work a moment later."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle inside the slide, in level-0 pixels."""

    x_l0: int
    y_l0: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG. path: where the same bytes lie below TILE_CACHE_ROOT, None where they do not."""

    body: bytes
    path: Path | None = None


def get_pool() -> DecoderPool:
    """Made with the first picture, so after gunicorn has forked."""
    global _pool
    look_for_erased()
    with _lock:
        if _pool is None:
            limits = (settings.DECODERS, settings.DECODER_MEMORY_MB, settings.DECODER_TIMEOUT_S)
            _pool = DecoderPool(*limits, readable=settings.DECODERS_SEE)
        return _pool


@cache
def look_for_erased() -> None:
    """From the first picture on, in each web process. Files of erased slides are emptied by who removes them."""

    def keep_looking() -> None:
        while True:
            time.sleep(LOOK_FOR_ERASED_S)
            let_go_of_erased()

    threading.Thread(target=keep_looking, name="let-go-of-erased", daemon=True).start()


def let_go_of_erased() -> None:
    """Close what this process and its decoders hold of slides that are no longer there."""
    indexes.let_go_of_erased()
    if _pool is not None:
        _pool.let_go_of_erased()


def get_geometry(slide: Slide) -> DeepZoom:
    return zoom_of(slide.width, slide.height, slide.tile_size, slide.tile_overlap)


def get_tile(slide: Slide, level: int, column: int, row: int) -> Picture:
    """One tile. The address has been checked against `get_geometry`."""
    native = get_native_tile(slide, level, column, row)
    if native is not None:
        return Picture(native)
    path = tile_cache.tile_path(slide, level, column, row)
    kept = tile_cache.read_tile(path)
    if kept is not None:
        return Picture(kept, path)

    def decode_tile(paths: Sequence[Path], how: dict) -> Picture:
        body = get_pool().tile(paths, level, column, row, slide.tile_size, slide.tile_overlap, **how)
        return Picture(body, path if tile_cache.write_tile(slide.pk, path, body) else None)

    return _make_once(slide, ("tile", level, column, row), decode_tile)


def get_native_tile(slide: Slide, level: int, column: int, row: int) -> bytes | None:
    """The tile as the slide's file holds it; None where it has to be decoded."""
    if slide.tile_overlap:
        return None
    look_for_erased()
    index = indexes.find_index(slide)
    return None if index is None else index.tile(level, column, row)


def get_region(slide: Slide, box: Box, out_w: int, out_h: int) -> Picture:
    """A rectangle of the slide at out_w x out_h px, also with its sides changed by different factors."""
    where = (box.x_l0, box.y_l0, box.width, box.height, out_w, out_h)
    return _make_once(slide, ("region", *where), lambda paths, how: Picture(get_pool().region(paths, *where, **how)))


def get_crop(slide: Slide, x_l0: float, y_l0: float, size_px_l0: float, px: int) -> Picture:
    """px x px output pixels showing size_px_l0 level-0 pixels around the centre (x_l0, y_l0)."""
    where = (x_l0 - size_px_l0 / 2, y_l0 - size_px_l0 / 2, px, px, size_px_l0 / px)
    return _make_once(slide, ("crop", *where), lambda paths, how: Picture(get_pool().crop(paths, *where, **how)))


def get_thumbnail(slide: Slide) -> Picture:
    """The overview that the check made; made anew when it is not there."""
    try:
        return Picture(files.thumbnail_path(slide).read_bytes())
    except FileNotFoundError:
        px = THUMBNAIL_LARGEST_PX
        return _make_once(slide, ("thumbnail",), lambda paths, how: Picture(get_pool().thumbnail(paths, px, **how)))


def _make_once(slide: Slide, what: tuple, make: Callable[[Sequence[Path], dict], Picture]) -> Picture:
    """What `make` makes; asked for by several threads at once it is made once, and what failed fails for a while."""
    key = (slide.pk, tile_cache.made_from(slide), *what)  # what failed before may work after another check
    with _lock:
        until, sentence = _failed.get(key, (0.0, ""))
        if until > time.monotonic():
            raise NoPicture(sentence)
        other = _making.get(key)
        if other is None:
            future = Future()
            _making[key] = future, time.monotonic()
    if other is not None:
        return _wait_for_other(*other)
    try:
        picture = _decode_picture(slide, make)
    except BaseException as error:
        with _lock:
            if isinstance(error, NoPicture):
                _remember_failed(key, str(error))
            del _making[key]
        future.set_exception(error)
        raise
    with _lock:
        del _making[key]
    future.set_result(picture)
    return picture


def _wait_for_other(future: Future, since: float) -> Picture:
    """What another thread is making; Busy once that takes long, since whoever waits holds a thread that others need."""
    long_s = BEHIND_SHARE * settings.DECODER_TIMEOUT_S
    try:
        return future.result(max(0.0, since + long_s - time.monotonic()))
    except TimeoutError:
        raise Busy from None


def _decode_picture(slide: Slide, make: Callable[[Sequence[Path], dict], Picture]) -> Picture:
    try:
        return make(files.slide_paths(slide), decoder_options(slide))
    except DecodersBusy:
        raise Busy from None
    except CutShort as cut:
        log.warning("A picture of slide %s was not made: %s", slide.pk, cut.cause)
        raise Busy from cut
    except DecoderDied as death:
        count_decoder_death(slide, death.cause)
        raise NoPicture("This part of the slide cannot be read.") from death
    except SlideRefused as refusal:
        raise NoPicture(refusal.reason) from refusal


def decoder_options(slide: Slide) -> dict:
    """Which picture of the file, and where the levels lie that were made for it."""
    return {"scene": slide.scene, "levels": files.levels_path(slide) if slide.has_made_levels else None}


def _remember_failed(key: tuple, sentence: str) -> None:
    _failed[key] = (time.monotonic() + FAILED_FOR_S, sentence)
    while len(_failed) > MOST_FAILED:
        _failed.popitem(last=False)
