"""GeoJSON of QuPath and of this product: points and small outlines in level-0 px, classes by name."""

import math
from collections.abc import Iterator

from analysis.pipeline.detection_files.cells import number_of
from analysis.pipeline.detection_files.places import (
    Classes,
    DetectionFile,
    DetectionsRefused,
    Place,
    middle_of,
    number_in,
    objects_in,
    probability_in,
)

PROBABILITY_NAMES = ("probability", "score", "confidence")
POINTS = ("Point", "MultiPoint")


def features_of(document: object) -> list | None:
    """The features of a collection, of QuPath's bare list, or of one feature; None for what is no GeoJSON."""
    if isinstance(document, dict):
        features: list | None = document.get("features") if document.get("type") == "FeatureCollection" else None
        return [document] if document.get("type") == "Feature" else features
    if not isinstance(document, list) or not document:
        return None
    return document if all(_as_object(item).get("type") == "Feature" for item in document) else None


def read_features(features: object, image: str) -> DetectionFile:
    """Points as they are, outlines by their middle; an annotation without a class is a drawn region and left out."""
    found, classes, regions, threshold = [], Classes(), 0, None
    for number, feature in enumerate(objects_in(features, "features"), 1):
        where = f"Feature {number}"
        properties, geometry = _as_object(feature.get("properties")), _as_object(feature.get("geometry"))
        metadata = _as_object(properties.get("metadata"))
        name = _class_of(properties)
        if not name and properties.get("objectType") == "annotation" and geometry.get("type") not in POINTS:
            regions += 1
            continue
        if "model" in metadata and "threshold" in metadata:
            # Exported here: the class is what readers said, the detector's call is its probability.
            threshold, name = number_of(str(metadata["threshold"])), ""
        belongs, call = classes.call_of(name)
        if belongs:
            probability = probability_in(_probability_of(properties), where)
            origin = [_number_or_0(metadata.get(f"origin_{axis}_l0")) for axis in "xy"]
            for x, y in _places_of(geometry, where):
                found.append(Place(x + origin[0], y + origin[1], probability, call))
    notes = (f"Left out as drawn regions without a class: {regions:,}.",) if regions else ()
    return DetectionFile(
        "GeoJSON",
        tuple(found),
        threshold=threshold if threshold is not None and 0 <= threshold <= 1 else None,
        notes=(*notes, *classes.notes(len(found))),
    )


def _as_object(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _class_of(properties: dict) -> str:
    """QuPath's classification, an object or a word."""
    told = properties.get("classification")
    return str((told.get("name") if isinstance(told, dict) else told) or "")


def _probability_of(properties: dict) -> object:
    """From the measurements (QuPath writes an object, older versions a list of name and value), or a property."""
    told = properties.get("measurements")
    listed = [_as_object(item) for item in told] if isinstance(told, list) else []
    pairs = [
        *(told.items() if isinstance(told, dict) else ()),
        *((item.get("name"), item.get("value")) for item in listed),
        *properties.items(),
    ]
    for word in PROBABILITY_NAMES:
        for name, value in pairs:
            if word in str(name).lower() and not isinstance(value, dict | list):
                return value
    return None


def _number_or_0(value: object) -> float:
    number = number_of(str(value))
    return number if number is not None and math.isfinite(number) else 0.0


def _places_of(geometry: dict, where: str) -> Iterator[tuple[float, float]]:
    pairs = list(_pairs_in(geometry.get("coordinates")))
    if not pairs:
        raise DetectionsRefused(f"{where} has no coordinates.")
    corners = [(number_in(x, "x", where), number_in(y, "y", where)) for x, y in pairs]
    yield from corners if geometry.get("type") in POINTS else [middle_of(corners)]


def _pairs_in(coordinates: object) -> Iterator[tuple[object, object]]:
    """The [x, y] pairs of any geometry."""
    if isinstance(coordinates, list):
        if len(coordinates) >= 2 and not any(isinstance(item, list) for item in coordinates):
            yield coordinates[0], coordinates[1]
        else:
            for item in coordinates:
                yield from _pairs_in(item)
