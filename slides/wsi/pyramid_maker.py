"""Make the levels of `slides.wsi.pyramid` in one pass over bands of rows. Run in a limited child.

python -m slides.wsi.pyramid_maker PARENT_PID MEMORY_MB SCENE TARGET PATH...
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import simplejpeg
import tifffile

from slides.wsi.deepzoom import DeepZoom
from slides.wsi.disk import fsync
from slides.wsi.errors import told
from slides.wsi.native import tile_size_for
from slides.wsi.pyramid import PARTS, Progress, missing_levels
from slides.wsi.reader import SlideReader, open_slide
from slides.wsi.sandbox import limits, one_task

QUALITY = 90
BYTES_PER_PIXEL = 1  # more than JPEG of this quality takes
CLASSIC_TIFF_BYTES = 3_500_000_000
PART_PX = 8192  # columns decoded at once
JPEG_BLOCK_PX = 8


def write_missing_levels(paths: Sequence[Path], target: Path, scene: int = 0, progress: Progress | None = None) -> bool:
    """Write what lacks to `target`, whole or not at all; False and no file where nothing lacks.

    progress: rows done and of how many.
    """
    with open_slide(paths, scene=scene) as reader:
        tile_px = tile_size_for(reader.info.tile_size)
        wanted = missing_levels(reader.info, tile_px)
        if not wanted:
            return False
        zoom = DeepZoom(reader.info.width, reader.info.height, tile_px, 0)
        with (
            tempfile.TemporaryDirectory(prefix=PARTS, dir=target.parent) as folder,
            contextlib.ExitStack() as opened,
        ):
            # All from the finest wanted one to the coarsest by their number, each handing its rows to the next.
            levels: dict[int, Level] = {}
            for number in range(wanted[-1], wanted[0] + 1):
                spool = opened.enter_context((Path(folder) / str(number)).open("w+b")) if number in wanted else None
                levels[number] = Level(zoom.levels[number], tile_px, spool, levels.get(number - 1))
            _fill(levels[wanted[0]], reader, zoom, wanted[0], progress)
            whole = Path(folder) / "whole"
            _write_tiff(whole, [levels[number] for number in wanted])
            fsync(whole)
            whole.replace(target)
            fsync(target.parent)
    return True


class Level:
    """One level on its way: rows come in, tiles go out to a spool, halved rows go on to the next level.

    spool: where its tiles are kept, None where they are not wanted. width, height: px of this level.
    """

    def __init__(self, size: tuple[int, int], tile_px: int, spool: BinaryIO | None, above: Level | None) -> None:
        self.width, self.height = size
        self.tile_px = tile_px
        self.lengths = array("Q")
        self._above, self._spool = above, spool
        self._band = np.empty((tile_px if spool else 0, self.width, 3), np.uint8)  # the row of tiles in work
        self._filled = 0
        self._odd = np.empty((0, self.width, 3), np.uint8)  # a row that waits for its neighbour to be halved with

    def take(self, rows: np.ndarray, is_last: bool) -> None:
        """The next rows, uint8 (n, width, 3); is_last: no more come."""
        if self._spool is not None:
            self._keep(rows, is_last)
        if self._above is not None:
            pending = np.concatenate([self._odd, rows]) if len(self._odd) else rows
            count = len(pending) if is_last else len(pending) // 2 * 2
            self._odd = pending[count:].copy()
            self._above.take(halved(pending[:count]), is_last)

    def tiles(self) -> Iterator[bytes]:
        """The coded tiles, row by row."""
        assert self._spool is not None
        self._spool.seek(0)
        for length in self.lengths:
            yield self._spool.read(length)

    def _keep(self, rows: np.ndarray, is_last: bool) -> None:
        while len(rows):
            fitting = rows[: self.tile_px - self._filled]
            self._band[self._filled : self._filled + len(fitting)] = fitting
            self._filled += len(fitting)
            rows = rows[len(fitting) :]
            if self._filled == self.tile_px:
                self._code()
        if is_last and self._filled:
            self._code()

    def _code(self) -> None:
        assert self._spool is not None
        rows, self._filled = self._band[: self._filled], 0
        for left in range(0, self.width, self.tile_px):
            part = whole_tile(rows[:, left : left + self.tile_px], self.tile_px)
            coded = simplejpeg.encode_jpeg(part, quality=QUALITY, colorspace="RGB", colorsubsampling="444")
            self._spool.write(coded)
            self.lengths.append(len(coded))


def whole_tile(part: np.ndarray, tile_px: int) -> np.ndarray:
    """uint8 (h, w, 3) → (tile_px, tile_px, 3), white outside the image.

    The last JPEG block that shows the image is filled by its edge: a border to white inside would ring into it.
    """
    height, width = part.shape[:2]
    if (height, width) == (tile_px, tile_px):
        return np.ascontiguousarray(part)
    tile = np.full((tile_px, tile_px, 3), 255, np.uint8)
    below, right = (min(-side % JPEG_BLOCK_PX, tile_px - side) for side in (height, width))
    tile[: height + below, : width + right] = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return tile


def halved(rows: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → (ceil(h/2), ceil(w/2), 3), each pixel the mean of four; a last odd one is repeated."""
    height, width = rows.shape[:2]
    if height % 2 or width % 2:
        rows = cv2.copyMakeBorder(rows, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    if not len(rows):
        return np.empty((0, -(-width // 2), 3), np.uint8)
    return cv2.resize(rows, (rows.shape[1] // 2, rows.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _fill(finest: Level, reader: SlideReader, zoom: DeepZoom, number: int, progress: Progress | None) -> None:
    """Hand the finest level that is made its rows: halved ones of the level before, which the file holds, or its own.

    Read by rows of tiles, in parts of some tiles, so that memory hardly grows with the slide's width.
    """
    top = len(zoom.levels) - 1
    is_level_0 = number == top
    before = number if is_level_0 else number + 1
    (width, height), downsample = zoom.levels[before], 2 ** (top - before)
    step = finest.tile_px * (1 + finest.tile_px % 2)  # even, so that halves of bands are bands of the half
    part_px = step * max(1, PART_PX // step)
    for y in range(0, height, step):
        rows = min(step, height - y)
        parts = []
        for x in range(0, width, part_px):
            part = reader.read(x * downsample, y * downsample, min(part_px, width - x), rows, downsample)
            parts.append(part if is_level_0 else halved(part))
        finest.take(np.concatenate(parts, axis=1), y + rows >= height)
        if progress:
            progress(y + rows, height)


def _write_tiff(path: Path, levels: list[Level]) -> None:
    pixels = sum(level.width * level.height for level in levels)
    with tifffile.TiffWriter(path, bigtiff=pixels * BYTES_PER_PIXEL > CLASSIC_TIFF_BYTES) as tiff:
        for number, level in enumerate(levels):
            tiff.write(
                level.tiles(),
                shape=(level.height, level.width, 3),
                dtype=np.uint8,
                tile=(level.tile_px, level.tile_px),
                photometric="ycbcr",
                compression="jpeg",
                subsampling=(1, 1),
                subfiletype=1 if number else 0,
                metadata=None,
                software=False,
            )


def main(arguments: list[str]) -> None:
    """PARENT_PID MEMORY_MB SCENE TARGET PATH...: progress, then the outcome, as lines of JSON."""
    parent, memory_mb, scene = map(int, arguments[:3])
    target, paths = Path(arguments[3]), [Path(path) for path in arguments[4:]]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not end up between the answers
    limits.leave_network()
    limits.limit_self(parent, memory_mb, None, write_bytes=shutil.disk_usage(target.parent).free)
    cv2.setNumThreads(1)

    def tell(done: int, of: int) -> None:
        answers.write(json.dumps({"done": done, "of": of}) + "\n")

    tell(0, 1)  # it is up: what ends it from here on may be the file's doing
    try:
        said = outcome(paths, target, scene, tell)
    except Exception as error:
        answers.write(json.dumps({"died": told(error)}))
        raise
    answers.write(json.dumps(said) + "\n")


def outcome(paths: Sequence[Path], target: Path, scene: int, progress: Progress) -> dict[str, Any]:
    """How the writing ended: "made", "refused", or "full" where the disk is, or its share of it."""
    full = (*one_task.FULL, errno.EFBIG)
    return one_task.outcome(lambda: {"made": write_missing_levels(paths, target, scene, progress)}, full)


if __name__ == "__main__":
    main(sys.argv[1:])
