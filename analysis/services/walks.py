"""The walk of a field through a region: its fields, which of them a reader looked at, and how much of the tissue."""

from dataclasses import dataclass

import numpy as np

from analysis.models import Analysis
from analysis.pipeline.count.fields_walk import (
    Ground,
    Looked,
    WalkRefused,
    find_looked,
    measure_coverage,
    order_fields,
    plan_walk,
)
from analysis.pipeline.count.search import Found, outline_fields
from analysis.services import count_regions, count_turns, looks
from analysis.services.count_area import has_size
from mitoweb.lib.errors import Refused
from slides.models import Region, Slide

USUAL_FIELD_UM = 550.0  # of an eyepiece with field number 22 at 40x; told as such where nobody named another
ASKED, OF_PROTOCOL, USUAL = "asked", "protocol", "usual"
DIGITS = 2  # of a place in level-0 px


@dataclass(frozen=True)
class Walk:
    """Where a reader walks. count: the reader's count, whose region it is. source: where the field's size is from."""

    count: dict
    ground: Ground
    field_um: float
    source: str
    centres_l0: np.ndarray


def find_walk(analysis: Analysis, reader, where: str | Region, field_um: float | None = None) -> Walk:
    """The walk through a region of the reader's count. Refused where nothing can be walked through; raises NotNow."""
    if not has_size(analysis):
        why = "A sheet of cut-out figures is no tissue" if analysis.slide.kind == Slide.Kind.SHEET else "No pixel size"
        raise Refused(f"{why}: no field of the microscope can be laid on it.", "no_pixel_size")
    count = count_turns.count_in_turn(analysis, reader, where)
    own_um = count["protocol"]["field_um"]
    source = ASKED if field_um else OF_PROTOCOL if own_um else USUAL
    size_um = field_um or own_um or USUAL_FIELD_UM
    ground = _find_ground(analysis, count)
    chosen = count["region"]["fields_l0"]
    try:
        if chosen and size_um == own_um:
            centres = order_fields(np.array(chosen, float), size_um, ground.frame)
        else:
            centres = plan_walk(ground, size_um)
    except WalkRefused as error:
        raise Refused(str(error), "no_walk") from error
    return Walk(count, ground, size_um, source, np.round(centres, DIGITS))


def tell_walk(analysis: Analysis, user, reader, where: str | Region, field_um: float | None = None) -> dict:
    """As WalkSerializer describes it. user: who asks, reader: whose walk it is."""
    walk = find_walk(analysis, reader, where, field_um)
    looked = load_looked(analysis, user, reader)
    coverage = measure_coverage(walk.ground, looked)
    is_looked = find_looked(walk.ground, walk.centres_l0, walk.field_um, looked)
    region = walk.count["region"]
    return {
        "reader": reader,
        "region": {name: region[name] for name in ("kind", "id", "name", "rank", "polygon", "further_rings")},
        "field_um": walk.field_um,
        "field_source": walk.source,
        "fields": [
            {"x_l0": x, "y_l0": y, "looked": seen}
            for (x, y), seen in zip(walk.centres_l0.tolist(), is_looked.tolist(), strict=True)
        ],
        "fields_looked": int(is_looked.sum()),
        "coverage": {"area_mm2": coverage.area_mm2, "looked_mm2": coverage.looked_mm2, "share": coverage.share},
    }


def load_looked(analysis: Analysis, user, reader) -> Looked:
    """The reader's looks, as far as `user` may know of them."""
    rows = looks.looks_shown_to(user, analysis).filter(reader=reader).order_by("revision")
    places = np.array(list(rows.values_list("x_l0", "y_l0", "radius_um")), float).reshape(-1, 3)
    return Looked(places[:, :2], places[:, 2])


def _find_ground(analysis: Analysis, count: dict) -> Ground:
    frame, region, protocol = count_regions.make_frame(analysis), count["region"], count["protocol"]
    if region["fields_l0"]:
        fields = [(x, y) for x, y in region["fields_l0"]]
        found = Found(region["polygon"], fields, 0, protocol["area_mm2"], None, True, None)
        rings = outline_fields(found, count_regions.shape_of(count), frame)
    else:
        width, height = analysis.slide.width, analysis.slide.height
        everything = [[0, 0], [width, 0], [width, height], [0, height]]
        rings = [everything] if region["polygon"] is None else [region["polygon"], *region["further_rings"]]
    within = [[analysis.polygon]] if analysis.polygon else []
    within += [] if analysis.tissue is None else [analysis.tissue]
    return Ground(rings, frame, within)
