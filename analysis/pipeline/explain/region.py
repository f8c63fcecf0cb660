"""The red and blue map of a region (the paper's Figure 10): what speaks for mitosis where, and what against.

Patches on the paper's grid, or on the detector's candidates, give unscaled maps of the margin at the target layer
(`cam`), in calibrated logits per cell, the hybrid's of 16 x 16 px (4 x 4 µm). They are put side by side as they are,
overlapping ones averaged with more weight to the middle of a patch, and coloured by one scale. So a deep red means as
much in one corner of the region as in another, and in another region of the same model.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import shapely

from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused, RegionRefused
from analysis.pipeline.explain.cam import cell_px, cells_at, map_evidence
from analysis.pipeline.plan import Settings, Work, plan_work
from analysis.pipeline.run import Detection, Detector
from analysis.pipeline.slide_grid import Reader

# A high-power field is 0.24 mm², the field of a count 2 to 2.37.
MAX_AREA_MM2 = 4.0
# Longest side of the picture: the pixels are the model's, or two, four, … of them.
MAX_SIDE_PX = 2400
PLACES = ("grid", "candidates")
BATCH = 64
EDGE_WEIGHT = 0.02


@dataclass(frozen=True)
class RegionMap:
    """`picture` uint8 (h, w, 3) RGB and `evidence` float32 (h, w), NaN where no patch lies, in calibrated logits per
    cell, at `mpp` µm per pixel; its top left is (`x_l0`, `y_l0`). `patches` counts those that were explained,
    `detections` are the detector's, `inside` bool (h, w) says what the region covers.
    """

    picture: np.ndarray
    evidence: np.ndarray
    inside: np.ndarray
    mpp: float
    cell_um: float
    x_l0: float
    y_l0: float
    step_x_l0: float
    step_y_l0: float
    patches: int
    places: str
    detections: list[Detection]


def box_polygon(x_l0: float, y_l0: float, width_l0: float, height_l0: float) -> list[list[tuple[float, float]]]:
    """A box as a region. Raises RegionRefused for one without area."""
    if not all(map(math.isfinite, (x_l0, y_l0, width_l0, height_l0))) or min(width_l0, height_l0) <= 0:
        raise RegionRefused("A box is X Y WIDTH HEIGHT in level-0 pixels, width and height above 0.")
    right, bottom = x_l0 + width_l0, y_l0 + height_l0
    return [[(x_l0, y_l0), (right, y_l0), (right, bottom), (x_l0, bottom)]]


def map_region(
    reader: Reader,
    model: Model,
    settings: Settings,
    places: str = "grid",
    step_px: int | None = None,
    device: str = "auto",
    progress: Callable[[Sequence, str], Sequence] = lambda items, name: items,
) -> RegionMap:
    """The map of `settings.region_l0`, of the whole slide without one.

    `step_px` is the grid's, in model pixels: the patch's side as in the paper, or half of it for a smoother map at four
    times the cost. Raises RegionRefused for a region that is too large, off the slide or without tissue.
    """
    if places not in PLACES:
        raise PipelineRefused(f"There are no places {places}; there are {' and '.join(PLACES)}.")
    work = plan_work(reader, replace(settings, mode="candidates"), model.card)
    canvas = _canvas(reader, work, settings, model.card.mpp)
    if not work.tiles:
        raise RegionRefused("There is no tissue in the region, so there is nothing to explain.")
    px = model.card.patch_px
    # Before the detector's work, so that a network without such a map and a wrong step are refused at once.
    blank = map_evidence(model.network, model.card, np.zeros((1, px, px, 3), np.uint8)).of_margin
    cell_um = cell_px(px, blank.shape[-1]) * model.card.mpp
    points_l0 = _grid(work, canvas, px, step_px or px) if places == "grid" else None
    detector = Detector(model, replace(settings, mode="candidates"), device)
    results = list(detector.detect_tiles(reader, work, progress(work.tiles, "detections")))
    if points_l0 is None:
        points_l0 = np.array([place for result in results for place in result.candidates_l0]).reshape(-1, 2)
    starts = range(0, len(points_l0), BATCH)
    for start in progress(starts, "maps"):
        part_l0 = points_l0[start : start + BATCH]
        found = map_evidence(model.network, model.card, detector.patches_at(reader, [tuple(p) for p in part_l0], work))
        for heat, point_px in zip(found.of_margin / model.card.temperature, work.grid.to_px(part_l0), strict=True):
            canvas.add(heat, point_px, px)
    detections = [detection for result in results for detection in result.detections]
    return canvas.finished(reader, work, cell_um, len(points_l0), places, detections)


class _Canvas:
    """The picture's pixels: `scale` model pixels each, from model pixel (left, top)."""

    def __init__(self, left: int, top: int, width: int, height: int, scale: int, mpp: float) -> None:
        self.left, self.top, self.scale, self.mpp = left, top, scale, mpp * scale
        self.width, self.height = math.ceil(width / scale), math.ceil(height / scale)
        self.total = np.zeros((self.height, self.width), np.float32)
        self.weight = np.zeros((self.height, self.width), np.float32)

    def add(self, heat: np.ndarray, centre_px: np.ndarray, px: int) -> None:
        """Adds a patch's map (h, w), enlarged, centred on a model pixel (x, y)."""
        corner_px = np.floor(centre_px - px / 2 + 0.5) - (self.left, self.top)
        first = np.maximum(np.ceil(corner_px / self.scale - 0.5), 0).astype(int)
        last = np.minimum(np.ceil((corner_px + px) / self.scale - 0.5), (self.width, self.height)).astype(int)
        if (last <= first).any():
            return
        # Pixel centres of the picture, in pixels of the patch.
        columns, rows = ((np.arange(first[i], last[i]) + 0.5) * self.scale - corner_px[i] for i in (0, 1))
        x, y = np.meshgrid(*(cells_at(side, px, heat.shape[-1]) for side in (columns, rows)))
        grown = cv2.remap(
            heat,
            np.ascontiguousarray(x, np.float32),
            np.ascontiguousarray(y, np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        weight = np.outer(*(np.maximum(1 - np.abs(side / (px / 2) - 1), EDGE_WEIGHT) for side in (rows, columns)))
        where = slice(first[1], last[1]), slice(first[0], last[0])
        self.total[where] += grown * weight
        self.weight[where] += weight

    def finished(
        self, reader: Reader, work: Work, cell_um: float, patches: int, places: str, detections: list[Detection]
    ) -> RegionMap:
        step_x, step_y = work.grid.step_x_l0 * self.scale, work.grid.step_y_l0 * self.scale
        x_l0, y_l0 = self.left * work.grid.step_x_l0, self.top * work.grid.step_y_l0
        coarse = replace(work.grid, step_x_l0=step_x, step_y_l0=step_y)
        picture = coarse.read(reader, self.left / self.scale, self.top / self.scale, self.width, self.height)
        inside = np.ones((self.height, self.width), bool)
        if work.region is not None:
            columns, rows = (
                (np.arange(n) + 0.5) * s + o for n, s, o in ((self.width, step_x, x_l0), (self.height, step_y, y_l0))
            )
            shapely.prepare(work.region)
            inside = shapely.contains_xy(work.region, *np.meshgrid(columns, rows))
        seen = (self.weight > 0) & inside
        heat = np.full(self.total.shape, np.nan, np.float32)
        heat[seen] = self.total[seen] / self.weight[seen]
        return RegionMap(
            picture, heat, inside, self.mpp, cell_um, x_l0, y_l0, step_x, step_y, patches, places, detections
        )


def _canvas(reader: Reader, work: Work, settings: Settings, mpp: float) -> _Canvas:
    """A picture of the region's bounding box. Raises RegionRefused where that is too large."""
    whole = (0, 0, reader.info.width, reader.info.height)
    x0, y0, x1, y1 = whole if work.region is None else work.region.bounds
    area_mm2 = (x1 - x0) * settings.mpp_x * (y1 - y0) * settings.mpp_y * 1e-6
    if area_mm2 > MAX_AREA_MM2:
        what = "The slide" if work.region is None else "The region's bounding box"
        raise RegionRefused(
            f"{what} is {area_mm2:.1f} mm² large; a map shows at most {MAX_AREA_MM2:g}. Choose a smaller region."
        )
    left, top = math.floor(x0 / work.grid.step_x_l0), math.floor(y0 / work.grid.step_y_l0)
    right = min(math.ceil(x1 / work.grid.step_x_l0), work.grid.width)
    bottom = min(math.ceil(y1 / work.grid.step_y_l0), work.grid.height)
    width, height = max(1, right - left), max(1, bottom - top)
    scale = 1
    while max(width, height) / scale > MAX_SIDE_PX:
        scale *= 2
    return _Canvas(left, top, width, height, scale, mpp)


def _grid(work: Work, canvas: _Canvas, px: int, step_px: int) -> np.ndarray:
    """Centres of the slide's grid of patches that touch the region and tissue: (n, 2) in level-0 px."""
    if step_px not in (px, px // 2):
        raise PipelineRefused(f"A step of {step_px} px is no grid here; choose {px} or {px // 2}.")
    right, bottom = canvas.left + canvas.width * canvas.scale, canvas.top + canvas.height * canvas.scale
    sides = ((canvas.left, right, work.grid.width), (canvas.top, bottom, work.grid.height))
    columns, rows = (
        [c for c in range(px // 2, end + px, step_px) if first - px / 2 < c < last + px / 2 and c < end]
        for first, last, end in sides
    )
    centres_px = np.array([(x, y) for y in rows for x in columns], float).reshape(-1, 2)
    half_l0 = work.grid.to_l0(np.array((px, px))) / 2
    centres_l0 = work.grid.to_l0(centres_px)
    wanted = [
        work.tissue.any_in(*np.maximum(point_l0 - half_l0, 0), *(point_l0 + half_l0))
        and (work.region is None or work.region.intersects(shapely.box(*(point_l0 - half_l0), *(point_l0 + half_l0))))
        for point_l0 in centres_l0
    ]
    return centres_l0[np.array(wanted, bool)]


def map_facts(found: RegionMap) -> dict:
    """What a program wants to know of a map, JSON-able; the evidence itself is in the picture alone."""
    heat = found.evidence[np.isfinite(found.evidence)]
    levels = (1, 5, 50, 95, 99)
    return {
        "x_l0": found.x_l0,
        "y_l0": found.y_l0,
        "picture_mpp": found.mpp,
        "step_x_l0": found.step_x_l0,
        "step_y_l0": found.step_y_l0,
        "width_px": found.picture.shape[1],
        "height_px": found.picture.shape[0],
        "unit": f"calibrated logits per cell of {found.cell_um:g} um",
        "comparable_between_patches": True,
        "places": found.places,
        "patches": found.patches,
        "evidence_percentiles": {str(q): round(float(np.percentile(heat, q)), 4) for q in levels} if len(heat) else {},
        "detections": [dict(detection.__dict__) for detection in found.detections],
    }
