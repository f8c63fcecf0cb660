"""The levels that a slide file lacks, made once so that far views need no decoding of near ones.

    made = make_levels([slide], folder / "levels.tiff", timeout_s=300, memory_mb=2048)

Deep Zoom halves until one tile is left. Scanners store some of these levels, single images none. What lacks is made
from the finest level before it, each level the area average of the one before, and written as tiled JPEG without chroma
subsampling: what a viewer asks for can then be sent as it is stored. For viewing alone: analyses read the file itself.
Nothing is decoded here but in a limited child, see `slides.wsi.pyramid_maker`.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.sandbox import exit_causes
from slides.wsi.sandbox.one_task import START_S, ChildFailed, ended_with, started, taken, was_silent

END_S = 10
UNREADABLE = "The file could not be read through safely, so no overview levels were made."
PARTS = ".levels."  # names begin so of what is not whole yet

Progress = Callable[[int, int], None]
Said = dict[str, Any]  # a line of the child
log = logging.getLogger(__name__)


def missing_levels(info: SlideInfo, tile_px: int) -> list[int]:
    """Deep Zoom levels, finest first, down to one tile, that the file does not hold; its own size only where the file
    has no tiles at all.
    """
    zoom = DeepZoom(info.width, info.height, tile_px, 0)
    top = len(zoom.levels) - 1
    last = max(0, sum(max(size) <= tile_px for size in zoom.levels) - 1)
    halvings = {level.downsample: round(math.log2(level.downsample)) for level in info.levels}
    held = {power for downsample, power in halvings.items() if downsample == 2**power}
    if info.tile_size is None:
        held = set()
    return [top - power for power in range(top - last + 1) if power not in held]


def make_levels(
    paths: Sequence[Path],
    target: Path,
    timeout_s: float,
    memory_mb: int,
    scene: int = 0,
    progress: Progress | None = None,
) -> bool:
    """Write what the file lacks to `target`, whole or not at all; False and no file where nothing lacks.

    SlideRefused where the file cannot be read through, or the child dies of it. progress: rows done and of how many.
    timeout_s counts from one sign of progress to the next, so that it fits slides of every size. CutShort where the
    machine ended the child, and OSError where the disk is full: both say nothing about the slide.
    """
    files = [Path(path).absolute() for path in paths]
    target = Path(target).absolute()
    _sweep(target.parent)
    try:
        said = _ask([str(memory_mb), str(scene), str(target), *map(str, files)], files, target, timeout_s, progress)
        if "made" not in taken(said, "No room on the disk for the levels of a slide"):
            raise ChildFailed(said.get("died", "it said no sense"))
    except ChildFailed as failure:
        log.warning("The child that makes levels died: %s", failure)
        raise SlideRefused(UNREADABLE, "limits") from None
    finally:
        _sweep(target.parent)
    return bool(said["made"])


def _sweep(folder: Path) -> None:
    """Remove what a killed child has left."""
    for left in folder.glob(f"{PARTS}*"):
        shutil.rmtree(left, ignore_errors=True)


def _ask(arguments: list[str], files: list[Path], target: Path, timeout_s: float, progress: Progress | None) -> Said:
    """What the child says last; ChildFailed or CutShort where that is nothing. It is gone when this returns."""
    lines: queue.Queue[bytes] = queue.Queue()
    with started("slides.wsi.pyramid_maker", arguments, files, target.parent) as child:
        assert child.stdout is not None
        from_child = child.stdout

        def pump() -> None:
            for line in from_child:
                lines.put(line)
            lines.put(b"")

        listener = threading.Thread(target=pump, daemon=True)
        listener.start()
        try:
            return _listen(child, lines, timeout_s, progress)
        finally:
            child.kill()
            listener.join(END_S)  # its pipe closes when the last process in the sandbox has ended


def _listen(
    child: subprocess.Popen[bytes], lines: queue.Queue[bytes], timeout_s: float, progress: Progress | None
) -> Said:
    allowed_s = START_S + timeout_s
    meter: exit_causes.Meter | None = None
    while True:
        try:
            line = lines.get(timeout=allowed_s)
        except queue.Empty:
            raise was_silent(allowed_s, meter.used_s() if meter else 0.0) from None
        said = _parsed(line) if line else _end(child, begun=meter is not None)
        if "done" not in said:
            return said
        meter, allowed_s = meter or exit_causes.Meter(child.pid), timeout_s
        meter.start()
        if progress:
            progress(said["done"], said["of"])


def _parsed(line: bytes) -> Said:
    try:
        said: Said = json.loads(line)
    except (ValueError, RecursionError):
        raise ChildFailed("it broke off its answer") from None
    return said


def _end(child: subprocess.Popen[bytes], begun: bool) -> NoReturn:
    """Raise what the end of a child without an outcome comes to."""
    try:
        status = child.wait(END_S)
    except subprocess.TimeoutExpired:
        raise ChildFailed("it broke off its answer") from None
    raise ended_with(status, begun)
