"""Regions people draw: polygons in level-0 pixels, checked before anything is computed from them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import MultiPoint, Polygon, box, shape
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


@dataclass(frozen=True)
class RegionFile:
    """polygons_l0: outer rings in level-0 px. unused: a sentence for each kind of thing that is no region."""

    polygons_l0: list[list[tuple[float, float]]]
    unused: list[str]


def list_outside(polygons_l0: Sequence[Sequence[Sequence[float]]], width_l0: int, height_l0: int) -> list[int]:
    """Numbers, from 1, of polygons that lie beside the slide, which a union with others would hide."""
    slide = box(0, 0, width_l0, height_l0)
    parts = ((number, _polygon(number, ring)) for number, ring in enumerate(polygons_l0, 1))
    return [number for number, part in parts if part.intersection(slide).area == 0]


def read_geojson(path: Path) -> RegionFile:
    """The regions of a GeoJSON file: its polygons, whether alone, in collections, or as features.

    Takes any nesting of geometries, features and their collections. What QuPath marks as found by a program
    (detection, cell or tile) or as the whole picture is no region, and neither are points, lines, outlines without
    area and what lies in classes that QuPath ignores (their names end in `*`); `unused` says so. Holes are refused,
    since regions have none.

    Raises RegionRefused where no polygon is left or the file is no GeoJSON, OSError where it cannot be read.
    """
    polygons, unused = _read_polygons(path)
    if any(polygon.interiors for polygon in polygons):
        raise RegionRefused(f"{path.name} holds a polygon with a hole; regions have none.")
    return RegionFile([[(float(x), float(y)) for x, y, *_ in each.exterior.coords] for each in polygons], unused)


def read_area(path: Path) -> RegionFile:
    """What the polygons of a GeoJSON file cover together, holes and all: a tissue, or a drawn tumour.

    Its rings are disjoint, or one inside another, and mean the area by the even-odd rule. What crosses itself is taken
    as the area that it encloses. Raises as read_geojson does, but not for holes.
    """
    polygons, unused = _read_polygons(path)
    covered = shapely.union_all([shapely.make_valid(shapely.force_2d(polygon)) for polygon in polygons])
    parts = [part for part in shapely.get_parts(covered) if isinstance(part, Polygon)]
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    return RegionFile([[(float(x), float(y)) for x, y in ring.coords[:-1]] for ring in rings], unused)


@dataclass(frozen=True)
class DrawnThing:
    """One feature of a file, or a bare geometry. name, classification: as the file tells them, "" where it does not.
    polygons_l0: in level-0 px. has_origin: whether the file itself says from which corner it counts."""

    name: str
    classification: str
    polygons_l0: list[Polygon]
    has_origin: bool


def list_drawn(content: dict | list, source: str = "The file") -> tuple[list[DrawnThing], list[str]]:
    """The features of a GeoJSON that are regions, one by one, and a sentence for each kind of thing that is none.

    Takes and leaves out what `read_geojson` does. Raises RegionRefused where nothing is left or it is no GeoJSON.
    """
    things, parts = [], []
    try:
        with np.errstate(invalid="ignore"):  # of a coordinate that is no number, which is refused in words
            for thing in _list_things(content):
                found = list(_parts_of(thing))
                parts += found
                if polygons := [part for part in found if isinstance(part, Polygon)]:
                    things.append(_describe_thing(thing, polygons))
    except _NO_GEOJSON as error:
        raise RegionRefused(f"{source} is no GeoJSON with polygons.") from error
    counts = Counter(part for part in parts if isinstance(part, str))
    unused = [f"{source}: left out {what} ({count}), which is no region." for what, count in sorted(counts.items())]
    if not things:
        raise RegionRefused(" ".join([f"{source} holds no polygon that is a region.", *unused]))
    return things, unused


def _read_polygons(path: Path) -> tuple[list[Polygon], list[str]]:
    """Those of a file that are regions, and a sentence for each kind of thing that is none."""
    try:
        content = json.loads(path.read_bytes())
    except _NO_GEOJSON as error:
        raise RegionRefused(f"{path.name} is no GeoJSON with polygons.") from error
    things, unused = list_drawn(content, path.name)
    return [polygon for thing in things for polygon in thing.polygons_l0], unused


def _list_things(content: dict | list) -> Iterator[dict]:
    """Features and bare geometries, out of whatever holds them."""
    if isinstance(content, list):  # QuPath writes features so where no collection was asked for
        for each in content:
            yield from _list_things(each)
    elif content["type"] == "FeatureCollection":
        for each in content["features"]:
            yield from _list_things(each)
    else:
        yield content


def _describe_thing(thing: dict, polygons_l0: list[Polygon]) -> DrawnThing:
    told = (thing.get("properties") or {}) if thing["type"] == "Feature" else {}
    name, metadata = told.get("name"), told.get("metadata")
    names = [each for each in _class_names(told.get("classification")) if each]
    has_origin = isinstance(metadata, dict) and "origin_x_l0" in metadata and "origin_y_l0" in metadata
    return DrawnThing(name if isinstance(name, str) else "", ": ".join(names), polygons_l0, has_origin)


def _parts_of(content: dict) -> Iterator[Polygon | str]:
    """The polygons that are regions, and for everything else what it is in a word."""
    match content["type"]:
        case "FeatureCollection":
            for feature in content["features"]:
                yield from _parts_of(feature)
        case "Feature":
            yield from _parts_of_feature(content)
        case "GeometryCollection":
            for geometry in content["geometries"]:
                yield from _parts_of(geometry)
        case kind if kind in _WORDS:
            yield _WORDS[kind]
        case kind if kind in _AREAS:
            yield from _parts_of_geometry(shape(content))
        case kind if isinstance(content.get("coordinates"), list):
            yield f"a {kind}"
        case kind:
            raise ValueError(f"{kind!r} is no kind of GeoJSON")


def _parts_of_feature(feature: dict) -> Iterator[Polygon | str]:
    told = feature.get("properties") or {}
    kind = _object_kind(feature, told)
    ignored = next((name for name in _class_names(told.get("classification")) if name.endswith("*")), None)
    if kind in _NO_REGIONS:
        yield _NO_REGIONS[kind]
    elif ignored is not None:
        yield f"what is classed as {ignored}"
    elif feature.get("geometry") is None:
        yield "a feature without a place"
    else:
        for part in _parts_of(feature["geometry"]):
            yield part if isinstance(part, str) else _shift_to_slide(part, told.get("metadata"))


def _shift_to_slide(polygon: Polygon, metadata: object) -> Polygon:
    """From the corner that the file counts from, where its export says that this is not the slide's own."""
    told = metadata if isinstance(metadata, dict) else {}
    x_l0, y_l0 = (float(told.get(f"origin_{axis}_l0") or 0) for axis in "xy")
    if not np.isfinite([x_l0, y_l0]).all():
        raise ValueError("The origin is no place.")
    return affinity.translate(polygon, x_l0, y_l0)


def _object_kind(feature: dict, told: dict) -> str:
    """What kind of QuPath's objects a feature is: its version 0.4 says objectType, 0.3 object_type, 0.2 an id."""
    named = told.get("objectType") or told.get("object_type")
    if named is None and (found := re.fullmatch(r"Path(\w+)Object", str(feature.get("id")))):
        named = found.group(1)
    return str(named or "annotation").lower()


def _class_names(classification: object) -> list[str]:
    """The names of a class and of those that it is a part of, as "Ignore*: Tumor" is."""
    if isinstance(classification, dict):
        classification = classification.get("names") or classification.get("name")
    names = classification if isinstance(classification, list) else str(classification or "").split(":")
    return [str(name).strip() for name in names]


def _parts_of_geometry(geometry: shapely.Geometry) -> Iterator[Polygon | str]:
    if geometry.is_empty:
        yield "an empty geometry"
    elif isinstance(geometry, Polygon):
        if not np.isfinite(shapely.get_coordinates(geometry)).all():
            yield "an outline with a corner that is no number"
        else:
            yield geometry if geometry.convex_hull.area else "an outline without area"
    else:
        for part in geometry.geoms:
            yield from _parts_of_geometry(part)


_AREAS = ("Polygon", "MultiPolygon")
_WORDS = {"Point": "a point", "MultiPoint": "points", "LineString": "a line", "MultiLineString": "lines"}
_NO_REGIONS = {
    "detection": "a detection", "cell": "a cell", "tile": "a tile", "root": "the outline of the whole picture"
}  # fmt: skip
_NO_GEOJSON = (
    ValueError, AttributeError, TypeError, KeyError, IndexError, RecursionError, shapely.errors.ShapelyError
)  # fmt: skip
