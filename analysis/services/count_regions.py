"""Where a count is made, and of which area: the tissue in a region of the protocol, in all that was analysed, or in a
region that a person drew. Says whether the protocol's window could be had, and if not, which of two things was missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely import Polygon, make_valid

from analysis.models import Analysis
from analysis.pipeline.count import points_in_polygon, points_in_rings, shared_area_px2
from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.protocols.protocol import is_same_area
from analysis.pipeline.count.report import LEAST_TISSUE_MM2
from analysis.pipeline.count.search import MIN_TISSUE_FRACTION, Found, Frame, members, outline_fields
from analysis.pipeline.count.shapes import FIELDS, Shape
from slides.models import Region, Slide

BEST, ALTERNATE, WHOLE, DRAWN = "best", "alternate", "whole", "drawn"
FITS, DOES_NOT_FIT, TISSUE_SMALLER = "fits", "does_not_fit", "tissue_smaller"


@dataclass(frozen=True)
class CountedRegion:
    """Where is counted. `polygon` in level-0 px, None for all that was analysed; fields_l0: centres of its fields.

    rank: of a protocol's region, 1 for the best; exact: whether no other place holds more, else bound is what none
    exceeds. area_mm2: the tissue in it, which its density is told of. drawn_mm2: the
    outline itself, glass included. Both None where unknown. fit: FITS, DOES_NOT_FIT (the window has no place, though
    there would be tissue enough for one) or TISSUE_SMALLER (there is not enough); fit_note: the sentence with it.
    """

    kind: str
    polygon: list | None
    area_mm2: float | None
    drawn_mm2: float | None = None
    fit: str = FITS
    fit_note: str = ""
    region: Region | None = None
    notes: tuple[str, ...] = ()
    rank: int | None = None
    fields_l0: list | None = None
    exact: bool = True
    bound: float | None = None

    def as_json(self) -> dict:
        return {
            "kind": self.kind,
            "id": self.region and self.region.pk,
            "name": self.region.name if self.region else "",
            "polygon": self.polygon,
            "area_mm2": self.area_mm2,
            "drawn_mm2": self.drawn_mm2,
            "rank": self.rank,
            "fields_l0": self.fields_l0,
        }

    @property
    def has_tissue(self) -> bool:
        return self.area_mm2 is not None and self.area_mm2 >= LEAST_TISSUE_MM2


def name_window(shape: Shape) -> str:
    """A protocol's window as a noun: "2 mm² square", "10 fields of 0.55 mm"."""
    if shape.kind != FIELDS:
        return f"{shape.area_mm2:.4g} mm² {shape.kind}"
    return f"{_count_fields(shape)} of {shape.field_um / 1000:.4g} mm"


def _count_fields(shape: Shape) -> str:
    return "1 field" if shape.fields == 1 else f"{shape.fields} fields"


def has_size(analysis: Analysis) -> bool:
    """Whether mm² mean something here: a pixel size, and tissue rather than cut-outs."""
    return analysis.slide.kind != Slide.Kind.SHEET and analysis.mpp_source != Slide.MppSource.UNKNOWN


def is_counted_whole(analysis: Analysis, protocol: Protocol) -> bool:
    """Whether no window is looked for: mm² mean nothing here, or the tissue cannot hold the protocol's."""
    return not has_size(analysis) or not analysis.area_mm2 or _is_smaller(analysis.area_mm2, protocol)


def make_frame(analysis: Analysis) -> Frame:
    return Frame(analysis.mpp_x, analysis.mpp_y, analysis.slide.width, analysis.slide.height)


def describe_found(analysis: Analysis, protocol: Protocol, found: Found, rank: int) -> CountedRegion:
    """A region that was searched for; its area is the tissue in it, of what was analysed."""
    shape = protocol.shape
    rings = [found.polygon_l0] if found.fields_l0 is None else outline_fields(found, shape, make_frame(analysis))
    # Of the share of the outline, since a circle's is drawn about it.
    outlined_mm2 = _in_mm2(analysis, sum(Polygon(ring).area for ring in rings))
    share = min(1.0, _measure_analysed(analysis, rings, analysis.tissue) / outlined_mm2)
    kind = BEST if rank == 1 else ALTERNATE
    area_mm2, drawn_mm2 = (round(mm2, 6) for mm2 in (share * shape.area_mm2, shape.area_mm2))
    fields_l0 = None if found.fields_l0 is None else [list(centre) for centre in found.fields_l0]
    counted = CountedRegion(kind, found.polygon_l0, area_mm2, drawn_mm2, rank=rank, fields_l0=fields_l0)
    return replace(counted, exact=found.exact, bound=found.bound)


def describe_whole(analysis: Analysis, protocol: Protocol) -> CountedRegion:
    """All that was analysed, with all of its tissue."""
    if not has_size(analysis) or analysis.area_mm2 is None:
        return CountedRegion(WHOLE, analysis.polygon, None)
    drawn_mm2 = _measure_outline(analysis, analysis.polygon) if analysis.polygon else None
    whole = CountedRegion(WHOLE, analysis.polygon, analysis.area_mm2, drawn_mm2)
    if not _is_smaller(analysis.area_mm2, protocol):
        return whole
    name = name_window(protocol.shape)
    note = f"There is not enough tissue for the {name}: all of it is counted, {analysis.area_mm2:.2f} mm²."
    return replace(whole, fit=TISSUE_SMALLER, fit_note=note)


def describe_without_room(analysis: Analysis, protocol: Protocol) -> CountedRegion:
    """All that was analysed, where the protocol's window has no place."""
    does = "do" if protocol.shape.kind == FIELDS and protocol.shape.fields > 1 else "does"
    note = f"The {name_window(protocol.shape)} {does} not fit, though there is tissue enough: "
    note += f"all of it is counted, {analysis.area_mm2:.2f} mm²."
    return replace(describe_whole(analysis, protocol), fit=DOES_NOT_FIT, fit_note=note)


def describe_drawn(analysis: Analysis, protocol: Protocol, region: Region) -> CountedRegion:
    """The region as drawn. Its area is the tissue in it, of what was analysed."""
    if not has_size(analysis):
        return CountedRegion(DRAWN, region.polygon, None, region=region)
    drawn_mm2, analysed_mm2 = _measure_outline(analysis, region.polygon), _measure_analysed(analysis, [region.polygon])
    area_mm2 = _measure_analysed(analysis, [region.polygon], analysis.tissue)
    notes = []
    if analysed_mm2 < drawn_mm2 * 0.999:
        notes.append(f"Of the region {analysed_mm2:.2f} mm² were analysed, of {drawn_mm2:.2f} mm² drawn.")
    if area_mm2 < analysed_mm2 * 0.999:
        notes.append(f"Of the region {area_mm2:.2f} mm² are tissue, of {drawn_mm2:.2f} mm² drawn.")
    found = CountedRegion(DRAWN, region.polygon, area_mm2, drawn_mm2, region=region, notes=tuple(notes))
    if has_protocols_area(found, protocol) or not _is_smaller(area_mm2, protocol):
        return found
    note = f"The region holds less tissue than the {name_window(protocol.shape)}: {area_mm2:.2f} mm²."
    return replace(found, fit=TISSUE_SMALLER, fit_note=note)


def has_protocols_area(counted: CountedRegion, protocol: Protocol) -> bool:
    """Whether a region is as large as the protocol's window, with as little glass as that may hold: whole counts of
    another area have no score."""
    if counted.rank is not None:
        return True
    if counted.drawn_mm2 is None or counted.area_mm2 is None:
        return False
    full_mm2 = protocol.shape.area_mm2
    return is_same_area(counted.drawn_mm2, full_mm2) and counted.area_mm2 >= MIN_TISSUE_FRACTION * full_mm2


def shape_of(count: dict) -> Shape:
    """The protocol's window, of a count as it is told."""
    protocol = count["protocol"]
    of_fields = {"fields": protocol["fields"] or 0, "field_um": protocol["field_um"] or 0.0}
    return Shape(protocol["shape"], protocol["area_mm2"], **of_fields)


def find_inside(counted: dict, shape: Shape, frame: Frame, points_l0: np.ndarray) -> np.ndarray:
    """Which of the points (n, 2) lie in a region as `as_json` gives it, edges included: bool (n,)."""
    inside = np.isfinite(points_l0).all(axis=1)
    if counted["polygon"] is None:
        return inside
    placed = points_l0[inside]
    if counted["rank"] is None:
        inside[inside] = points_in_polygon(placed, counted["polygon"])
    else:
        fields = counted["fields_l0"] and [(x, y) for x, y in counted["fields_l0"]]
        found = Found(counted["polygon"], fields, 0, shape.area_mm2, None, True, None)
        inside[inside] = members(placed, found, shape, frame)
    return inside


def count_off_tissue(analysis: Analysis, points_l0: np.ndarray) -> int:
    """How many of the points (n, 2) lie where no tissue was found, whose area is in no density."""
    if not len(points_l0) or analysis.tissue is None:
        return 0
    return int((~points_in_rings(points_l0, analysis.tissue)).sum())


def _is_smaller(area_mm2: float, protocol: Protocol) -> bool:
    """By areas as they are printed, so that no sentence says less beside a number that says as much."""
    return round(area_mm2, 2) < round(protocol.shape.area_mm2, 2)


def _measure_outline(analysis: Analysis, polygon: list) -> float:
    """The outline's own area, glass and what lies beyond the slide included, in mm²."""
    return round(_in_mm2(analysis, make_valid(Polygon(polygon)).area), 6)


def _measure_analysed(analysis: Analysis, rings: Sequence[Ring], tissue: list | None = None) -> float:
    """What of an outline lies on the slide and was analysed, in mm²; of it the tissue alone, where that is given."""
    shapes: list[Sequence[Ring]] = [rings]
    shapes += [[analysis.polygon]] if analysis.polygon else []
    shapes += [] if tissue is None else [tissue]
    corners = np.concatenate([np.asarray(ring, float) for ring in rings])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    bounds = max(left, 0), max(top, 0), min(right, analysis.slide.width), min(bottom, analysis.slide.height)
    return round(_in_mm2(analysis, shared_area_px2(shapes, bounds)), 6)


def _in_mm2(analysis: Analysis, area_px2: float) -> float:
    return float(area_px2) * analysis.mpp_x * analysis.mpp_y / 1e6
