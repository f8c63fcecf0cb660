"""The tumour as people draw it: areas with holes and parts, checked before they are kept, and read as one.

An area is a list of rings in level-0 px, none with a repeated last point. They mean an area by the even-odd rule: what
lies in an odd number of them is in it.
"""

import uuid
from collections.abc import Iterable
from functools import reduce

import shapely
from shapely import affinity, box

from mitoweb.lib.errors import Refused
from slides.models import Region, Slide
from slides.services.outlines import LEAST_AREA_PX, Points, as_points

MOST_POINTS = 10_000
MOST_RINGS = 200
TOLERANCE_UM = 1.0  # a hand at low magnification is no truer; a nucleus is ten times as wide
TOLERANCE_PX = 2.0  # where there is no pixel size
PX_DIGITS = 2

Rings = list[Points]


def tumour_area(areas: Iterable[Region]) -> shapely.Geometry:
    """What some tumour areas cover together, in level-0 px."""
    return shapely.union_all([join_rings(region.rings) for region in areas])


def find_drawn(slide_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Of some slides those on which a tumour stands, in one query."""
    return set(Region.objects.tumour_areas().filter(slide__in=slide_ids).values_list("slide_id", flat=True))


def area_mm2(region: Region) -> float | None:
    """As drawn, tissue or not; None without a pixel size."""
    slide = region.slide
    if not slide.mpp_x or not slide.mpp_y:
        return None
    return join_rings(region.rings).area * slide.mpp_x * slide.mpp_y / 1e6


def checked_rings(rings: Rings, slide: Slide) -> Rings:
    """The area cut at the slide's edges, without specks and with no more points than it needs; the largest part first.

    Raises Refused with a sentence.
    """
    if len(rings) > MOST_RINGS:
        raise Refused(f"An area has at most {MOST_RINGS} outlines, its holes among them.", "pieces")
    if sum(map(len, rings)) > MOST_POINTS:
        raise Refused(f"The outlines of an area have at most {MOST_POINTS:,} points.", "points")
    area = join_rings([_checked_ring(ring) for ring in rings])
    if area.area < LEAST_AREA_PX:
        raise Refused("The area is empty: its outline holds no area.", "empty")
    whole = box(0, 0, slide.width, slide.height)
    on_slide = area if area.within(whole) else area.intersection(whole)
    if on_slide.area < LEAST_AREA_PX:
        raise Refused("The area lies outside the slide.", "outside")
    found = list_rings(_simplify(on_slide, slide.mpp_x, slide.mpp_y))
    if not found:
        raise Refused("The area is empty: it falls into specks.", "empty")
    return found


def join_rings(rings: Rings) -> shapely.Geometry:
    """Rings that do not cross themselves, as one geometry."""
    polygons = map(shapely.Polygon, rings)
    return reduce(lambda joined, ring: joined.symmetric_difference(ring), polygons)


def list_parts(area: shapely.Geometry) -> list[shapely.Polygon]:
    """Its polygons without specks, the largest first."""
    parts = [part for part in shapely.get_parts(area) if isinstance(part, shapely.Polygon)]
    return sorted((part for part in parts if part.area >= LEAST_AREA_PX), key=lambda part: -part.area)


def list_rings(area: shapely.Geometry) -> Rings:
    """Of each part its outline and then its holes; specks and holes as small as they are left out."""
    rings = []
    for part in list_parts(area):
        holes = [hole for hole in part.interiors if shapely.Polygon(hole).area >= LEAST_AREA_PX]
        rings += [_points_of(ring) for ring in (part.exterior, *holes)]
    return rings


def _checked_ring(ring: Points) -> Points:
    points = as_points(ring)
    shape = shapely.Polygon(points)
    if shape.convex_hull.area == 0:
        raise Refused("The area is empty: its outline holds no area.", "empty")
    if not shape.is_valid:
        raise Refused("The outline crosses or touches itself.", "crossing")
    return points


def _simplify(area: shapely.Geometry, mpp_x: float | None, mpp_y: float | None) -> shapely.Geometry:
    """Points that lie within the tolerance of the line between others go. It is as wide in x as in y on the glass."""
    if not mpp_x or not mpp_y:
        return area.simplify(TOLERANCE_PX)
    in_um = affinity.scale(area, mpp_x, mpp_y, origin=(0, 0))
    return affinity.scale(in_um.simplify(TOLERANCE_UM), 1 / mpp_x, 1 / mpp_y, origin=(0, 0))


def _points_of(ring: shapely.LinearRing) -> Points:
    return [[round(x, PX_DIGITS), round(y, PX_DIGITS)] for x, y in ring.coords[:-1]]
