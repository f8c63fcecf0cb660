"""The levels that a slide file lacks, made once so that far views need no decoding of near ones.

    made = make_levels([slide], folder / "levels.tiff", timeout_s=300, memory_mb=2048)

Deep Zoom halves until one tile is left. Scanners store some of these levels, single images none. What lacks is made
from the finest level before it, each level the area average of the one before, and written as tiled JPEG without chroma
subsampling: what a viewer asks for can then be sent as it is stored. For viewing alone: analyses read the file itself.
Nothing is decoded here but in a limited child, see `slides.wsi.pyramid_maker`.
"""

from __future__ import annotations

import json
import math
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from slides.wsi import limits
from slides.wsi.deepzoom import DeepZoom
from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo

START_S = 60
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

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


def make_levels(
    paths: Sequence[Path],
    target: Path,
    timeout_s: float,
    memory_mb: int,
    scene: int = 0,
    progress: Progress | None = None,
) -> bool:
    """Write what the file lacks to `target`, whole or not at all; False and no file where nothing lacks.

    SlideRefused where the file cannot be read through, or the child dies. progress: rows done and of how many.
    timeout_s counts from one sign of progress to the next, so that it fits slides of every size.
    """
    files = [str(Path(path).absolute()) for path in paths]
    target = Path(target).absolute()
    arguments = [str(limits.parent_pid()), str(memory_mb), str(scene), str(target), *files]
    command = limits.confined(
        [sys.executable, "-s", "-m", "slides.wsi.pyramid_maker", *arguments],
        [Path(file) for file in files],
        target.parent,
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
