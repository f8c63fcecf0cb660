"""A protocol in words: what it counts in, and which counts have which score."""

from collections.abc import Sequence

from analysis.pipeline.count.protocols.protocol import Cutoff
from analysis.pipeline.count.shapes import CIRCLE, FIELDS, RECTANGLE, Shape


def describe_shape(shape: Shape) -> str:
    """ "10 fields of 0.55 mm that touch", "square of 1.41 mm"; the area is told beside it."""
    if shape.kind == FIELDS:
        noun = "field" if shape.fields == 1 else "fields"
        touching = " that touch" if shape.touching and shape.fields > 1 else ""
        return f"{shape.fields} {noun} of {shape.field_um / 1000:.4g} mm{touching}"
    if shape.kind == CIRCLE:
        return f"circle of {2 * shape.radius_um / 1000:.3g} mm"
    long_mm, short_mm = (side_um / 1000 for side_um in shape.sides_um)
    if shape.kind == RECTANGLE:
        return f"rectangle of {long_mm:.3g} by {short_mm:.3g} mm, either way round"
    return f"square of {long_mm:.3g} mm"


def list_ranges(cutoffs: Sequence[Cutoff]) -> list[tuple[str, str]]:
    """(score, the counts that have it) of each: ("1", "0 to 7"), ("3", "at least 15")."""
    starts = [cutoff.from_count for cutoff in cutoffs]
    ends: list[int | None] = [*starts[1:], None]
    return [(cutoff.score, _describe_range(cutoff.from_count, end)) for cutoff, end in zip(cutoffs, ends, strict=False)]


def _describe_range(start: int, next_start: int | None) -> str:
    if next_start is None:
        return f"at least {start}" if start else "any count"
    return f"{start} to {next_start - 1}" if next_start - 1 > start else str(start)
