"""Where a count is made, and of which area: the tissue in a region of the protocol, in all that may be counted, or in a
region that a person drew. Says whether the protocol's window could be had, and if not, which of two things was missing.
"""

from dataclasses import dataclass, replace

import numpy as np
from shapely import Polygon

from analysis.models import Analysis
from analysis.pipeline.count import points_in_area, points_in_polygon, points_in_rings
from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.protocols.protocol import is_same_area
from analysis.pipeline.count.report import LEAST_TISSUE_MM2
from analysis.pipeline.count.search import MIN_TISSUE_FRACTION, Found, Frame, members, outline_fields
from analysis.pipeline.count.shapes import FIELDS, Shape
from analysis.services.count_area import CountArea, has_size, in_mm2, measure_analysed, measure_outline
from slides.models import Region

BEST, ALTERNATE, WHOLE, DRAWN = "best", "alternate", "whole", "drawn"
FITS, DOES_NOT_FIT, TISSUE_SMALLER = "fits", "does_not_fit", "tissue_smaller"


@dataclass(frozen=True)
class CountedRegion:
    """Where is counted. `polygon` in level-0 px, None for all that was analysed, empty where that is nothing;
    further_rings: holes and further parts, under the even-odd rule. fields_l0: centres of its fields.

    rank: of a protocol's region, 1 for the best; exact: whether no other place holds more, else bound is what none
    exceeds. area_mm2: the tissue in it, which its density is told of. drawn_mm2: the outline itself, glass included.
    tissue_fraction: the share of it that is tissue. None where unknown. outside_mm2: what of a drawn region was
    analysed and lies outside the drawn tumour. fit: FITS, DOES_NOT_FIT (the window has no place, though there would be
    tissue enough for one) or TISSUE_SMALLER (there is not enough); fit_note: the sentence with it.
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
    further_rings: tuple[list, ...] = ()
    tissue_fraction: float | None = None
    outside_mm2: float = 0.0

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
            "further_rings": list(self.further_rings),
            "tissue_fraction": self.tissue_fraction,
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


def is_counted_whole(analysis: Analysis, protocol: Protocol, area: CountArea) -> bool:
    """Whether no window is looked for: mm² mean nothing here, or there is less tissue than any window needs."""
    return not has_size(analysis) or not area.area_mm2 or area.area_mm2 < MIN_TISSUE_FRACTION * protocol.shape.area_mm2


def make_frame(analysis: Analysis) -> Frame:
    return Frame(analysis.mpp_x, analysis.mpp_y, analysis.slide.width, analysis.slide.height)


def describe_found(analysis: Analysis, protocol: Protocol, found: Found, rank: int) -> CountedRegion:
    """A region that was searched for; its area is the tissue in it, of what was analysed."""
    shape = protocol.shape
    rings = [found.polygon_l0] if found.fields_l0 is None else outline_fields(found, shape, make_frame(analysis))
    # Of the share of the outline, since a circle's is drawn about it.
    outlined_mm2 = in_mm2(analysis, sum(Polygon(ring).area for ring in rings))
    share = min(1.0, measure_analysed(analysis, rings, analysis.tissue) / outlined_mm2)
    kind = BEST if rank == 1 else ALTERNATE
    area_mm2, drawn_mm2 = (round(mm2, 6) for mm2 in (share * shape.area_mm2, shape.area_mm2))
    fields_l0 = None if found.fields_l0 is None else [list(centre) for centre in found.fields_l0]
    counted = CountedRegion(kind, found.polygon_l0, area_mm2, drawn_mm2, rank=rank, fields_l0=fields_l0)
    fraction = None if analysis.tissue is None else round(share, 6)
    return replace(counted, exact=found.exact, bound=found.bound, tissue_fraction=fraction)


def describe_whole(analysis: Analysis, protocol: Protocol, area: CountArea, has_room: bool = True) -> CountedRegion:
    """All that may be looked at, with all of its tissue. has_room: whether a window of the protocol has a place."""
    polygon, *further_rings = [analysis.polygon] if area.tumour is None else area.tumour or [[]]
    whole = CountedRegion(WHOLE, polygon, None, further_rings=tuple(further_rings))
    if not has_size(analysis) or area.area_mm2 is None:
        return whole
    drawn_mm2 = area.drawn_mm2
    if analysis.polygon and not area.has_tumour:
        drawn_mm2 = measure_outline(analysis, analysis.polygon)
    fraction = None if analysis.tissue is None else 1.0
    whole = replace(whole, area_mm2=area.area_mm2, drawn_mm2=drawn_mm2, tissue_fraction=fraction)
    name, where = name_window(protocol.shape), " in the drawn tumour" if area.has_tumour else ""
    counted = f"all of it is counted, {area.area_mm2:.2f} mm²."
    if _is_smaller(area.area_mm2, protocol):
        note = f"There is not enough tissue{where} for the {name}: {counted}"
        return replace(whole, fit=TISSUE_SMALLER, fit_note=note)
    if has_room:
        return whole
    does = "do" if protocol.shape.kind == FIELDS and protocol.shape.fields > 1 else "does"
    note = f"The {name} {does} not fit{where}, though there is tissue enough: {counted}"
    return replace(whole, fit=DOES_NOT_FIT, fit_note=note)


def describe_drawn(analysis: Analysis, protocol: Protocol, region: Region, area: CountArea) -> CountedRegion:
    """The region as drawn. Its area is the tissue in it, of what was analysed."""
    if not has_size(analysis):
        return CountedRegion(DRAWN, region.polygon, None, region=region)
    drawn_mm2, analysed_mm2 = measure_outline(analysis, region.polygon), measure_analysed(analysis, [region.polygon])
    area_mm2 = measure_analysed(analysis, [region.polygon], analysis.tissue)
    notes = []
    if analysed_mm2 < drawn_mm2 * 0.999:
        notes.append(f"Of the region {analysed_mm2:.2f} mm² were analysed, of {drawn_mm2:.2f} mm² drawn.")
    if area_mm2 < analysed_mm2 * 0.999:
        notes.append(f"Of the region {area_mm2:.2f} mm² are tissue, of {drawn_mm2:.2f} mm² drawn.")
    found = CountedRegion(DRAWN, region.polygon, area_mm2, drawn_mm2, region=region, notes=tuple(notes))
    if analysis.tissue is not None and drawn_mm2:
        found = replace(found, tissue_fraction=round(min(1.0, area_mm2 / drawn_mm2), 6))
    if area.has_tumour:
        inside_mm2 = measure_analysed(analysis, [region.polygon], None, area.tumour)
        found = replace(found, outside_mm2=analysed_mm2 - inside_mm2)
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
    if counted["rank"] is None and counted["further_rings"]:
        inside[inside] = points_in_area(placed, [counted["polygon"], *counted["further_rings"]])
    elif counted["rank"] is None:
        inside[inside] = points_in_polygon(placed, counted["polygon"]) if counted["polygon"] else False
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
