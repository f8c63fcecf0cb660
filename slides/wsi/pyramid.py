"""The levels that a slide file lacks, made once so that far views need no decoding of near ones.

    made = make_levels([slide], folder / "levels.tiff", timeout_s=3600, memory_mb=2048)

Deep Zoom halves until one tile is left. Scanners store some of these levels, single images none. What lacks is made
from the finest level before it in one pass over bands of rows, each level the area average of the one before, and
written as tiled JPEG without chroma subsampling: what a viewer asks for can then be sent as it is stored. For
viewing alone: analyses read the file itself.
"""

from __future__ import annotations

import json
import math
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import tifffile

from slides.wsi import limits
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.native import tile_size_for
from slides.wsi.reader import SlideReader, open_slide

QUALITY = 90
BYTES_PER_PIXEL = 1  # more than JPEG of this quality takes
CLASSIC_TIFF_BYTES = 3_500_000_000
START_S = 60

Progress = Callable[[int, int], None]


def missing_levels(info: SlideInfo, tile_px: int) -> list[int]:
    """Deep Zoom levels, finest first, down to one tile, that the file does not hold; its own size only where the file
    has no tiles at all.
    """
    zoom = DeepZoom(info.width, info.height, tile_px, 0)
    top = len(zoom.levels) - 1
    last = max(0, sum(max(size) <= tile_px for size in zoom.levels) - 1)
    held = {round(math.log2(level.downsample)) for level in info.levels if _is_power_of_two(level.downsample)}
    if info.tile_size is None:
        held = set()
    return [top - power for power in range(top - last + 1) if power not in held]


def _is_power_of_two(downsample: float) -> bool:
    return downsample == 2 ** round(math.log2(downsample))


def write_missing_levels(paths: Sequence[Path], target: Path, scene: int = 0, progress: Progress | None = None) -> bool:
    """Write what lacks to `target`, whole or not at all; False and no file where nothing lacks.

    Decodes the slide: run it in a limited child, as `make_levels` does. progress: rows done and of how many.
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


# In a child of its own -----------------------------------------------------------------------------------------
def make_levels(
    paths: Sequence[Path],
    target: Path,
    timeout_s: float,
    memory_mb: int,
    scene: int = 0,
    progress: Progress | None = None,
) -> bool:
    """`write_missing_levels` in a limited child. SlideRefused where the file cannot be read through, or the child dies.

    timeout_s counts from one sign of progress to the next, so that it fits slides of every size.
    """
    files = [str(Path(path).absolute()) for path in paths]
    target = Path(target).absolute()
    arguments = [str(limits.parent_pid()), str(memory_mb), str(scene), str(target), *files]
    command = limits.confined(
        [sys.executable, "-s", "-m", "slides.wsi.pyramid", *arguments], [Path(file) for file in files], target.parent
    )
    with subprocess.Popen(
        command, cwd=limits.PROJECT_ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as child:  # fmt: skip
        try:
            said = _listen(child, timeout_s, progress)
        finally:
            child.kill()
    for left in target.parent.glob(".levels.*"):  # of a child that was killed
        shutil.rmtree(left, ignore_errors=True)
    if "refused" in said:
        raise SlideRefused(*said["refused"])
    if "made" not in said:
        raise SlideRefused("The file could not be read through safely, so no overview levels were made.", "limits")
    return bool(said["made"])


ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def _listen(child: subprocess.Popen, timeout_s: float, progress: Progress | None) -> dict:
    """What the child says last; {} where it died or was silent for too long."""
    lines: queue.Queue[bytes] = queue.Queue()

    def pump() -> None:
        for line in child.stdout:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=pump, daemon=True).start()
    deadline = time.monotonic() + START_S + timeout_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            said = json.loads(line) if line else {}
        except (queue.Empty, ValueError):
            return {}
        if "done" not in said:
            return said
        deadline = time.monotonic() + timeout_s
        if progress:
            progress(said["done"], said["of"])


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
