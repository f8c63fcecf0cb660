"""What is to be done on a slide: how it is to be analysed, and the tiles that hold tissue. Loads no torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely

from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused, PixelSizeRefused
from analysis.pipeline.normalise import make_normaliser
from analysis.pipeline.proposers import MODES, tile_side_px
from analysis.pipeline.regions import region_on_slide
from analysis.pipeline.slide_grid import Grid, Reader
from analysis.pipeline.tissue import CELL_UM, TissueMask, find_tissue

# Of a tile so large 1.3 times its area is read, of one of a third of the side 1.9 times; four of them hold 2 mm².
TILE_PX = 3072
# What stands for a slide is looked at in tiles of this side, so that it is the same whatever the work's own are.
SAMPLED_TILE_PX = 1024
MPP_RANGE = (0.02, 20.0)
MIN_SIDE_UM = 5.0


@dataclass(frozen=True)
class Settings:
    """How to analyse one slide. mpp_x, mpp_y: µm per level-0 px; region_l0: polygons in level-0 px or None for the
    whole slide; threshold: calibrated probability, None for the card's.
    """

    mpp_x: float
    mpp_y: float
    mode: str = "candidates"
    normaliser: str = "none"
    region_l0: Sequence[Sequence[tuple[float, float]]] | None = None
    threshold: float | None = None
    tile_px: int = TILE_PX

    def __post_init__(self) -> None:
        for mpp in (self.mpp_x, self.mpp_y):
            if not (isinstance(mpp, int | float) and math.isfinite(mpp) and MPP_RANGE[0] <= mpp <= MPP_RANGE[1]):
                raise PixelSizeRefused(
                    f"A pixel size of {mpp} µm is absurd; it lies between {MPP_RANGE[0]} and {MPP_RANGE[1]:g}."
                )
        if self.mode not in MODES:
            raise PipelineRefused(f"There is no mode {self.mode}; there are {' and '.join(MODES)}.")
        make_normaliser(self.normaliser)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise PipelineRefused(f"A threshold of {self.threshold} is no probability.")


@dataclass(frozen=True)
class Tile:
    """One piece of work: its box in level-0 px, clipped to the slide, and its place in the grid of tiles."""

    index: int
    x_l0: float
    y_l0: float
    width_l0: float
    height_l0: float
    column: int
    row: int


@dataclass(frozen=True)
class Work:
    """All that is to be done on one slide. `area_mm2`: tissue within the region. `tissue_outline`: rings in level-0 px,
    even-odd.
    """

    tiles: tuple[Tile, ...]
    area_mm2: float
    tissue: TissueMask
    grid: Grid
    tile_px: int
    region: shapely.Geometry | None = None
    tissue_outline: list[list[list[float]]] = field(default_factory=list)

    def covers(self, points_l0: np.ndarray) -> np.ndarray:
        """Which of (n, 2) points are tissue within the region: bool (n,)."""
        inside = self.tissue.contains(points_l0)
        if self.region is not None:
            inside &= shapely.intersects_xy(self.region, points_l0[:, 0], points_l0[:, 1])
        return inside

    def tissue_mm2_of(self, tile: Tile) -> float:
        """Of its tissue cells, those that reach over its edge included."""
        right, bottom = tile.x_l0 + tile.width_l0, tile.y_l0 + tile.height_l0
        area_l0 = self.tissue.area_in(tile.x_l0, tile.y_l0, right, bottom)
        return area_l0 / (self.grid.step_x_l0 * self.grid.step_y_l0) * self.grid.mpp**2 * 1e-6

    def core_of(self, tile: Tile) -> tuple[int, int, int, int]:
        """The part of a tile that can hold anything: the box, x, y, width and height in model px of the slide, about
        its tissue within the region. Of a tile at a slide's edge that is little of it.
        """
        x0, y0, x1, y1 = self.tissue.bounds_in(
            tile.x_l0, tile.y_l0, tile.x_l0 + tile.width_l0, tile.y_l0 + tile.height_l0
        )
        if self.region is not None:
            left, top, right, bottom = self.region.bounds
            x0, y0, x1, y1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
        corners_px = self.grid.to_px(np.array([(x0, y0), (x1, y1)]))
        first_px = np.array((tile.column, tile.row)) * self.tile_px
        low, high = np.clip([np.floor(corners_px[0]), np.floor(corners_px[1]) + 1], first_px, first_px + self.tile_px)
        return int(low[0]), int(low[1]), max(0, int(high[0] - low[0])), max(0, int(high[1] - low[1]))


def plan_work(reader: Reader, settings: Settings, card: Card) -> Work:
    """The tiles that hold tissue of the region, in reading order. Deterministic; raises RegionRefused,
    PixelSizeRefused.
    """
    info = reader.info
    region = None if settings.region_l0 is None else region_on_slide(settings.region_l0, info.width, info.height)
    tissue = find_slide_tissue(reader, settings)
    grid = Grid.over(reader, settings.mpp_x, settings.mpp_y, card.mpp)
    tile_px = tile_side_px(settings.mode, card, settings.tile_px)
    area_mm2 = tissue.area_l0(region) * settings.mpp_x * settings.mpp_y * 1e-6
    tiles = _tiles(grid, tissue, region, tile_px, reader)
    return Work(tiles, area_mm2, tissue, grid, tile_px, region, tissue.outline())


def find_slide_tissue(reader: Reader, settings: Settings) -> TissueMask:
    """Where on the whole slide there is tissue, whatever is to be done there. Raises PixelSizeRefused."""
    info = reader.info
    width_um, height_um = info.width * settings.mpp_x, info.height * settings.mpp_y
    if min(width_um, height_um) < MIN_SIDE_UM:
        raise PixelSizeRefused(
            f"At this pixel size the image is {width_um:.3g} x {height_um:.3g} µm, smaller than a cell."
        )
    thumbnail = read_thumbnail(reader, settings)
    return find_tissue(thumbnail, info.width, info.height, settings.mpp_x, settings.mpp_y)


def read_thumbnail(reader: Reader, settings: Settings) -> np.ndarray:
    """The whole slide at about 8 µm/px: uint8 (rows, columns, 3)."""
    coarse = Grid.over(reader, settings.mpp_x, settings.mpp_y, CELL_UM)
    return coarse.read(reader, 0, 0, coarse.width, coarse.height)


def over_all_tissue(work: Work, reader: Reader) -> Work:
    """The same slide without a region, in tiles of one size whatever those of the work are."""
    return _in_tiles_of(SAMPLED_TILE_PX, replace(work, region=None), reader)


def in_sampled_tiles(work: Work, reader: Reader) -> Work:
    """The same work in tiles that are no larger than what stands for a slide is looked at in."""
    return _in_tiles_of(SAMPLED_TILE_PX, work, reader) if work.tile_px > SAMPLED_TILE_PX else work


def _in_tiles_of(tile_px: int, work: Work, reader: Reader) -> Work:
    tiles = _tiles(work.grid, work.tissue, work.region, tile_px, reader)
    return replace(work, tile_px=tile_px, tiles=tiles)


def _tiles(
    grid: Grid, tissue: TissueMask, region: shapely.Geometry | None, tile_px: int, reader: Reader
) -> tuple[Tile, ...]:
    tiles: list[Tile] = []
    width_l0, height_l0 = reader.info.width, reader.info.height
    for row in range(math.ceil(grid.height / tile_px)):
        for column in range(math.ceil(grid.width / tile_px)):
            x0, y0 = column * tile_px * grid.step_x_l0, row * tile_px * grid.step_y_l0
            x1, y1 = min(x0 + tile_px * grid.step_x_l0, width_l0), min(y0 + tile_px * grid.step_y_l0, height_l0)
            wanted = region is None or region.intersects(shapely.box(x0, y0, x1, y1))
            if wanted and tissue.any_in(x0, y0, x1, y1):
                tiles.append(Tile(len(tiles), x0, y0, x1 - x0, y1 - y0, column, row))
    return tuple(tiles)
