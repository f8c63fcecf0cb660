"""Pictures of slides: from the decoder pool of this web process, never decoded in it."""

import threading

from django.conf import settings

from slides import files
from slides.models import Slide
from slides.services.slides import count_death
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import DecoderDied, DecodersBusy, SlideRefused
from slides.wsi.pool import DecoderPool

LARGEST_PX = 2048
THUMBNAIL_LARGEST_PX = 1024

_lock = threading.Lock()
_pool: DecoderPool | None = None


class NoPicture(Exception):
    """This part of the slide cannot be shown. The text is for people."""


class Busy(Exception):
    """No decoder is free; the same request may work a moment later."""


def pool() -> DecoderPool:
    """Made with the first picture, so after gunicorn has forked."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = DecoderPool(settings.DECODERS, settings.DECODER_MEMORY_MB, settings.DECODER_TIMEOUT_S)
        return _pool


def geometry(slide: Slide) -> DeepZoom:
    return DeepZoom(slide.width, slide.height, slide.tile_size, slide.tile_overlap)


def tile(slide: Slide, level: int, column: int, row: int) -> bytes:
    """JPEG of one tile. The address has been checked against `geometry`."""
    return _decoded(slide, lambda paths: pool().tile(paths, level, column, row))


def crop(slide: Slide, x_l0: float, y_l0: float, size_px_l0: float, px: int) -> bytes:
    """JPEG of px x px output pixels showing size_px_l0 level-0 pixels around the centre (x_l0, y_l0)."""
    left, top, downsample = x_l0 - size_px_l0 / 2, y_l0 - size_px_l0 / 2, size_px_l0 / px
    return _decoded(slide, lambda paths: pool().crop(paths, left, top, px, px, downsample))


def thumbnail(slide: Slide) -> bytes:
    """The overview that the check made; made anew when it is not there."""
    path = files.thumbnail_path(slide)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return _decoded(slide, lambda paths: pool().thumbnail(paths, THUMBNAIL_LARGEST_PX))


def _decoded(slide: Slide, decode) -> bytes:
    try:
        return decode(files.slide_paths(slide))
    except DecodersBusy:
        raise Busy from None
    except DecoderDied as death:
        count_death(slide, death.cause)
        raise NoPicture("This part of the slide cannot be read.") from death
    except SlideRefused as refusal:
        raise NoPicture(refusal.reason) from refusal
