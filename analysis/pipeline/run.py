"""The detector: from an open slide to detections, tile by tile.

    work = plan(reader, settings, model.card)
    detector = Detector(model, settings)
    for tile in work.tiles:
        result = detector.tile(reader, work, tile)

A tile's result is final when it is returned: what a tile says depends on the slide alone, since every rule that looks
around (the candidates' cap, the distance between detections) is local and the tile is read with as much context as they
need. Work may therefore stop, resume and be shared out at tiles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from analysis.pipeline import merge
from analysis.pipeline.cards.card import Card, StandardUse
from analysis.pipeline.errors import NormaliserFailed, PipelineRefused, PixelSizeRefused
from analysis.pipeline.normalise import Normaliser, make_normaliser
from analysis.pipeline.patches import centred
from analysis.pipeline.proposers import darkest, finder_geometry
from analysis.pipeline.regions import region_on_slide
from analysis.pipeline.score_level import PLAIN, SAMPLE_TILES, Standard, standard_of
from analysis.pipeline.slide_grid import Grid, Reader
from analysis.pipeline.spread import evenly
from analysis.pipeline.stain import is_tissue
from analysis.pipeline.tissue import CELL_UM, TissueMask, find_tissue

if TYPE_CHECKING:
    from analysis.pipeline.cards.store import Model

TILE_PX = 1024
# Ten patches of the paper's grid, so that none is cut by a tile.
GRID_TILE_PATCHES = 10
# `candidates`: places from the model's finder, or as `haematoxylin` where it has none; `grid`: the paper's.
MODES = ("candidates", "haematoxylin", "grid")
# A map cell of the finder and its image pixel are this many model pixels: where a piece of a slide may begin.
ALIGN_PX = 2 * finder_geometry.STRIDE_PX
MPP_RANGE = (0.02, 20.0)
MIN_SIDE_UM = 5.0
FIT_SAMPLES, FIT_PX = 12, 256
MIN_FIT_PIXELS = 2000


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


@dataclass(frozen=True)
class Detection:
    """A scored place: level-0 px, calibrated probability in [0, 1], whether it reaches the threshold."""

    x_l0: float
    y_l0: float
    probability: float
    mitosis: bool


@dataclass(frozen=True)
class TileResult:
    """What one tile holds: every place proposed before scoring, the finder's logit at each (none without a finder), and
    the detections above the card's floor.
    """

    index: int
    candidates: list[tuple[float, float]]
    detections: list[Detection]
    finder_logits: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Piece:
    """A tile with its context: pixels uint8 (h, w, 3), whose top left is `corner`; the tile's own box is `size` wide
    from `core` on. All in model px of the slide.
    """

    pixels: np.ndarray
    corner: np.ndarray
    core: np.ndarray
    size: int

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which of (n, 2) places lie in the tile: bool (n,)."""
        return ((points >= self.core) & (points < self.core + self.size)).all(axis=1)


def plan(reader: Reader, settings: Settings, card: Card) -> Work:
    """The tiles that hold tissue of the region, in reading order. Deterministic; raises RegionRefused,
    PixelSizeRefused.
    """
    info = reader.info
    width_um, height_um = info.width * settings.mpp_x, info.height * settings.mpp_y
    if min(width_um, height_um) < MIN_SIDE_UM:
        raise PixelSizeRefused(
            f"At this pixel size the image is {width_um:.3g} x {height_um:.3g} µm, smaller than a cell."
        )
    region = None if settings.region_l0 is None else region_on_slide(settings.region_l0, info.width, info.height)
    grid = Grid.over(reader, settings.mpp_x, settings.mpp_y, card.mpp)
    tissue = find_tissue(_thumbnail(reader, settings), info.width, info.height, settings.mpp_x, settings.mpp_y)
    tile_px = GRID_TILE_PATCHES * card.patch_px if settings.mode == "grid" else settings.tile_px
    area_mm2 = tissue.area_l0(region) * settings.mpp_x * settings.mpp_y * 1e-6
    return Work(_tiles(grid, tissue, region, tile_px, info), area_mm2, tissue, grid, tile_px, region, tissue.outline())


def _thumbnail(reader: Reader, settings: Settings) -> np.ndarray:
    """The whole slide at about 8 µm/px."""
    coarse = Grid.over(reader, settings.mpp_x, settings.mpp_y, CELL_UM)
    return coarse.read(reader, 0, 0, coarse.width, coarse.height)


def _tiles(grid: Grid, tissue: TissueMask, region: shapely.Geometry | None, tile_px: int, info) -> tuple[Tile, ...]:
    tiles = []
    for row in range(math.ceil(grid.height / tile_px)):
        for column in range(math.ceil(grid.width / tile_px)):
            x0, y0 = column * tile_px * grid.step_x_l0, row * tile_px * grid.step_y_l0
            x1, y1 = min(x0 + tile_px * grid.step_x_l0, info.width), min(y0 + tile_px * grid.step_y_l0, info.height)
            wanted = region is None or region.intersects(shapely.box(x0, y0, x1, y1))
            if wanted and tissue.any_in(x0, y0, x1, y1):
                tiles.append(Tile(len(tiles), x0, y0, x1 - x0, y1 - y0, column, row))
    return tuple(tiles)


class Detector:
    """Finds and scores candidates on one slide with one model. Not to be shared between slides: what the slide's
    colours and scores are measured against is worked out on the first one it meets, unless a normaliser is given that
    was `fitted` on the slide before, or a `standard`. `device` says what it runs on, for the record.
    """

    def __init__(
        self,
        model: "Model",
        settings: Settings,
        device: str = "auto",
        fitted: Normaliser | None = None,
        standard: Standard | None = None,
    ) -> None:
        from analysis.pipeline.classify import Scorer

        self.model, self.settings, self.card = model, settings, model.card
        self.threshold = self.card.threshold if settings.threshold is None else settings.threshold
        self.floor = min(self.card.floor, self.threshold)
        self._scorer = Scorer(model.network, model.card, device)
        self._normaliser = fitted
        self._standard = PLAIN if self.card.standard is None else standard
        self.device = self._scorer.name
        self._finder = model.finder
        if self._finder is not None:
            self._finder = self._finder.to(self._scorer.device)

    def tile(self, reader: Reader, work: Work, tile: Tile) -> TileResult:
        """Candidates and detections of one tile; final."""
        points_px, patches, evidence, is_core = self._proposed(reader, work, tile)
        margins = self._margins(reader, work, patches, evidence)
        wanted = is_core.copy()
        if self.settings.mode != "grid":
            wanted &= merge.surest(points_px * self.card.mpp, margins)
        if self._standard is None:
            self._standard = self._own_standard(reader, work)
        places_l0 = work.grid.to_l0(points_px)
        found = self._detections(places_l0, self._standard(margins), wanted)
        proposed = [(float(x), float(y)) for x, y in places_l0[is_core]]
        return TileResult(tile.index, proposed, found, evidence[is_core].tolist() if self._finder is not None else [])

    def _margins(self, reader: Reader, work: Work, patches: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """Margins (n,) of patches with the finder's part, in logits."""
        margins = self._scorer.margins(self._normalised(reader, work, patches))
        if self.card.finder is None:
            return margins
        return margins + np.float32(self.card.finder.weight) * evidence

    def _own_standard(self, reader: Reader, work: Work) -> Standard:
        """What the slide's scores are told from. All its tissue counts, whatever the region and the mode: so a place
        has the same probability in every analysis of the slide.
        """
        tiles = _tiles(work.grid, work.tissue, None, TILE_PX, reader.info)
        whole = replace(work, region=None, tile_px=TILE_PX, tiles=tiles)
        return standard_of(self.ordinary_margins(reader, whole), self.card.standard.level, self.card.standard.worth)

    def ordinary_margins(self, reader: Reader, work: Work) -> np.ndarray:
        """Margins (n,) in logits of a sample of the dark nuclei of a work's tiles, mitoses or not."""
        per_tile = (self.card.standard or StandardUse).per_tile
        margins = [np.zeros(0, np.float32)]
        for index in evenly(len(work.tiles), SAMPLE_TILES):
            piece = self._piece(reader, work, work.tiles[index], max(finder_geometry.VIEW_UM, darkest.SPOT_UM))
            half = darkest.half_scale(piece.pixels)
            points = darkest.dark_spots(half)[0].astype(float) * 2 + piece.corner
            points = points[piece.holds(points) & work.covers(work.grid.to_l0(points))]
            points = points[evenly(len(points), per_tile)]
            evidence = self._evidence(half, points - piece.corner)
            margins.append(self._margins(reader, work, self._cut(piece, points), evidence))
        return np.concatenate(margins)

    def explain(
        self, reader: Reader, points_l0: Sequence[tuple[float, float]], work: Work | None = None
    ) -> list[dict[str, np.ndarray]]:
        """Grad-CAM of both classes for the patch at each place: `{"mitosis": uint8 (px, px), "other": …}`."""
        from analysis.pipeline.explain import grad_cam

        if not points_l0:
            return []
        return grad_cam(self.model.network, self.card, self.patches_at(reader, points_l0, work))

    def patches_at(
        self, reader: Reader, points_l0: Sequence[tuple[float, float]], work: Work | None = None
    ) -> np.ndarray:
        """The patches that the network sees at one or more places: uint8 (n, px, px, 3), normalised as settings say."""
        grid = Grid.over(reader, self.settings.mpp_x, self.settings.mpp_y, self.card.mpp)
        patches = np.concatenate([self._patch_at(reader, grid, x, y) for x, y in points_l0])
        if self.settings.normaliser != "none":
            patches = self._normalised(reader, work or plan(reader, self.settings, self.card), patches)
        return patches

    def margins_at(self, reader: Reader, work: Work, points_l0: np.ndarray) -> np.ndarray:
        """Uncalibrated margins (n,) of the patches centred on (n, 2) places, with the finder's part, in logits whatever
        the card's standard: for measuring patch F1.
        """
        patches = [self._patch_at(reader, work.grid, x, y) for x, y in points_l0]
        if not patches:
            return np.zeros(0)
        evidence = np.array([self._evidence_at(reader, work.grid, x, y) for x, y in points_l0], np.float32)
        return self._margins(reader, work, np.concatenate(patches), evidence)

    def _evidence_at(self, reader: Reader, grid: Grid, x_l0: float, y_l0: float) -> float:
        """The finder's highest logit within a cell of a place; 0 without a finder."""
        if self._finder is None:
            return 0.0
        centre = np.array((x_l0 / grid.step_x_l0, y_l0 / grid.step_y_l0))
        reach_px = 2 * finder_geometry.REACH_PX + ALIGN_PX
        left, top = (np.floor(centre).astype(int) - reach_px) // ALIGN_PX * ALIGN_PX
        box = grid.clipped(left, top, 2 * reach_px + ALIGN_PX, 2 * reach_px + ALIGN_PX)
        half = darkest.half_scale(grid.read(reader, *box))
        return float(self._evidence(half, (centre - box[:2])[None])[0])

    def _evidence(self, half: np.ndarray, points: np.ndarray, reach: int = 1) -> np.ndarray:
        """The finder's highest logits (n,) within `reach` cells of points (n, 2), in model px of a piece that `half`
        shows at 0.5 µm/px; 0 without a finder.
        """
        from analysis.pipeline.proposers.finder import highest_near

        if self._finder is None:
            return np.zeros(len(points), np.float32)
        return highest_near(self._logits(half), points / ALIGN_PX, reach)

    def _logits(self, half: np.ndarray) -> np.ndarray:
        from analysis.pipeline.proposers.finder import logit_map

        return logit_map(self._finder, half, self.card.mean, self.card.std, self._scorer.dtype)

    def _reach_um(self) -> float:
        """How far around a tile the slide matters to its places: farther than a place looks, since one beside the tile
        may outdo one in it. Grid places outdo nobody.
        """
        if self.settings.mode == "grid":
            return finder_geometry.VIEW_UM
        learned = self.settings.mode == "candidates" and self._finder is not None
        return merge.RADIUS_UM + (finder_geometry.CONTEXT_UM if learned else darkest.CONTEXT_UM)

    def _piece(self, reader: Reader, work: Work, tile: Tile, reach_um: float) -> Piece:
        """A tile with what lies within `reach_um` of it, or within a patch."""
        x, y, size = tile.column * work.tile_px, tile.row * work.tile_px, work.tile_px
        context_px = math.ceil(max(reach_um, self.card.patch_px * self.card.mpp) / self.card.mpp)
        # Begun where a map cell begins, so that the finder's map is the same from every tile.
        left, top = ((side - context_px) // ALIGN_PX * ALIGN_PX for side in (x, y))
        far_x, far_y = x + size + context_px, y + size + context_px
        box = work.grid.clipped(left, top, far_x - left, far_y - top)
        return Piece(work.grid.read(reader, *box), np.array(box[:2]), np.array((x, y)), size)

    def _proposed(
        self, reader: Reader, work: Work, tile: Tile
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Places to score in model px (n, 2), their patches, the finder's logits there (n,), and which lie in the
        tile's core; the others are those that may outdo one that does.
        """
        piece = self._piece(reader, work, tile, self._reach_um())
        points, evidence = self._places(piece, work)
        covered = work.covers(work.grid.to_l0(points))
        is_core = covered & piece.holds(points)
        wanted = covered & merge.in_reach(points * self.card.mpp, is_core)
        points = points[wanted]
        return points, self._cut(piece, points), evidence[wanted], is_core[wanted]

    def _cut(self, piece: Piece, points: np.ndarray) -> np.ndarray:
        """The patches of a piece centred on (n, 2) places in model px of the slide: uint8 (n, px, px, 3)."""
        return centred(piece.pixels, points - piece.corner, self.card.patch_px)

    def _places(self, piece: Piece, work: Work) -> tuple[np.ndarray, np.ndarray]:
        """A piece's places (n, 2) in model px of the slide, and the finder's logits there (n,), 0 without a finder."""
        mode = self.settings.mode
        if mode == "grid" and self._finder is None:
            points = self._grid_points(piece, work)
            return points, np.zeros(len(points), np.float32)
        if abs(self.card.mpp * 2 - darkest.MPP) > 1e-9:
            raise PipelineRefused(
                f"Candidates are searched at {darkest.MPP} µm/px, which is not twice the model's {self.card.mpp}."
            )
        half = darkest.half_scale(piece.pixels)
        if mode == "grid":
            points = self._grid_points(piece, work)
            return points, self._evidence(half, points - piece.corner, self.card.patch_px // (2 * ALIGN_PX))
        if mode == "haematoxylin" or self._finder is None:
            points = self._dark_places(half, piece.corner, work)
            return points, self._evidence(half, points - piece.corner)
        from analysis.pipeline.proposers.finder import places

        found, evidence = places(half, self._logits(half), self.card.finder.threshold)
        return found * 2 + piece.corner, evidence

    def _dark_places(self, half: np.ndarray, corner: np.ndarray, work: Work) -> np.ndarray:
        """The darkest nuclei of a piece at 0.5 µm/px: (n, 2) in model px of the slide."""
        mpp = self.card.mpp
        spots, darkness = darkest.dark_spots(half)
        points = spots.astype(float) * 2 + corner
        kept = darkest.darkest(points * mpp, darkness, work.grid.width * mpp, work.grid.height * mpp)
        return points[kept]

    def _grid_points(self, piece: Piece, work: Work) -> np.ndarray:
        """Centres of the tile's patches in the paper's non-overlapping grid: (n, 2) in model px, those on the slide."""
        side, (x, y) = self.card.patch_px, piece.core
        offsets = np.arange(GRID_TILE_PATCHES) * side + side / 2
        points = np.array([(x + dx, y + dy) for dy in offsets for dx in offsets])
        return points[(points < (work.grid.width, work.grid.height)).all(axis=1)]

    def _patch_at(self, reader: Reader, grid: Grid, x_l0: float, y_l0: float) -> np.ndarray:
        """The patch that detection scored at this place: uint8 (1, px, px, 3)."""
        px = self.card.patch_px
        centre = np.array((x_l0 / grid.step_x_l0, y_l0 / grid.step_y_l0))
        corner = np.floor(centre).astype(int) - px
        box = grid.clipped(*corner, 2 * px, 2 * px)
        return centred(grid.read(reader, *box), (centre - box[:2])[None], px)

    def _detections(self, points_l0: np.ndarray, margins: np.ndarray, wanted: np.ndarray) -> list[Detection]:
        from analysis.pipeline.classify import probability

        scores = probability(margins, self.card)
        order = [i for i in np.lexsort((points_l0[:, 0], points_l0[:, 1])) if wanted[i] and scores[i] >= self.floor]
        return [
            Detection(*map(float, points_l0[i]), float(scores[i]), bool(scores[i] >= self.threshold)) for i in order
        ]

    def _normalised(self, reader: Reader, work: Work, patches: np.ndarray) -> np.ndarray:
        if self.settings.normaliser == "none" or not len(patches):
            return patches
        if self._normaliser is None:
            normaliser = make_normaliser(self.settings.normaliser)
            normaliser.fit(_tissue_sample(reader, work))
            self._normaliser = normaliser
        return self._normaliser.apply(patches)


def _tissue_sample(reader: Reader, work: Work) -> np.ndarray:
    """Tissue pixels from up to twelve tiles spread evenly over the work: uint8 (1, n, 3), glass left out.

    Raises NormaliserFailed when there are too few to fit anything to.
    """
    parts = []
    for tile in (work.tiles[i] for i in evenly(len(work.tiles), FIT_SAMPLES)):
        middle = (int((side + 0.5) * work.tile_px) - FIT_PX // 2 for side in (tile.column, tile.row))
        x, y, w, h = work.grid.clipped(*middle, FIT_PX, FIT_PX)
        if w and h:
            pixels = work.grid.read(reader, x, y, w, h).reshape(-1, 3)
            parts.append(pixels[is_tissue(pixels)])
    pixels = np.concatenate([*parts, np.empty((0, 3), np.uint8)])
    if len(pixels) < MIN_FIT_PIXELS:
        raise NormaliserFailed("There is too little tissue to fit the stain of this slide to; use the normaliser none.")
    return pixels[None]
