"""A set of decoder children for processes that must not decode untrusted files themselves.

    pool = DecoderPool(size=2, memory_mb=2048, timeout_s=10)
    jpeg = pool.tile([path], level=12, col=3, row=4)

May be shared by many threads. Children are started when first needed, so a pool made before a fork is harmless. One
that ends or takes too long fails its own call, with DecoderDied where the slide is at fault and with CutShort where the
machine is, and is replaced. Nothing heavy is imported here.

Who waits for a child holds a thread that others need. So while children are behind, a few may wait and all others get
DecodersBusy at once. As long as the line moves quickly it may be of any length.
"""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from slides.wsi.errors import DecodersBusy
from slides.wsi.sandbox.decoder_child import Child, as_paths, start_child

LINE_PER_CHILD = 4  # may wait while children are behind: with those at work ten of a web process's sixteen threads
BEHIND_SHARE = 0.25  # of the time for one answer; children that let somebody wait longer are behind


class DecoderPool:
    """At most `size` children; each decodes one thing at a time within `memory_mb` of address space and `timeout_s`.

    readable: the folders that hold the slides, all that the children see of the disk; None for files that are trusted.

    Where the kernel has Landlock each slide is read by a process of its own that sees that slide alone. Elsewhere a
    child sees every slide and not only the one in work, since to start one costs as much as dozens of tiles: a file
    that takes its child over could read other slides, and show them as its own tiles until the child ends; it can
    write nothing and reach nobody. What opens a slide for the first time (`native`, `probe`, `pyramid`,
    `deid`, the overview) has a child of its own that sees that slide alone.
    """

    def __init__(
        self,
        size: int = 2,
        memory_mb: int = 2048,
        timeout_s: float = 10.0,
        readable: Sequence[Path] | None = None,
    ) -> None:
        self._readable = readable
        self._size, self._memory_mb, self._timeout_s = size, memory_mb, timeout_s
        self._lock = threading.Lock()
        self._line: collections.deque[Turn] = collections.deque()
        self._behind = False  # whether the last one to leave the line had waited for long
        self._idle: list[Child] = []
        self._count = 0
        self._closed = False
        self._starter: ThreadPoolExecutor | None = None

    def tile(
        self,
        paths: Sequence[Path] | Path,
        level: int,
        col: int,
        row: int,
        tile_size: int = 254,
        overlap: int = 1,
        **slide: Any,
    ) -> bytes:
        """JPEG of one Deep Zoom tile, see `DeepZoom` for its geometry; IndexError where there is none.

        Here and below: levels= the file of made levels, scene= the number of the picture, see `open_slide`.
        """
        request = {"level": level, "col": col, "row": row, "tile_size": tile_size, "overlap": overlap}
        return self._ask(paths, "tile", request, **slide)

    def crop(
        self,
        paths: Sequence[Path] | Path,
        x_l0: float,
        y_l0: float,
        out_w: int,
        out_h: int,
        downsample: float,
        **slide: Any,
    ) -> bytes:
        """JPEG of `SlideReader.read` with the same arguments; ValueError for sizes out of range."""
        request = {"x_l0": x_l0, "y_l0": y_l0, "out_w": out_w, "out_h": out_h, "downsample": downsample}
        return self._ask(paths, "crop", request, **slide)

    def region(
        self, paths: Sequence[Path] | Path, x_l0: int, y_l0: int, w: int, h: int, out_w: int, out_h: int, **slide: Any
    ) -> bytes:
        """JPEG of a w x h rectangle of level-0 pixels at out_w x out_h px; the two factors may differ."""
        request = {"x_l0": x_l0, "y_l0": y_l0, "w": w, "h": h, "out_w": out_w, "out_h": out_h}
        return self._ask(paths, "region", request, **slide)

    def thumbnail(self, paths: Sequence[Path] | Path, max_px: int, **slide: Any) -> bytes:
        """JPEG of the whole slide, the longer side at most `max_px`."""
        return self._ask(paths, "thumbnail", {"max_px": max_px}, **slide)

    def let_go_of_erased(self) -> None:
        """End idle children that hold a slide whose files are gone, and with them what they keep of it in memory."""
        with self._lock:
            holding = [child for child in self._idle if child.holds_erased()]
            self._idle = [child for child in self._idle if child not in holding]
            self._count -= len(holding)
        for child in holding:
            child.kill()

    def close(self) -> None:
        """End all children once they have answered; calls in the line fail."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._count -= len(idle)
            waiting, self._line = self._line, collections.deque()
        for turn in waiting:
            turn.come.set()
        for child in idle:
            child.kill()
        if self._starter is not None:
            self._starter.shutdown(wait=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(
        self,
        paths: Sequence[Path] | Path,
        op: str,
        request: dict[str, Any],
        levels: Path | None = None,
        scene: int = 0,
    ) -> bytes:
        files = as_paths(paths)
        known_as = {"levels": None if levels is None else str(levels.absolute()), "scene": scene}
        child = self._take(tuple(map(str, files)))
        try:
            _, body = child.ask(
                files, {"op": op} | request | known_as | {"timeout_s": self._timeout_s}, self._timeout_s
            )
        except BaseException:
            self._give_back(child)
            raise
        self._give_back(child)
        return body

    def _take(self, key: tuple[str, ...]) -> Child:
        """A free child, by preference one that has the slide open; a new one while there is room; else wait in line."""
        with self._lock:
            self._refuse_closed()
            for dead in [child for child in self._idle if not child.alive()]:
                dead.kill()
                self._idle.remove(dead)
                self._count -= 1
            warm = next((child for child in self._idle if key in child.recent), None)
            if warm is None and self._count < self._size:
                self._count += 1
                turn = None
            elif self._idle:
                child = warm or self._idle[0]
                self._idle.remove(child)
                return child
            else:
                turn = self._line_up()
        return self._start() if turn is None else self._wait(turn)

    def _line_up(self) -> Turn:
        """The last place in the line; DecodersBusy where it is long and does not move as it should."""
        now = time.monotonic()
        behind = self._behind or (bool(self._line) and now - self._line[0].since > self._long_s)
        if behind and len(self._line) >= self._longest_line:
            raise DecodersBusy
        turn = Turn(now)
        self._line.append(turn)
        return turn

    def _wait(self, turn: Turn) -> Child:
        """The child handed over when the turn comes; DecodersBusy when it does not, for those far back sooner."""
        for seconds, place in ((self._long_s, self._longest_line), (self._timeout_s - self._long_s, 0)):
            if turn.come.wait(seconds):
                break
            with self._lock:
                if turn in self._line and self._line.index(turn) >= place:
                    self._line.remove(turn)
                    self._behind = True
                    raise DecodersBusy
        if self._closed and turn.child is not None:
            turn.child.kill()
        self._refuse_closed()
        return turn.child or self._start()

    def _start(self) -> Child:
        """A new child, made by one thread that lives as long as the pool: a child dies with the thread that made it."""
        with self._lock:
            if self._starter is None:
                self._starter = ThreadPoolExecutor(1, thread_name_prefix="decoder-start")
        try:
            return self._starter.submit(start_child, self._memory_mb, readable=self._readable).result()
        except BaseException:
            self._pass_on(None)
            raise

    def _give_back(self, child: Child) -> None:
        if child.alive() and not self._closed:
            self._pass_on(child)
        else:
            child.kill()
            self._pass_on(None)

    def _pass_on(self, child: Child | None) -> None:
        """Hand a child, or the room of one that ended, to whoever has waited longest."""
        with self._lock:
            if self._line:
                turn = self._line.popleft()
                self._behind = time.monotonic() - turn.since > self._long_s
                turn.child = child
                turn.come.set()
            elif child is None:
                self._count -= 1
            else:
                self._behind = False
                self._idle.append(child)

    @property
    def _longest_line(self) -> int:
        return LINE_PER_CHILD * self._size

    @property
    def _long_s(self) -> float:
        return BEHIND_SHARE * self._timeout_s

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError("The pool is closed")


class Turn:
    """A place in the line. come: set when it is one's turn. child: the one handed over, None to start one."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.come = threading.Event()
        self.child: Child | None = None
