"""What a protocol says, line by line, each with its citation: for its page."""

from dataclasses import dataclass

from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.shapes import FIELDS, RECTANGLE
from analysis.protocol_facts import list_boxes

ROUNDED = {"down": "rounded down", "nearest": "rounded to the nearest", "up": "rounded up", "none": "whole"}


@dataclass(frozen=True)
class Number:
    label: str
    value: str
    source: str
    is_sourced: bool = True  # whether it stands for a number, which needs a source


def list_numbers(protocol: Protocol) -> list[Number]:
    sources, shape = dict(protocol.sources), protocol.shape

    def say(label: str, value: str, key: str, instead: str = "") -> Number:
        return Number(label, value, sources.pop(key, instead))

    found = []
    if shape.kind == FIELDS:
        touch = "each touches another" if shape.touching else "they may lie apart"
        found.append(say("Fields", str(shape.fields), "fields"))
        found.append(say("Diameter of a field", f"{shape.field_um / 1000:.4g} mm", "field_um", "From the area."))
        found.append(say("Adjacency", touch, "touching"))
    if shape.kind == RECTANGLE:
        found.append(say("Long by short side", f"{shape.aspect:.3g}", "aspect"))
    from_fields = "From the fields." if shape.kind == FIELDS else ""
    found.append(say("Area", f"{shape.area_mm2:.4g} mm²", "area_mm2", from_fields))
    if protocol.cutoffs:
        boxes = list_boxes(protocol)
        ranges = (f"{box['score']}: {box['counts']}" if box["counts"] else box["score"] for box in boxes)
        found.append(say("Score by count", "; ".join(ranges), "cutoffs"))
    if protocol.rule:
        upper = " and ".join(str(limit) for limit in protocol.rule.upper)
        told = (
            f"at most {upper} in {protocol.rule.area_mm2:g} mm², carried to this area and {ROUNDED[protocol.rounding]}"
        )
        found.append(say("Rule of the cut-offs", told, "cutoff_rule"))
    if protocol.divided_by > 1:
        found.append(say("Told divided by", str(protocol.divided_by), "divided_by"))
    if protocol.where:
        found.append(Number("Where to count", protocol.where, sources.pop("where", ""), is_sourced=False))
    return [*found, *(Number(key, "", source, is_sourced=False) for key, source in sources.items())]
