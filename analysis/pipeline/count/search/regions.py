"""The regions of a shape that hold most, with the next best that share no area with those before."""

import time
from collections.abc import Sequence

import numpy as np
import shapely

from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.search.best_window import WindowSearch
from analysis.pipeline.count.search.errors import SearchRefused
from analysis.pipeline.count.search.fields import CLOSE_ENOUGH, FieldSearch
from analysis.pipeline.count.search.frame import Found, Frame, read_points, read_weights
from analysis.pipeline.count.search.mask import CELLS_PER_WINDOW, Mask
from analysis.pipeline.count.search.windows import EDGE_UM, Box, Disc, Placed, Window, find_held, leave_out, sum_held
from analysis.pipeline.count.shapes import CIRCLE, FIELDS, RECTANGLE, SHAPES, Shape

MIN_TISSUE_FRACTION = 0.95
FULL_SHARE = 0.999  # of tissue, that more would not change
PLACES_PER_AXIS = 9  # at which a window with some glass in it is tried

Rings = Sequence[Ring]


def find_regions(
    points_l0: np.ndarray,
    weights: np.ndarray | None,
    shape: Shape,
    frame: Frame,
    tissue: Rings | None = None,
    tumour: Rings | None = None,
    alternates: int = 0,
    min_tissue_fraction: float = MIN_TISSUE_FRACTION,
    seconds: float | None = None,
) -> list[Found]:
    """The region that holds most, then so many alternates that hold something. Empty where no place is allowed.

    What is given and raised: see Search and Search.best.
    """
    return Search(points_l0, shape, frame, tissue, tumour, min_tissue_fraction).best(weights, alternates, seconds)


class Search:
    """Regions of one shape among the same points, asked for with many weights: keeps what does not depend on them.

    points_l0: (n, 2) level-0 px. tissue, tumour: rings (k, 2) in level-0 px under the even-odd rule; None where it is
    not known. A window needs at least min_tissue_fraction of its area in all that is given; of fields each one does.
    Both are a raster of shares with cells of 1/32 of the window, or as many as 1,024 along the longer side; over it
    squares, rectangles and circles are exact: no window whose share exceeds the least by 0.001 holds more.
    Points within 0.000001 µm of an edge are inside. mask_cell_um: sides (2,) of a cell of that raster; None without.
    Raises SearchRefused for what is no number, no area or no shape.
    """

    def __init__(
        self,
        points_l0: np.ndarray,
        shape: Shape,
        frame: Frame,
        tissue: Rings | None = None,
        tumour: Rings | None = None,
        min_tissue_fraction: float = MIN_TISSUE_FRACTION,
    ) -> None:
        self.points_um, self.shape, self.frame = read_points(points_l0, frame), shape, frame
        self.windows = find_windows(shape)
        if not 0 <= min_tissue_fraction <= 1:
            raise SearchRefused("The least share of tissue is a number from 0 to 1.")
        cell_um = min(2 * self.windows[0].reach_x, 2 * self.windows[0].reach_y) / CELLS_PER_WINDOW
        given = [rings for rings in (tissue, tumour) if rings is not None]
        self.tissue = None if tissue is None else Mask([tissue], frame.scale_um, cell_um)
        self.allowed = Mask(given, frame.scale_um, cell_um) if tumour is not None else self.tissue
        if min_tissue_fraction == 0:
            self.allowed = None
        self.min_share = min_tissue_fraction
        self.mask_cell_um: tuple[float, float] | None = None
        if self.allowed is not None and not self.allowed.is_empty:
            across_um, down_um = self.allowed.cell.tolist()
            self.mask_cell_um = across_um, down_um
        self.searches = [] if self.allowed is not None and self.allowed.is_empty else self._make_searches()
        self.fields: FieldSearch | None = None
        if shape.kind == FIELDS and self.searches:
            self.fields = FieldSearch(self.searches[0], self.points_um, shape.fields, shape.touching)

    def best(
        self,
        weights: np.ndarray | None = None,
        alternates: int = 0,
        seconds: float | None = None,
        prove: bool = True,
    ) -> list[Found]:
        """As find_regions. weights: (n,) real, at least 0; None is 1 each. prove: False spares fields the time of a
        bound that is near; other shapes are exact anyway. Raises SearchTooLong after `seconds`."""
        weights = read_weights(weights, len(self.points_um))
        until = None if seconds is None else time.monotonic() + seconds
        if self.shape.kind == FIELDS:
            return self._find_fields(weights, alternates, until, prove)
        found: list[Placed] = []
        left = weights.copy()
        while len(found) <= alternates:
            best = self._find_next(left, found, until)
            if best is None:
                break
            found.append(self._centre(best, left, found))
            left[find_held(self.points_um, found[-1])] = 0.0
        return [self._describe(placed, weights) for placed in found]

    def _make_searches(self) -> list[WindowSearch]:
        searches = []
        for window in self.windows:
            box = self._find_centres(window)
            if box is not None:
                searches.append(WindowSearch(self.points_um, window, *box, self.allowed, self.min_share))
        return searches

    def _find_centres(self, window: Window) -> tuple[np.ndarray, np.ndarray] | None:
        """The box of the centres that have to be looked at; None where the window is larger than the slide."""
        reach = np.array([window.reach_x, window.reach_y])
        low, high = np.full(2, -np.inf), np.full(2, np.inf)
        bounded = np.isfinite(self.frame.size_um)
        low[bounded], high[bounded] = reach[bounded], (self.frame.size_um - reach)[bounded]
        if (high < low - EDGE_UM).any():
            return None
        high = np.maximum(low, high)
        spare = reach * (1 + 4 * self.shape.fields)  # so that all fields find a place
        if self.allowed is not None:
            near = self.allowed.low - reach, self.allowed.high + reach
        elif len(self.points_um):
            near = self.points_um.min(axis=0) - spare, self.points_um.max(axis=0) + spare
        else:
            near = reach, spare
        return np.clip(near[0], low, high), np.clip(near[1], low, high)

    def _find_next(self, weights: np.ndarray, taken: list[Placed], until: float | None) -> Placed | None:
        """The first may hold nothing; a further one must hold something, or it would be no choice."""
        best = None
        for search in self.searches:
            least = best.weight if best is not None else (0.0 if taken else -1.0)
            best = search.find(weights, taken, least, until) or best
        return best

    def _centre(self, best: Placed, weights: np.ndarray, taken: list[Placed]) -> Placed:
        """Moved so that its points lie as far from its edges as may be, where it may stand there and is full of tissue;
        else to where it has most, among places that hold the same points."""
        window = best.window
        held = self.points_um[find_held(self.points_um, best) & (weights > 0)]
        if not len(held):
            return best
        search = next(search for search in self.searches if search.window == window)
        middle = np.array([window.find_middle(held)])
        reach = np.array([window.reach_x, window.reach_y])
        low, high = np.maximum(held.max(axis=0) - reach, search.low), np.minimum(held.min(axis=0) + reach, search.high)
        for places in (middle, _spread_places(low, high, middle)):
            away = held - places[:, None]
            allowed = window.holds(away[:, :, 0], away[:, :, 1]).all(axis=1) & search.may_stand(places, taken)
            shares = np.ones(len(places)) if self.tissue is None else self.tissue.find_shares(window, places)
            shares = np.where(allowed, shares, -1.0)
            most = int(shares.argmax())
            if shares[most] >= (FULL_SHARE if len(places) == 1 else 0.0):
                x_um, y_um = places[most].tolist()
                return Placed(window, x_um, y_um, best.weight)
        return best

    def _find_fields(self, weights: np.ndarray, alternates: int, until: float | None, prove: bool) -> list[Found]:
        found: list[Found] = []
        taken: list[Placed] = []
        while self.fields is not None and len(found) <= alternates:
            left = leave_out(self.points_um, weights, taken)
            best = self.fields.find(left, taken, until, prove)
            if best is None or (found and sum_held(self.points_um, left, best[0]) == 0):
                break
            found.append(self._describe_fields(*best, weights))
            taken += best[0]
        return found

    def _describe_fields(self, placed: list[Placed], bound: float, weights: np.ndarray) -> Found:
        centres = np.array([[one.x_um, one.y_um] for one in placed])
        outlines = (centres[:, None] + placed[0].window.find_outline()).reshape(-1, 2)
        hull = shapely.get_coordinates(shapely.MultiPoint(outlines).convex_hull)[:-1]
        fraction = None if self.tissue is None else self.tissue.measure_share(placed[0].window, centres)
        count = sum_held(self.points_um, weights, placed)
        exact = bound <= count * (1 + CLOSE_ENOUGH)
        centres_l0 = [(x, y) for x, y in (centres / self.frame.scale_um).tolist()]
        polygon = (hull / self.frame.scale_um).tolist()
        return Found(polygon, centres_l0, count, self.shape.area_mm2, fraction, exact, None if exact else bound)

    def _describe(self, placed: Placed, weights: np.ndarray) -> Found:
        centre = np.array([placed.x_um, placed.y_um])
        polygon = (centre + placed.window.find_outline()) / self.frame.scale_um
        fraction = None if self.tissue is None else self.tissue.measure_share(placed.window, centre[None])
        count = float(weights[find_held(self.points_um, placed)].sum())
        return Found(polygon.tolist(), None, count, self.shape.area_mm2, fraction, True, None)


def _spread_places(low: np.ndarray, high: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Places (m, 2) from low to high, the nearest to the middle (1, 2) first, which is one of them."""
    axes = [np.linspace(start, end, PLACES_PER_AXIS) for start, end in zip(low, high, strict=True)]
    places = np.concatenate([middle, np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)])
    return places[np.argsort(((places - middle) ** 2).sum(axis=1), kind="stable")]


def find_windows(shape: Shape) -> list[Window]:
    """What is laid on the slide: a rectangle both ways, of fields one. Raises SearchRefused where it is no shape."""
    if shape.kind not in SHAPES or not (np.isfinite(shape.area_mm2) and shape.area_mm2 > 0):
        raise SearchRefused("A shape is a square, rectangle, circle or fields, with an area above 0.")
    if shape.kind == FIELDS and not (shape.fields >= 1 and np.isfinite(shape.field_um) and shape.field_um > 0):
        raise SearchRefused("Fields need a number of at least 1 and a diameter above 0.")
    if shape.kind in (CIRCLE, FIELDS):
        return [Disc(shape.radius_um)]
    if not (np.isfinite(shape.aspect) and shape.aspect > 0):
        raise SearchRefused("The sides of a rectangle need a ratio above 0.")
    if shape.kind == RECTANGLE and shape.aspect != 1:
        long_um, short_um = shape.sides_um
        return [Box(long_um / 2, short_um / 2), Box(short_um / 2, long_um / 2)]
    side_um = 1000 * np.sqrt(shape.area_mm2)
    return [Box(side_um / 2, side_um / 2)]


def members(points_l0: np.ndarray, found: Found, shape: Shape, frame: Frame) -> np.ndarray:
    """Which of the points (n, 2), level-0 px, a found region holds, edges included: bool (n,)."""
    points_um = read_points(points_l0, frame)
    outline_um = np.asarray(found.polygon_l0, float) * frame.scale_um
    reach_x, reach_y = (np.ptp(outline_um, axis=0) / 2).tolist()
    is_round = shape.kind in (CIRCLE, FIELDS)
    window: Window = Disc(shape.radius_um) if is_round else Box(reach_x, reach_y)
    centres = outline_um.mean(axis=0)[None]
    if found.fields_l0 is not None:
        centres = np.asarray(found.fields_l0, float) * frame.scale_um
    inside = np.zeros(len(points_um), bool)
    for x_um, y_um in centres.tolist():
        inside |= find_held(points_um, Placed(window, x_um, y_um, 0.0))
    return inside


def outline_fields(found: Found, shape: Shape, frame: Frame) -> list[list[list[float]]]:
    """The ring of each field of a found region, in level-0 px, drawn about its circle."""
    outline_l0 = Disc(shape.radius_um).find_outline() / frame.scale_um
    return [(np.array(centre) + outline_l0).tolist() for centre in found.fields_l0 or ()]
