"""The child that decodes slides for `slides.wsi.pool` and `slides.wsi.probe`: requests on stdin, answers on stdout.

    python -m slides.wsi.decoder PARENT_PID MEMORY_MB CPU_S|- [each-alone]

each-alone: where the kernel can, each slide is read by a process that sees no other one, see
`slides.wsi.sandbox.slide_children`. It holds a few slides open, and ends when stdin closes, when its parent dies, or
after an error it did not expect.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib
import math
import os
import sys
from pathlib import Path
from typing import Any

from slides.wsi.errors import SlideRefused, told
from slides.wsi.sandbox import landlock, limits, wire
from slides.wsi.sandbox.slide_children import Asked, is_too_much, read_exactly, serve_each_alone

EACH_ALONE = "each-alone"
# What opening most slides loads when it is needed: loaded once, before there is a process for each slide.
LOADED_BEFORE = (
    "slides.wsi.formats.by_openslide",
    "slides.wsi.formats.tiff.opening",
    "imagecodecs._jpeg8",
    "simplejpeg",
)
MAX_REGION_PX = 2048 * 2048
TILE_QUALITY, CROP_QUALITY = 85, 92


class WrongRequest(Exception):
    """The caller asked for what does not exist; the slide is well."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """What one open slide is known by. levels: the file of made levels, None where there is none."""

    paths: tuple[str, ...]
    levels: str | None
    scene: int


class Decoder:
    """Answers requests about slides; the most recently used stay open."""

    def __init__(self) -> None:
        self._open: collections.OrderedDict[Key, Any] = collections.OrderedDict()

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """(header, bytes) of one request: tile, crop, thumbnail, check or index."""
        paths = [Path(path) for path in request["paths"]]
        if request["op"] == "check":
            from slides.wsi.check import check_slide

            return {"info": check_slide(paths, request["suffix"], request.get("scene", 0)).as_json()}, b""
        if request["op"] == "index":
            from slides.wsi.native_maker import make_index

            return {}, make_index(paths, as_path(request["levels"]), request["scene"])
        key = key_of(request)
        try:
            return {}, getattr(self, "_" + request["op"])(self._reader(key), request)
        except BaseException:
            if (spoilt := self._open.pop(key, None)) is not None:
                spoilt.close()  # OpenSlide answers nothing more after an error
            raise

    def _tile(self, reader: Any, request: dict[str, Any]) -> bytes:
        from slides.wsi.deepzoom import DeepZoom

        zoom = DeepZoom(reader.info.width, reader.info.height, request["tile_size"], request["overlap"])
        try:
            box = zoom.tile_box(request["level"], request["col"], request["row"])
        except IndexError as error:
            raise WrongRequest(str(error)) from None
        return jpeg(reader.read(box.x_l0, box.y_l0, box.width, box.height, box.downsample), TILE_QUALITY)

    def _crop(self, reader: Any, request: dict[str, Any]) -> bytes:
        from slides.wsi.reader import refuse_odd_request

        sizes = (request["x_l0"], request["y_l0"], request["out_w"], request["out_h"], request["downsample"])
        try:
            refuse_odd_request(*sizes)
        except ValueError as error:
            raise WrongRequest(str(error)) from None
        return jpeg(reader.read(*sizes), CROP_QUALITY)

    def _region(self, reader: Any, request: dict[str, Any]) -> bytes:
        import cv2

        w, h, out_w, out_h = (request[name] for name in ("w", "h", "out_w", "out_h"))
        if min(w, h, out_w, out_h) < 1 or out_w * out_h > MAX_REGION_PX:
            raise WrongRequest(f"Cannot show {w} x {h} pixels as {out_w} x {out_h}")
        # One factor for both sides is read; what is left of a changed shape is squeezed afterwards.
        downsample = max(min(w / out_w, h / out_h), math.sqrt(w * h / MAX_REGION_PX) / 2)
        read_w, read_h = max(1, round(w / downsample)), max(1, round(h / downsample))
        pixels = reader.read(request["x_l0"], request["y_l0"], read_w, read_h, downsample)
        if (read_w, read_h) != (out_w, out_h):
            pixels = cv2.resize(pixels, (out_w, out_h), interpolation=cv2.INTER_AREA)
        return jpeg(pixels, CROP_QUALITY)

    def _thumbnail(self, reader: Any, request: dict[str, Any]) -> bytes:
        return jpeg(reader.thumbnail(request["max_px"]), CROP_QUALITY)

    def _reader(self, key: Key) -> Any:
        if key not in self._open:
            self._open[key] = open_as(key)
        self._open.move_to_end(key)
        while is_too_much([reader.held_bytes for reader in self._open.values()]):
            self._open.popitem(last=False)[1].close()
        return self._open[key]

    @property
    def held_bytes(self) -> int:
        """Of pixels that open slides keep in memory."""
        return sum(reader.held_bytes for reader in self._open.values())


def key_of(request: dict[str, Any]) -> Key:
    """The slide that a request is about."""
    return Key(tuple(request["paths"]), request.get("levels"), request.get("scene", 0))


def asked_of(request: dict[str, Any]) -> Asked:
    """The same, with the files that it needs."""
    key = key_of(request)
    return Asked(key, [Path(path) for path in (*key.paths, key.levels) if path is not None])


def open_as(key: Key) -> Any:
    """A reader of the slide and its made levels."""
    from slides.wsi.reader import open_slide

    return open_slide([Path(path) for path in key.paths], scene=key.scene, levels=as_path(key.levels))


def as_path(text: str | None) -> Path | None:
    """The path, None where there is none."""
    return None if text is None else Path(text)


def jpeg(pixels: Any, quality: int) -> bytes:
    """(h, w, 3) uint8 → JPEG without chroma subsampling, since colour is what is judged."""
    import simplejpeg

    return simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling="444")


def serve(requests: int, answers: int) -> None:
    """Answer until the requests end. Clean refusals are answers; anything unexpected is told, then the child ends."""
    decoder = Decoder()
    while True:
        try:
            request, _ = wire.unpack(lambda count: read_exactly(requests, count))
        except EOFError:
            return
        limits.die_after(math.ceil(request["timeout_s"]) + 1)
        try:
            header, body = decoder.answer(request)
            message = wire.pack(header | {"held_bytes": decoder.held_bytes}, body)
        except SlideRefused as refusal:
            message = wire.pack({"refused": [refusal.reason, refusal.kind]})
        except WrongRequest as error:
            message = wire.pack({"wrong": str(error)})
        except Exception as error:
            wire.write_all(answers, wire.pack({"died": told(error)}))
            raise
        wire.write_all(answers, message)
        limits.die_after(0)


def main(arguments: list[str]) -> None:
    """Set limits, load the libraries, say so, serve."""
    parent_pid, memory_mb = int(arguments[0]), int(arguments[1])
    cpu_s = None if arguments[2] == "-" else int(arguments[2])
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not end up between the answers
    alone = limits.leave_network()
    each_alone = EACH_ALONE in arguments and landlock.version() > 0
    limits.limit_self(parent_pid, memory_mb, cpu_s, opens_files=not each_alone)
    import cv2

    import slides.wsi.check  # noqa: F401  loads the reader and every library it needs at start

    cv2.setNumThreads(1)
    wire.write_all(answers, wire.pack({"ready": True, "without_network": alone}))
    if each_alone:
        for module in LOADED_BEFORE:
            importlib.import_module(module)
        serve_each_alone(0, answers, memory_mb, asked_of, serve)
    else:
        serve(0, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
