"""The peers: the plainest servers of tiles that users of OpenSlide and of large-image write. No permission is asked.

gunicorn runs one of the apps of this module; BENCH_SLIDES names the slides, as JSON of name → path.
"""

from __future__ import annotations

import io
import json
import os
import threading

SLIDES: dict[str, str] = json.loads(os.environ.get("BENCH_SLIDES", "{}"))
_lock = threading.Lock()
_open: dict[str, object] = {}


class Forgetful(dict):
    """A cache that keeps nothing."""

    def __setitem__(self, key, value) -> None:
        pass


def open_once(name: str, open_one):
    """One open slide for each name and process, kept."""
    with _lock:
        if name not in _open:
            _open[name] = open_one(SLIDES[name])
        return _open[name]


def send_jpeg(start_response, body: bytes):
    """200 with a JPEG."""
    start_response("200 OK", [("Content-Type", "image/jpeg"), ("Content-Length", str(len(body)))])
    return [body]


def openslide_app(environ, start_response):
    """/name/level/column/row as in openslide-python's example server: tiles of 254 px with overlap 1, quality 75."""
    from openslide import OpenSlide
    from openslide.deepzoom import DeepZoomGenerator

    name, level, column, row = environ["PATH_INFO"].strip("/").split("/")
    generator = open_once(name, lambda path: DeepZoomGenerator(OpenSlide(path)))
    buffer = io.BytesIO()
    generator.get_tile(int(level), (int(column), int(row))).save(buffer, "jpeg", quality=75)
    return send_jpeg(start_response, buffer.getvalue())


def same_grid_app(environ, start_response):
    """As openslide_app, but cut on the file's own tiles without overlap, which its users can choose."""
    from openslide import OpenSlide
    from openslide.deepzoom import DeepZoomGenerator

    def generator_of(path: str) -> DeepZoomGenerator:
        slide = OpenSlide(path)
        return DeepZoomGenerator(slide, int(slide.properties["openslide.level[0].tile-width"]), 0)

    name, level, column, row = environ["PATH_INFO"].strip("/").split("/")
    buffer = io.BytesIO()
    open_once(name, generator_of).get_tile(int(level), (int(column), int(row))).save(buffer, "jpeg", quality=75)
    return send_jpeg(start_response, buffer.getvalue())


def large_image_app(environ, start_response):
    """/name/level/column/row by large-image's getTile through OpenSlide, its JPEG at its own quality.

    Without its cache of finished tiles: each request here stands for a tile that nobody has asked for before.
    """
    import large_image_source_openslide

    name, level, column, row = environ["PATH_INFO"].strip("/").split("/")

    def source_of(path: str):
        source = large_image_source_openslide.open(path, noCache=True)
        source.cache = Forgetful()
        return source

    source = open_once(name, source_of)
    return send_jpeg(start_response, bytes(source.getTile(int(column), int(row), int(level))))
