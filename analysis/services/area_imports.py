"""Areas drawn elsewhere, in QuPath for one: taken in from GeoJSON as the tumour, or as regions to count in."""

from collections.abc import Iterator
from dataclasses import dataclass

import shapely
from django.db import transaction

from analysis.pipeline.errors import RegionRefused
from analysis.pipeline.regions import DrawnThing, list_drawn
from mitoweb.lib.errors import Refused
from slides.models import Region, Slide
from slides.services.areas import Rings, list_rings
from slides.services.regions import add_region

MOST_AREAS = 100  # more are cells, not areas


@dataclass(frozen=True)
class ImportedAreas:
    """regions: as they were kept. notes: what a person should know, in sentences."""

    regions: list[Region]
    notes: list[str]


def import_areas(slide: Slide, by, content: dict | list, kind: str, classification: str = "") -> ImportedAreas:
    """Keep what a GeoJSON draws, all of it or nothing. Rights are the caller's.

    A feature is one tumour area, with its parts and holes; to count in, each of its parts is a region. classification:
    only what has this class in the file, "" for all. Raises Refused in words.
    """
    if slide.state != Slide.State.READY:
        raise Refused("The slide is not ready; areas are taken in once it is.", "slide_not_ready")
    try:
        things, notes = list_drawn(content)
    except RegionRefused as refusal:
        raise Refused(f"Nothing was imported. {refusal}", "areas") from refusal
    things = [thing for thing in things if classification in ("", thing.classification)]
    outlines = [outline for thing in things for outline in _list_outlines(thing, kind)]
    if not outlines:
        raise Refused(f"Nothing was imported. No area in the file is classed as {classification}.", "areas")
    if len(outlines) > MOST_AREAS:
        told = f"The file draws {len(outlines):,} areas; at most {MOST_AREAS} are taken at once"
        raise Refused(f"Nothing was imported. {told}.", "areas")
    with transaction.atomic():
        kept = [_keep(slide, by, kind, number, *outline) for number, outline in enumerate(outlines, 1)]
    return ImportedAreas(kept, notes + _tell_corner(slide, things))


def _list_outlines(thing: DrawnThing, kind: str) -> Iterator[tuple[str, Rings]]:
    """What becomes a row each: its name, "" where it has none, and its rings."""
    flat = [shapely.force_2d(polygon) for polygon in thing.polygons_l0]
    if kind == Region.Kind.TUMOUR:
        # What crosses itself is the area that it encloses, as brushes leave it.
        yield thing.name, list_rings(shapely.union_all([shapely.make_valid(polygon) for polygon in flat]))
        return
    for number, polygon in enumerate(flat, 1):
        name = f"{thing.name} {number}" if thing.name and number > 1 else thing.name
        yield name, [[[x, y] for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]


def _keep(slide: Slide, by, kind: str, number: int, name: str, rings: Rings) -> Region:
    if kind == Region.Kind.COUNT:
        name = name or f"Imported {number}"
    which = f"Area {number} of the file" + (f", {name}" if name else "")
    if not rings:
        raise Refused(f"Nothing was imported. {which}: The area is empty: it falls into specks.", "areas")
    try:
        return add_region(by, slide, name, rings[0], kind, rings[1:], imported=True)
    except Refused as refusal:
        raise Refused(f"Nothing was imported. {which}: {refusal}", "areas") from refusal


def _tell_corner(slide: Slide, things: list[DrawnThing]) -> list[str]:
    """QuPath crops some scans and counts from the corner of what is left; its own files do not say so."""
    if not slide.bounds or tuple(slide.bounds[:2]) == (0, 0) or all(thing.has_origin for thing in things):
        return []
    x, y = slide.bounds[:2]
    return [f"Taken in pixels of the whole slide; QuPath counts from ({x}, {y}) of it."]
