"""Where a count is made, and of which area: the tissue in the best square, in all that was analysed, or in a region
that a person drew. Says whether the protocol's square could be had, and if not, which of two things was missing.
"""

from dataclasses import dataclass, replace

import numpy as np
from shapely import Polygon, make_valid

from analysis.models import Analysis
from analysis.pipeline.count import PLAIN_SQUARE, best_square, points_in_rings, shared_area_px2, tissue_map
from slides.models import Region, Slide

PROTOCOL = PLAIN_SQUARE
BEST, WHOLE, DRAWN = "best", "whole", "drawn"
FITS, DOES_NOT_FIT, TISSUE_SMALLER = "fits", "does_not_fit", "tissue_smaller"
# Less tissue than this, about a dozen nuclei, is what an outline's edge cuts off: a density of it would mean nothing.
LEAST_TISSUE_MM2 = 0.001
# More calls are no count that a person reads, and the square of most of them is not worth the server's time.
MOST_PLACES = 100_000


@dataclass(frozen=True)
class CountedRegion:
    """Where is counted. `polygon` in level-0 px, None for all that was analysed.

    area_mm2: the tissue in it, which its density is told of. drawn_mm2: the outline itself, glass included. Both None
    where unknown. fit: FITS, DOES_NOT_FIT (the square has no place, though there would be tissue enough for one) or
    TISSUE_SMALLER (there is not enough); fit_note: the sentence that goes with it.
    """

    kind: str
    polygon: list | None
    area_mm2: float | None
    drawn_mm2: float | None = None
    fit: str = FITS
    fit_note: str = ""
    region: Region | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict:
        return {
            "kind": self.kind,
            "id": self.region and self.region.pk,
            "name": self.region.name if self.region else "",
            "polygon": self.polygon,
            "area_mm2": self.area_mm2,
            "drawn_mm2": self.drawn_mm2,
        }

    @property
    def has_tissue(self) -> bool:
        return self.area_mm2 is not None and self.area_mm2 >= LEAST_TISSUE_MM2


def has_size(analysis: Analysis) -> bool:
    """Whether mm² mean something here: a pixel size, and tissue rather than cut-outs."""
    return analysis.slide.kind != Slide.Kind.SHEET and analysis.mpp_source != Slide.MppSource.UNKNOWN


def is_counted_whole(analysis: Analysis) -> bool:
    """Whether no square is looked for: mm² mean nothing here, or the tissue cannot hold the protocol's."""
    return not has_size(analysis) or not analysis.area_mm2 or _is_smaller(analysis.area_mm2)


def find_best_region(analysis: Analysis, points_l0: np.ndarray) -> CountedRegion:
    """The protocol's square that holds most of the points (n, 2); all of the tissue where no square can be had."""
    if is_counted_whole(analysis):
        return describe_whole(analysis)
    if len(points_l0) > MOST_PLACES:
        note = f"More than {MOST_PLACES:,} calls: the best square is not looked for, all of the tissue is counted."
        return replace(describe_whole(analysis), notes=(note,))
    width, height = PROTOCOL.sides_l0(analysis.mpp_x, analysis.mpp_y)
    tissue = tissue_map(analysis.tissue, _slide_bounds(analysis), analysis.polygon)
    square = best_square(points_l0, None, width, height, tissue)
    if square is None or not square.enough_tissue:
        note = f"The {PROTOCOL.name} does not fit, though there is tissue enough: "
        note += f"all of it is counted, {analysis.area_mm2:.2f} mm²."
        return replace(describe_whole(analysis), fit=DOES_NOT_FIT, fit_note=note)
    area_mm2 = _measure_analysed(analysis, square.polygon, analysis.tissue)
    return CountedRegion(BEST, square.polygon, area_mm2, PROTOCOL.area_mm2)


def describe_whole(analysis: Analysis) -> CountedRegion:
    """All that was analysed, with all of its tissue."""
    if not has_size(analysis) or analysis.area_mm2 is None:
        return CountedRegion(WHOLE, analysis.polygon, None)
    drawn_mm2 = _measure_outline(analysis, analysis.polygon) if analysis.polygon else None
    whole = CountedRegion(WHOLE, analysis.polygon, analysis.area_mm2, drawn_mm2)
    if not _is_smaller(analysis.area_mm2):
        return whole
    note = f"There is not enough tissue for the {PROTOCOL.name}: all of it is counted, {analysis.area_mm2:.2f} mm²."
    return replace(whole, fit=TISSUE_SMALLER, fit_note=note)


def describe_drawn(analysis: Analysis, region: Region) -> CountedRegion:
    """The region as drawn. Its area is the tissue in it, of what was analysed."""
    if not has_size(analysis):
        return CountedRegion(DRAWN, region.polygon, None, region=region)
    drawn_mm2, analysed_mm2 = _measure_outline(analysis, region.polygon), _measure_analysed(analysis, region.polygon)
    area_mm2 = _measure_analysed(analysis, region.polygon, analysis.tissue)
    notes = []
    if analysed_mm2 < drawn_mm2 * 0.999:
        notes.append(f"Of the region {analysed_mm2:.2f} mm² were analysed, of {drawn_mm2:.2f} mm² drawn.")
    if area_mm2 < analysed_mm2 * 0.999:
        notes.append(f"Of the region {area_mm2:.2f} mm² are tissue, of {drawn_mm2:.2f} mm² drawn.")
    found = CountedRegion(DRAWN, region.polygon, area_mm2, drawn_mm2, region=region, notes=tuple(notes))
    if not _is_smaller(area_mm2):
        return found
    note = f"The region holds less tissue than the {PROTOCOL.name}: {area_mm2:.2f} mm²."
    return replace(found, fit=TISSUE_SMALLER, fit_note=note)


def count_off_tissue(analysis: Analysis, points_l0: np.ndarray) -> int:
    """How many of the points (n, 2) lie where no tissue was found, whose area is in no density."""
    if not len(points_l0) or analysis.tissue is None:
        return 0
    return int((~points_in_rings(points_l0, analysis.tissue)).sum())


def _is_smaller(area_mm2: float) -> bool:
    """By the area as it is printed, so that no sentence says less beside a number that says as much."""
    return round(area_mm2, 2) < PROTOCOL.area_mm2


def _slide_bounds(analysis: Analysis) -> tuple[float, float, float, float]:
    return 0, 0, analysis.slide.width, analysis.slide.height


def _measure_outline(analysis: Analysis, polygon: list) -> float:
    """The outline's own area, glass and what lies beyond the slide included, in mm²."""
    return _in_mm2(analysis, make_valid(Polygon(polygon)).area)


def _measure_analysed(analysis: Analysis, polygon: list, tissue: list | None = None) -> float:
    """What of the polygon lies on the slide and was analysed, in mm²; of it the tissue alone, where that is given."""
    shapes = [[polygon]]
    shapes += [[analysis.polygon]] if analysis.polygon else []
    shapes += [] if tissue is None else [tissue]
    corners, (x0, y0, x1, y1) = np.asarray(polygon, float), _slide_bounds(analysis)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    bounds = max(left, x0), max(top, y0), min(right, x1), min(bottom, y1)
    return _in_mm2(analysis, shared_area_px2(shapes, bounds))


def _in_mm2(analysis: Analysis, area_px2: float) -> float:
    return round(area_px2 * analysis.mpp_x * analysis.mpp_y / 1e6, 6)
