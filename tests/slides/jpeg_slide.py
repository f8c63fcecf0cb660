"""A slide whose tiles are JPEG of 256 px, so that most of them are sent as they are."""

from functools import cache
from pathlib import Path

from django.conf import settings

from slides import files
from slides.demo.pyramid import write_pyramid
from slides.wsi import native
from tests.factories import SlideFactory, tissue_pixels

LEVEL = 10  # the finest: 4 x 3 tiles, none of them cut at the edge


@cache
def jpeg_file() -> Path:
    path = Path(settings.VAR_DIR) / "test-slides" / "jpeg.tif"
    write_pyramid(path, tissue_pixels(1024, 768), 0.25, 90, chroma=(1, 1))
    return path


def jpeg_slide(indexed: bool = True, **values):
    """A ready slide as ingest leaves it, with its index of tiles or without."""
    slide = SlideFactory(file=jpeg_file(), tile_size=256, tile_overlap=0, **values)
    if indexed:
        files.native_path(slide).write_bytes(index())
    return slide


@cache
def index() -> bytes:
    """It names places inside the file alone, so it fits every copy."""
    target = jpeg_file().with_name("jpeg.idx")
    assert native.write_index([jpeg_file()], target)
    return target.read_bytes()
