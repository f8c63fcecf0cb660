"""All that a count of an analysis may look at: the tissue that was analysed, of it the drawn tumour where one stands.

The drawn tumour is to a count what `--tumour` is to `mitosis count`: the protocol's windows lie in it, and where none
has a place all of it is counted. How much of a window must lie in it, the library says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from shapely import Polygon, make_valid

from analysis.models import Analysis
from analysis.pipeline.count import shared_area_px2
from analysis.pipeline.count.polygons import Ring
from slides.models import Slide
from slides.services.areas import Rings, list_rings, tumour_area

TUMOUR, TISSUE, SLIDE = "tumour", "tissue", "slide"
WHOLE_NAMES = {TUMOUR: "all of the drawn tumour", TISSUE: "all of the tissue"}


@dataclass(frozen=True)
class CountArea:
    """tumour: what is drawn of it, as far as it was analysed, as rings under the even-odd rule; None where none is
    drawn. areas: how many were drawn. drawn_mm2: the analysed tumour as drawn, glass included. area_mm2: the tissue
    that may be counted in. Both None where unknown."""

    tumour: Rings | None
    areas: int
    drawn_mm2: float | None
    area_mm2: float | None

    @property
    def has_tumour(self) -> bool:
        return self.tumour is not None

    def bounds_windows(self, analysis: Analysis) -> Rings | None:
        """What windows have to lie in beside tissue: the drawn tumour, else the region that was analysed."""
        return self.tumour if self.has_tumour else [analysis.polygon] if analysis.polygon else None

    def find_where(self, analysis: Analysis) -> str:
        """One of TUMOUR, TISSUE and SLIDE."""
        return TUMOUR if self.has_tumour else SLIDE if analysis.tissue is None else TISSUE

    def name_whole(self, analysis: Analysis) -> str:
        """All of it, as a noun in a sentence."""
        part = "all of the analysed region" if analysis.polygon else "the whole slide"
        return WHOLE_NAMES.get(self.find_where(analysis), part)

    def as_json(self, analysis: Analysis, mask_cell_um: tuple[float, float] | None) -> dict:
        """As LookedInSerializer describes it."""
        return {
            "where": self.find_where(analysis),
            "areas": self.areas,
            "area_mm2": self.area_mm2,
            "drawn_mm2": self.drawn_mm2,
            "mask_cell_um": mask_cell_um and list(mask_cell_um),
        }


def find_count_area(analysis: Analysis) -> CountArea:
    """In one query."""
    drawn = list(analysis.slide.regions.tumour_areas())
    if not drawn:
        return find_undrawn(analysis)
    area = tumour_area(drawn)
    if analysis.polygon:
        area = area.intersection(make_valid(Polygon(analysis.polygon)))
    rings = list_rings(area)
    if find_undrawn(analysis).area_mm2 is None:
        return CountArea(rings, len(drawn), None, None)
    drawn_mm2, area_mm2 = (measure_analysed(analysis, rings, tissue) for tissue in (None, analysis.tissue))
    return CountArea(rings, len(drawn), drawn_mm2, area_mm2)


def find_undrawn(analysis: Analysis) -> CountArea:
    """Where no tumour is drawn."""
    return CountArea(None, 0, None, analysis.area_mm2 if has_size(analysis) else None)


def has_size(analysis: Analysis) -> bool:
    """Whether mm² mean something here: a pixel size, and tissue rather than cut-outs."""
    return analysis.slide.kind != Slide.Kind.SHEET and has_pixel_size(analysis)


def has_pixel_size(analysis: Analysis) -> bool:
    """Whether places can be told in µm, on a sheet of cut-outs too."""
    return analysis.mpp_source != Slide.MppSource.UNKNOWN


def measure_outline(analysis: Analysis, polygon: list) -> float:
    """The outline's own area, glass and what lies beyond the slide included, in mm²."""
    return round(in_mm2(analysis, make_valid(Polygon(polygon)).area), 6)


def measure_analysed(
    analysis: Analysis, rings: Sequence[Ring], tissue: list | None = None, tumour: list | None = None
) -> float:
    """What of outlines lies on the slide and was analysed, in mm²; of it the tissue and the tumour alone, where these
    are given."""
    if not rings:
        return 0.0
    shapes: list[Sequence[Ring]] = [rings]
    shapes += [[analysis.polygon]] if analysis.polygon else []
    shapes += [given for given in (tissue, tumour) if given is not None]
    corners = np.concatenate([np.asarray(ring, float) for ring in rings])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    bounds = max(left, 0), max(top, 0), min(right, analysis.slide.width), min(bottom, analysis.slide.height)
    return round(in_mm2(analysis, shared_area_px2(shapes, bounds)), 6)


def in_mm2(analysis: Analysis, area_px2: float) -> float:
    return float(area_px2) * analysis.mpp_x * analysis.mpp_y / 1e6
