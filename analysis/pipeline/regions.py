"""Regions people draw: polygons in level-0 pixels, checked before anything is computed from them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Polygon, box, shape
from shapely.validation import explain_validity

from analysis.pipeline.errors import RegionRefused


def region_on_slide(
    polygons_l0: Sequence[Sequence[Sequence[float]]], width_l0: int, height_l0: int
) -> shapely.Geometry:
    """The part of the slide that the polygons cover, as one geometry in level-0 px.

    Each polygon is a ring of at least three (x, y), closed or not; together they are a union. Raises RegionRefused for
    none, a self-crossing or flat ring, a coordinate that is no number, and for polygons that leave nothing on the
    slide.
    """
    if not polygons_l0:
        raise RegionRefused("The region is empty: it has no polygon.")
    parts = [_polygon(number, ring) for number, ring in enumerate(polygons_l0, 1)]
    on_slide = shapely.union_all(parts).intersection(box(0, 0, width_l0, height_l0))
    if on_slide.area == 0:
        raise RegionRefused(f"The region lies outside the slide, which is {width_l0} x {height_l0} px.")
    return on_slide


def _polygon(number: int, ring: Sequence[Sequence[float]]) -> Polygon:
    try:
        points_l0 = np.array([(float(x), float(y)) for x, y in ring])
    except (TypeError, ValueError) as error:
        raise RegionRefused(f"Polygon {number} of the region is no list of points (x, y).") from error
    if len(points_l0) < 3 or not np.isfinite(points_l0).all():
        raise RegionRefused(f"Polygon {number} of the region needs at least three points, all of them finite numbers.")
    if MultiPoint(points_l0).convex_hull.area == 0:
        raise RegionRefused(f"Polygon {number} of the region encloses no area.")
    polygon = Polygon(points_l0)
    if not polygon.is_valid:
        where = explain_validity(polygon)
        raise RegionRefused(
            f"Polygon {number} of the region crosses or touches itself ({where}). Draw it without crossings."
        )
    return polygon


def read_geojson(path: Path) -> list[list[tuple[float, float]]]:
    """The outer rings of all polygons of a GeoJSON file, in level-0 px. Holes are refused, since regions have none.

    Takes a geometry, a Feature or a FeatureCollection. Raises RegionRefused where the file holds no polygon, OSError
    where it cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
        features = content.get("features", [content])
        geometries = [shape(feature.get("geometry", feature)) for feature in features]
    except (
        ValueError,
        AttributeError,
        TypeError,
        KeyError,
        IndexError,
        shapely.errors.ShapelyError,
        RecursionError,
    ) as error:
        raise RegionRefused(f"{path.name} is no GeoJSON with polygons.") from error
    polygons: list[Polygon] = []
    for geometry in geometries:
        if isinstance(geometry, MultiPolygon):
            polygons += geometry.geoms
        elif isinstance(geometry, Polygon) and not geometry.is_empty:
            polygons.append(geometry)
    if not polygons:
        raise RegionRefused(f"{path.name} holds no polygon.")
    if any(polygon.interiors for polygon in polygons):
        raise RegionRefused(f"{path.name} holds a polygon with a hole; regions have none.")
    return [[(float(x), float(y)) for x, y, *_ in polygon.exterior.coords] for polygon in polygons]
