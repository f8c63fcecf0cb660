"""The way of a microscope's field through a region, and how much of the region has been looked at.

Fields are circles on the thinnest lattice that covers a plane with them (Kershner 1939, American Journal of Mathematics
61:665): centres of a row √3 radii apart, rows 1.5 radii, each second row moved by half. Of the lattice the walk takes
the fields whose own hexagon holds something of the region's tissue, row by row, there and back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt

import numpy as np

from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.scanlines import Bounds, find_spans, lay_lines, shared_area_px2
from analysis.pipeline.count.search import Frame
from analysis.pipeline.errors import PipelineRefused

MOST_FIELDS = 5_000  # of a walk: more than a working week of looking
FINE = 0.02  # of a radius, between two lines on which tissue is looked for; the lattice is as much denser
LOOKED_SHARE = 0.9  # of a field's tissue that has been seen, for it to be looked at
NOTHING = "The region holds no tissue to walk through."


class WalkRefused(PipelineRefused):
    """A region or a field of which there is no walk."""

    code = "walk"


@dataclass(frozen=True)
class Ground:
    """What is walked over: what lies in the region and in each of what bounds it.

    rings: of the region, level-0 px, even-odd. frame: pixel size, and size of the slide, beyond which nothing lies.
    within: further shapes of rings, of its tissue and of what was analysed; none where all of the region is meant.
    """

    rings: Sequence[Ring]
    frame: Frame
    within: Sequence[Sequence[Ring]] = ()

    @property
    def shapes(self) -> list[Sequence[Ring]]:
        return [self.rings, *self.within]

    @property
    def bounds(self) -> Bounds:
        """x0, y0, x1, y1 of what of the region lies on the slide, level-0 px; none of it where x1 <= x0 or
        y1 <= y0. Raises WalkRefused for what is no outline."""
        corners = [np.asarray(ring, float).reshape(-1, 2) for ring in self.rings if len(ring) >= 3]
        if not corners or not np.isfinite(np.concatenate(corners)).all():
            raise WalkRefused("The region is no outline of at least three corners.")
        (x0, y0), (x1, y1) = np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0)
        width, height = self.frame.width_l0, self.frame.height_l0
        x0, y0 = max(float(x0), 0.0), max(float(y0), 0.0)
        return x0, y0, min(float(x1), width or float(x1)), min(float(y1), height or float(y1))

    @property
    def area_mm2(self) -> float:
        return shared_area_px2(self.shapes, self.bounds) * self.frame.mpp_x * self.frame.mpp_y / 1e6


@dataclass(frozen=True)
class Looked:
    """Places that were looked at: centres_l0 (n, 2), level-0 px, and the radius of each, (n,) µm."""

    centres_l0: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    radii_um: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Coverage:
    """area_mm2: of the ground. looked_mm2: of it what some look has seen, none twice. share: of it, in [0, 1]."""

    area_mm2: float
    looked_mm2: float

    @property
    def share(self) -> float:
        return self.looked_mm2 / self.area_mm2 if self.area_mm2 else 0.0


def plan_walk(ground: Ground, field_um: float) -> np.ndarray:
    """Centres (n, 2), level-0 px, of fields of a diameter that cover the ground, in the order of the walk.

    What is thinner than FINE radii from top to bottom may be left out. Raises WalkRefused for a field that is none, a
    ground without area, and more than MOST_FIELDS fields.
    """
    if not np.isfinite(field_um) or not field_um > 0:
        raise WalkRefused("The diameter of a field is a number of µm above 0.")
    scale_um, bounds = ground.frame.scale_um, ground.bounds
    area_um2 = ground.area_mm2 * 1e6
    if not area_um2 > 0:
        raise WalkRefused(NOTHING)
    radius_um = (1 - FINE / 2) * field_um / 2
    _refuse_many(area_um2 / (1.5 * sqrt(3) * radius_um**2))
    left, top, right, bottom = (np.array(bounds) * np.tile(scale_um, 2)).tolist()
    shapes = [[np.asarray(ring, float) * scale_um for ring in rings if len(ring) >= 3] for rings in ground.shapes]
    lines = max(1, ceil((bottom - top) / (FINE * radius_um)))
    edges_y = np.linspace(top, bottom, lines + 1)
    lines_y = (edges_y[:-1] + edges_y[1:]) / 2
    line, start, end = find_spans(shapes, lines_y, left, right)
    cells = _find_cells(lines_y[line], start, end, _lay_lattice(left, top, right, bottom, radius_um))
    _refuse_many(len(cells))
    if not len(cells):
        raise WalkRefused(NOTHING)
    return cells / scale_um


def order_fields(centres_l0: np.ndarray, field_um: float, frame: Frame) -> np.ndarray:
    """Fields that were chosen already, (n, 2) level-0 px, in the order of a walk: bands of a field's height, there and
    back."""
    centres = np.asarray(centres_l0, float).reshape(-1, 2)
    at_um = centres * frame.scale_um
    band = np.floor((at_um[:, 1] - at_um[:, 1].min(initial=np.inf)) / field_um + 1e-9)
    return centres[np.lexsort((np.where(band % 2, -at_um[:, 0], at_um[:, 0]), band))]


def find_looked(ground: Ground, centres_l0: np.ndarray, field_um: float, looked: Looked) -> np.ndarray:
    """Which of the fields (n, 2) have been looked at: those of whose tissue LOOKED_SHARE has been seen, whatever fields
    it was seen in. bool (n,)."""
    if not len(centres_l0) or not len(looked.radii_um):
        return np.zeros(len(centres_l0), bool)
    from scipy.spatial import cKDTree  # with the first walk, not with each start of a process

    scale_um = ground.frame.scale_um
    centres_um = np.asarray(centres_l0, float) * scale_um
    # The middles stand for slivers, on which no other point lies.
    points_um = np.concatenate([centres_um, _spread_points(ground, field_um / 8)])
    field_of = cKDTree(centres_um).query(points_um)[1]
    seen = np.zeros(len(points_um), bool)
    for radius_um in np.unique(looked.radii_um):
        tree = cKDTree(looked.centres_l0[looked.radii_um == radius_um] * scale_um)
        seen |= tree.query(points_um)[0] <= radius_um * (1 + 1e-9)
    fields = len(centres_um)
    wanted = np.bincount(field_of[fields:], minlength=fields)
    found = np.bincount(field_of[fields:][seen[fields:]], minlength=fields)
    return np.where(wanted > 0, found >= LOOKED_SHARE * wanted, seen[:fields])


def measure_coverage(ground: Ground, looked: Looked) -> Coverage:
    """How much of the ground was looked at; what two looks share counts once. As fine as `shared_area_px2`."""
    area_mm2 = ground.area_mm2
    if not len(looked.radii_um) or not area_mm2:
        return Coverage(area_mm2, 0.0)
    x0, y0, x1, y1 = ground.bounds
    lines_y, height = lay_lines(y0, y1)
    line, left, right = find_spans(ground.shapes, lines_y, x0, x1)
    seen_line, seen_left, seen_right = _cut_circles(ground.frame, looked, lines_y)
    ends = [(line, left, 1, 0), (line, right, -1, 0), (seen_line, seen_left, 0, 1), (seen_line, seen_right, 0, -1)]
    row, x = (np.concatenate([end[part] for end in ends]) for part in (0, 1))
    wanted, seen = (np.concatenate([np.full(len(end[0]), end[part]) for end in ends]) for part in (2, 3))
    order = np.lexsort((x, row))
    row, x = row[order], x[order]
    both = (wanted[order].cumsum() > 0) & (seen[order].cumsum() > 0)
    seen_px2 = np.diff(x)[both[:-1] & (row[1:] == row[:-1])].sum() * height
    seen_mm2 = float(seen_px2) * ground.frame.mpp_x * ground.frame.mpp_y / 1e6
    return Coverage(area_mm2, min(seen_mm2, area_mm2))


def find_unmarked(centres_l0: np.ndarray, marks_l0: np.ndarray, field_um: float, frame: Frame) -> np.ndarray:
    """Which of the fields (n, 2) hold none of the marks (m, 2), edges included: bool (n,)."""
    if not len(marks_l0) or not len(centres_l0):
        return np.ones(len(centres_l0), bool)
    from scipy.spatial import cKDTree

    away_um, _ = cKDTree(np.asarray(marks_l0, float) * frame.scale_um).query(np.asarray(centres_l0) * frame.scale_um)
    return away_um > field_um / 2 * (1 + 1e-9)


def find_fields_of(points_l0: np.ndarray, centres_l0: np.ndarray, field_um: float, frame: Frame) -> np.ndarray:
    """For each of the points (n, 2) the field, by its place in centres_l0, that it belongs to: the nearest one that
    holds it, so that nothing counts twice where fields overlap; -1 where none does. int (n,)."""
    points_um = np.asarray(points_l0, float).reshape(-1, 2) * frame.scale_um
    if not len(points_um) or not len(centres_l0):
        return np.full(len(points_um), -1)
    from scipy.spatial import cKDTree

    away_um, nearest = cKDTree(np.asarray(centres_l0, float) * frame.scale_um).query(points_um)
    return np.where(away_um <= field_um / 2 * (1 + 1e-9), nearest, -1)


@dataclass(frozen=True)
class _Lattice:
    """x_um, y_um: of the first centre. rows: how many."""

    x_um: float
    y_um: float
    rows: int
    radius_um: float

    @property
    def pitch_um(self) -> float:
        return sqrt(3) * self.radius_um


def _lay_lattice(left: float, top: float, right: float, bottom: float, radius_um: float) -> _Lattice:
    """In the middle of the bounds: a row covers one radius of their height all along."""
    rows = max(1, ceil((bottom - top - radius_um) / (1.5 * radius_um) + 1 - 1e-9))
    columns = max(1, ceil((right - left) / (sqrt(3) * radius_um) - 1e-9))
    first_x = (left + right) / 2 - (columns - 1) * sqrt(3) * radius_um / 2
    return _Lattice(first_x, (top + bottom) / 2 - (rows - 1) * 0.75 * radius_um, rows, radius_um)


def _find_cells(y: np.ndarray, start: np.ndarray, end: np.ndarray, lattice: _Lattice) -> np.ndarray:
    """Centres (n, 2), µm, of the hexagons that spans (y, start, end) run through, row by row, there and back."""
    radius, pitch = lattice.radius_um, lattice.pitch_um
    found = []
    lower = np.floor((y - lattice.y_um) / (1.5 * radius)).astype(int)
    for row in (lower, lower + 1):
        away = np.abs(y - lattice.y_um - 1.5 * radius * row)
        half = np.minimum(pitch / 2, np.maximum(0.0, (radius - away) * sqrt(3)))
        x_of_row = lattice.x_um + np.where(row % 2, pitch / 2, 0.0)
        first = np.floor((start - half - x_of_row) / pitch + 1e-9).astype(int) + 1
        last = np.ceil((end + half - x_of_row) / pitch - 1e-9).astype(int) - 1
        many = np.where(half > 0, np.maximum(0, last - first + 1), 0)
        column = np.arange(many.sum()) - np.repeat(many.cumsum() - many, many) + np.repeat(first, many)
        found.append(np.stack([np.repeat(row, many), column], axis=1))
    row, column = np.unique(np.concatenate(found), axis=0).T
    order = np.lexsort((np.where(row % 2, -column, column), row))
    row, column = row[order], column[order]
    x = lattice.x_um + pitch * (column + np.where(row % 2, 0.5, 0.0))
    return np.stack([x, lattice.y_um + 1.5 * radius * row], axis=1)


def _spread_points(ground: Ground, step_um: float) -> np.ndarray:
    """Points (n, 2), µm, that stand for all of the ground: so far apart on lines as far apart."""
    scale_um = ground.frame.scale_um
    x0, y0, x1, y1 = ground.bounds
    lines_y = np.arange(y0 + step_um / scale_um[1] / 2, y1, step_um / scale_um[1])
    line, left, right = find_spans(ground.shapes, lines_y, x0, x1)
    step = step_um / scale_um[0]
    first = np.ceil(left / step)
    many = np.maximum(0, np.floor(right / step) - first + 1).astype(int)
    index = np.arange(many.sum()) - np.repeat(many.cumsum() - many, many) + np.repeat(first, many)
    x = np.concatenate([index * step, ((left + right) / 2)[many == 0]])
    y = lines_y[np.concatenate([np.repeat(line, many), line[many == 0]])]
    return np.stack([x, y], axis=1) * scale_um


def _cut_circles(frame: Frame, looked: Looked, lines_y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where horizontal lines run through looks, level-0 px: index of the line (n,) int, left and right end (n,)."""
    x, y = looked.centres_l0.T
    reach_x, reach_y = looked.radii_um / frame.mpp_x, looked.radii_um / frame.mpp_y
    first = np.searchsorted(lines_y, y - reach_y, side="left")
    many = np.searchsorted(lines_y, y + reach_y, side="right") - first
    look = np.repeat(np.arange(len(x)), many)
    line = np.arange(many.sum()) - np.repeat(many.cumsum() - many, many) + first[look]
    half = reach_x[look] * np.sqrt(np.maximum(0.0, 1 - ((lines_y[line] - y[look]) / reach_y[look]) ** 2))
    return line, x[look] - half, x[look] + half


def _refuse_many(fields: float) -> None:
    if fields > MOST_FIELDS:
        many = f"That would be {fields:,.0f} fields, and a walk has at most {MOST_FIELDS:,}"
        raise WalkRefused(f"{many}: take a smaller region or a larger field.")
