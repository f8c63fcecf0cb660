"""Outlines that people draw: checked before they are kept."""

import math

from shapely import Polygon, box

from mitoweb.lib.errors import Refused

MOST_POINTS = 10_000
FARTHEST_PX = 1e8  # a hundred times the largest scan; from there on corners are too coarse to cut along an edge
PX_DIGITS = 4
LEAST_AREA_PX = 100.0  # level-0 pixels; below, it is a slip of the mouse

Points = list[list[float]]


def checked_polygon(polygon: Points, width: int, height: int) -> Points:
    """The outline in level-0 px, cut at the slide's edges, without a repeated last point; Refused with a sentence."""
    points = as_points(polygon)
    shape = Polygon(points)
    if shape.convex_hull.area < LEAST_AREA_PX:
        raise Refused("The region is empty: its outline holds no area.", "empty")
    if not shape.is_valid:
        raise Refused("The outline crosses or touches itself.", "crossing")
    inside = shape.intersection(box(0, 0, width, height))
    if inside.area < LEAST_AREA_PX:
        raise Refused("The region lies outside the slide.", "outside")
    if inside.geom_type != "Polygon":
        raise Refused("The slide's edge cuts the region into pieces; draw each as a region of its own.", "pieces")
    if shape.within(box(0, 0, width, height)):
        return points
    return [[float(x), float(y)] for x, y in inside.exterior.coords[:-1]]


def as_points(polygon: Points) -> Points:
    """At least three different points, all finite, the last not the first again; Refused with a sentence."""
    if len(polygon) > MOST_POINTS:
        raise Refused(f"An outline has at most {MOST_POINTS:,} points.", "points")
    points = [[round(float(x), PX_DIGITS), round(float(y), PX_DIGITS)] for x, y in polygon]
    if not all(math.isfinite(value) for point in points for value in point):
        raise Refused("Coordinates are finite numbers of pixels.", "points")
    if any(abs(value) > FARTHEST_PX for point in points for value in point):
        raise Refused("The outline lies outside the slide: no slide is as large as its coordinates.", "outside")
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len({tuple(point) for point in points}) < 3:
        raise Refused("The region is empty: an outline has at least three different points.", "empty")
    return points
