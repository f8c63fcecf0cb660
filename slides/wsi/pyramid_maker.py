"""Make the levels of `slides.wsi.pyramid` in one pass over bands of rows. Run in a limited child.

python -m slides.wsi.pyramid_maker PARENT_PID MEMORY_MB SCENE TARGET PATH...
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import tifffile

from slides.wsi import limits
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import SlideRefused
from slides.wsi.native import tile_size_for
from slides.wsi.pyramid import Progress, missing_levels
from slides.wsi.reader import SlideReader, open_slide

QUALITY = 90
BYTES_PER_PIXEL = 1  # more than JPEG of this quality takes
CLASSIC_TIFF_BYTES = 3_500_000_000


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
        with tempfile.TemporaryDirectory(prefix=".levels.", dir=target.parent) as folder:
            made = _made(reader, zoom, wanted, tile_px, Path(folder), progress)
            whole = Path(folder) / "whole"
            _write_tiff(whole, [made[number] for number in wanted])
            with whole.open("rb") as file:
                os.fsync(file.fileno())
            whole.replace(target)
    return True


class Level:
    """One level on its way: rows come in, tiles go out to a spool, halved rows go on to the next level.

    wanted: whether its tiles are kept. width, height: px of this level.
    """

    def __init__(self, size: tuple[int, int], tile_px: int, spool: Path | None, above: Level | None) -> None:
        self.width, self.height = size
        self.tile_px, self.above = tile_px, above
        self.lengths = array("Q")
        self._spool = spool.open("w+b") if spool else None
        self._rows = np.empty((0, self.width, 3), np.uint8)  # of the tiles in work
        self._odd = self._rows  # a row that waits for its neighbour to be halved with

    def take(self, rows: np.ndarray, is_last: bool) -> None:
        """The next rows, uint8 (n, width, 3); is_last: no more come."""
        if self._spool is not None:
            self._keep(rows, is_last)
        if self.above is not None:
            pending = np.concatenate([self._odd, rows])
            count = len(pending) if is_last else len(pending) // 2 * 2
            self._odd = pending[count:].copy()
            self.above.take(halved(pending[:count]), is_last)

    def tiles(self) -> Iterator[bytes]:
        """The coded tiles, row by row."""
        assert self._spool is not None
        self._spool.seek(0)
        for length in self.lengths:
            yield self._spool.read(length)

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _keep(self, rows: np.ndarray, is_last: bool) -> None:
        self._rows = np.concatenate([self._rows, rows])
        while len(self._rows) >= self.tile_px or (is_last and len(self._rows)):
            self._code(self._rows[: self.tile_px])
            self._rows = self._rows[self.tile_px :]

    def _code(self, rows: np.ndarray) -> None:
        import simplejpeg

        for left in range(0, self.width, self.tile_px):
            part = rows[:, left : left + self.tile_px]
            below, right = self.tile_px - part.shape[0], self.tile_px - part.shape[1]
            if below or right:  # repeated edges, since a hard border would ring into the picture
                part = cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE)
            coded = simplejpeg.encode_jpeg(
                np.ascontiguousarray(part), quality=QUALITY, colorspace="RGB", colorsubsampling="444"
            )
            self._spool.write(coded)
            self.lengths.append(len(coded))


def halved(rows: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → (ceil(h/2), ceil(w/2), 3), each pixel the mean of four; a last odd one is repeated."""
    height, width = rows.shape[:2]
    if height % 2 or width % 2:
        rows = cv2.copyMakeBorder(rows, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    if not len(rows):
        return np.empty((0, -(-width // 2), 3), np.uint8)
    return cv2.resize(rows, (rows.shape[1] // 2, rows.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _made(
    reader: SlideReader, zoom: DeepZoom, wanted: list[int], tile_px: int, folder: Path, progress: Progress | None
) -> dict[int, Level]:
    """The wanted levels by their number, all coded in one pass over the finest level that is needed for them."""
    top = len(zoom.levels) - 1
    base = min(top, wanted[0] + 1)
    levels: dict[int, Level] = {}
    above = None
    for number in range(wanted[-1], base + 1):
        spool = folder / str(number) if number in wanted else None
        above = levels[number] = Level(zoom.levels[number], tile_px, spool, above)
    width, height = zoom.levels[base]
    downsample = 2 ** (top - base)
    for y in range(0, height, tile_px):
        count = min(tile_px, height - y)
        rows = reader.read(0, y * downsample, width, count, downsample)
        levels[base].take(rows, y + count >= height)
        if progress:
            progress(y + count, height)
    return levels


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
            level.close()


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

    try:
        said = {"made": write_missing_levels(paths, target, scene, tell)}
    except SlideRefused as refusal:
        said = {"refused": [refusal.reason, refusal.kind]}
    answers.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
