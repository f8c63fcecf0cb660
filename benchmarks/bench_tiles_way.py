"""The recorded way of a reader over a slide, and the tiles that a viewer asks for on it, whatever the server's grid.

`viewer_way.json` is a reading in MitoWeb's own viewer (`python -m benchmarks.record_way`). It is replayed as where the
view was, not as what was asked, so that product and peers get their tiles by one rule. The rule is OpenSeadragon's
(6.1.1, TiledImage._updateLevelsForViewport) with its default settings, which the product keeps:

- the finest level that has at least half a pixel of the screen for each of its own;
- coarser levels, down to the one that is a single tile, are asked for first, except tiles whose parts in view are here;
- within a level, the tile nearest to the middle first;
- one more tile in each drawn frame, as many as were counted; a view that is left soon never asks for all it shows.

tests/benchmarks/test_way.py holds this to the requests that were recorded. What the product's page fetches ahead of
need is recorded too, and replayed for nobody.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from functools import lru_cache
from pathlib import Path

from slides.wsi.deepzoom import DeepZoom

RECORDING = Path(__file__).with_name("viewer_way.json")
LEAST_PIXEL_RATIO = 0.5  # OpenSeadragon's minPixelRatio: px of the screen for one of the level
TICK_S = 0.1  # tiles asked for within a tick are one step of the way
REST_S = 0.3  # a view that stays so long is looked at: no spring of the viewer pauses that long on its way

Tile = tuple[int, int, int]
Step = tuple[float, list[Tile]]


@dataclasses.dataclass(frozen=True)
class View:
    """What the canvas shows from `second` on, for so many seconds and drawn frames.

    x_share, y_share: the middle, as shares of the slide. scale: px of the screen for one of level 0.
    """

    second: float
    x_share: float
    y_share: float
    scale: float
    frames: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Recording:
    """A reading. canvas_px, slide_px: (width, height). tiles: (second, (level, column, row)) of each request."""

    canvas_px: tuple[int, int]
    slide_px: tuple[int, int]
    tile_px: int
    views: list[View]
    tiles: list[tuple[float, Tile]]


@lru_cache(maxsize=1)
def load_recording() -> Recording:
    """The reading that is replayed."""
    kept = json.loads(RECORDING.read_text(encoding="utf-8"))
    ends = [row[0] for row in kept["views"][1:]] + [kept["seconds"]]
    views = [View(*row, seconds=end - row[0]) for row, end in zip(kept["views"], ends, strict=True)]
    tiles = [(row[0], tuple(row[1:])) for row in kept["tiles"]]
    return Recording(tuple(kept["canvas_px"]), tuple(kept["slide_px"]), kept["tile_px"], views, tiles)


class Viewer:
    """A viewer with a canvas (width, height in px) on a slide cut by `zoom`; remembers which tiles it has asked for."""

    def __init__(self, zoom: DeepZoom, canvas_px: tuple[int, int]) -> None:
        self.zoom, self.canvas_px = zoom, canvas_px
        self.slide_px = zoom.width, zoom.height
        self.top = len(zoom.levels) - 1
        self.single = max(level for level in range(self.top + 1) if zoom.tiles(level) == (1, 1))
        self.whole = min(canvas / side for canvas, side in zip(canvas_px, self.slide_px, strict=True))
        self.asked: set[Tile] = set()

    def place_view(self, view: View, x_shift: float = 0.0, y_shift: float = 0.0) -> View:
        """The view on this slide, no farther out than the whole slide, moved as far as the slide goes."""
        scale = max(view.scale, self.whole)
        half = [canvas / scale / side / 2 for canvas, side in zip(self.canvas_px, self.slide_px, strict=True)]
        x_share, y_share = shift_share(view.x_share, x_shift, half[0]), shift_share(view.y_share, y_shift, half[1])
        return dataclasses.replace(view, scale=scale, x_share=x_share, y_share=y_share)

    def choose_level(self, scale: float) -> int:
        """The level that is shown at so many px of the screen for one of level 0."""
        level = self.top
        while level > self.single and scale * 2 ** (self.top - level) < LEAST_PIXEL_RATIO:
            level -= 1
        return level

    def list_shown(self, view: View, level: int) -> list[Tile]:
        """The tiles of a level that the view touches, nearest to its middle first."""
        step_l0 = self.zoom.tile_size * 2 ** (self.top - level)
        middle = view.x_share * self.zoom.width, view.y_share * self.zoom.height
        spans = []
        for at, canvas, side, count in zip(middle, self.canvas_px, self.slide_px, self.zoom.tiles(level), strict=True):
            first, last = max(0.0, at - canvas / view.scale / 2), min(side, at + canvas / view.scale / 2)
            spans.append(range(int(first // step_l0), min(count - 1, int(last // step_l0)) + 1) if first < last else ())
        return sorted(
            ((level, column, row) for column, row in itertools.product(*spans)),
            key=lambda tile: sum(((n + 0.5) * step_l0 - at) ** 2 for n, at in zip(tile[1:], middle, strict=True)),
        )

    def list_wanted(self, view: View) -> list[Tile]:
        """What the view still lacks, in the order in which it is asked for."""
        levels: list[list[Tile]] = []
        lacking: set[tuple[int, int]] = set()  # (column, row) in this level of what finer levels lack
        finest = self.choose_level(view.scale)
        for level in range(finest, self.single - 1, -1):
            tiles = [
                tile for tile in self.list_shown(view, level)
                if tile not in self.asked and (level == finest or tile[1:] in lacking)
            ]  # fmt: skip
            levels.append(tiles)
            lacking = {(column // 2, row // 2) for _, column, row in tiles}
        return [tile for tiles in reversed(levels) for tile in tiles]

    def make_steps(self, view: View) -> list[Step]:
        """(second, tiles) that are asked for while the view stays: one in each frame."""
        tiles = self.list_wanted(view)[: view.frames]
        self.asked.update(tiles)
        ticks = [int(number * view.seconds / view.frames / TICK_S) for number in range(len(tiles))]
        return [
            (round(view.second + tick * TICK_S, 2), [tile for _, tile in group])
            for tick, group in itertools.groupby(zip(ticks, tiles, strict=True), key=lambda each: each[0])
        ]


def shift_share(share: float, shift: float, half: float) -> float:
    """The middle moved along one axis, no farther than to where the slide ends; a view of all of it stays."""
    if half >= 0.5:
        return share
    return min(max(share, 1 - half), max(min(share, half), share + shift))


def replay_way(zoom: DeepZoom, x_shift: float = 0.0, y_shift: float = 0.0) -> list[Step]:
    """(second, new tiles) along the recorded way on a slide cut by `zoom`; shifts are shares of the slide."""
    reading = load_recording()
    viewer = Viewer(zoom, reading.canvas_px)
    return [step for view in reading.views for step in viewer.make_steps(viewer.place_view(view, x_shift, y_shift))]


def group_looks(steps: list[Step]) -> list[list[Tile]]:
    """The same tiles by the looks that the reader takes: all that came from the last look to the end of this one."""
    ends = [view.second + view.seconds for view in load_recording().views if view.seconds >= REST_S]
    groups = itertools.groupby(steps, key=lambda step: sum(end <= step[0] for end in ends))
    return [[tile for _, tiles in group for tile in tiles] for _, group in groups]
