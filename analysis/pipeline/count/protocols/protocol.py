"""What a protocol is: the window that is counted in, and the whole counts at which its score changes."""

from dataclasses import dataclass, field, replace
from math import ceil, floor, isclose, pi

from analysis.pipeline.count.shapes import FIELDS, RECTANGLE, Shape, fields_of
from analysis.pipeline.errors import PipelineRefused

NO_ROUNDING, DOWN, NEAREST, UP = "none", "down", "nearest", "up"
ROUNDINGS = (NO_ROUNDING, DOWN, NEAREST, UP)
SAME_AREA = 0.005  # papers print areas with two digits: 2.37 mm² for ten fields of 0.55 mm, which are 2.376
SLACK = 1e-9  # of a quotient that is whole but for the last bit
FIELD_MM, AREA_MM2 = (0.1, 2.0), (0.01, 1000.0)  # what a field and a window may measure


class ProtocolRefused(PipelineRefused):
    """A protocol that is not there, or says what cannot be."""

    code = "protocol"


@dataclass(frozen=True)
class Cutoff:
    """score: the mitotic part alone, never a grade. from_count: the smallest whole count that has it."""

    score: str
    from_count: int


@dataclass(frozen=True)
class CutoffRule:
    """Cut-offs of any area A in mm²: the largest count of each score but the last is upper · A / area_mm2, rounded as
    the protocol says.
    """

    upper: tuple[int, ...]
    area_mm2: float

    def limits_of(self, area_mm2: float, rounding: str) -> list[int]:
        """The largest count of each score but the last."""
        rounded = {DOWN: _round_down, NEAREST: _round_nearest, UP: _round_up}[rounding]
        return [rounded(upper * area_mm2 / self.area_mm2) for upper in self.upper]


@dataclass(frozen=True)
class Protocol:
    """name: for programs; title: for people, as a noun. version: of what it says, rising. on: whether it may be used.

    cutoffs: whole counts for the window's own area, the first from 0; none where a protocol has no scores. where: where
    to count, a sentence. divided_by: the count told beside the whole one (GEP-NET: of 10 mm², per 2 mm²); scores are
    of the whole one. rounding: what becomes of a limit between two whole counts where `rule` carries it to another
    area. sources: a citation for each number. notes: what else must be known.
    """

    name: str
    title: str
    version: int
    shape: Shape
    cutoffs: tuple[Cutoff, ...] = ()
    on: bool = True
    where: str = ""
    divided_by: int = 1
    rounding: str = NO_ROUNDING
    sources: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    rule: CutoffRule | None = None

    def as_json(self) -> dict:
        """As a file holds it; what does not belong to its shape is left out."""
        shape = self.shape
        row: dict = {"name": self.name, "title": self.title, "version": self.version, "shape": shape.kind}
        row["area_mm2"] = shape.area_mm2
        if shape.kind == RECTANGLE:
            row["aspect"] = shape.aspect
        if shape.kind == FIELDS:
            row |= {"fields": shape.fields, "field_um": shape.field_um, "touching": shape.touching}
        row["cutoffs"] = [{"score": cutoff.score, "from": cutoff.from_count} for cutoff in self.cutoffs]
        row |= {"on": self.on, "where": self.where, "divided_by": self.divided_by, "rounding": self.rounding}
        if self.rule is not None:
            row["cutoff_rule"] = {"upper": list(self.rule.upper), "area_mm2": self.rule.area_mm2}
        return row | {"sources": dict(self.sources), "notes": self.notes}


def list_unsourced(protocol: Protocol) -> list[str]:
    """The numbers of the protocol, by their keys, of which `sources` says nothing. The area of fields is that of their
    diameter, and the other way round: one of the two is enough.
    """
    shape, told = protocol.shape, {key for key, source in protocol.sources.items() if source.strip()}
    numbers = ["fields", "touching"] if shape.kind == FIELDS else ["area_mm2"]
    if shape.kind == FIELDS and "area_mm2" not in told:
        numbers.insert(1, "field_um")
    numbers += ["aspect"] if shape.kind == RECTANGLE else []
    numbers += ["cutoffs"] if protocol.cutoffs else []
    numbers += ["cutoff_rule"] if protocol.rule else []
    numbers += ["divided_by"] if protocol.divided_by > 1 else []
    return [key for key in numbers if key not in told]


def cutoffs_by_rule(protocol: Protocol, area_mm2: float) -> tuple[Cutoff, ...]:
    """The protocol's scores with the cut-offs that its rule gives for another area. Raises ProtocolRefused where some
    score would have no count left.
    """
    assert protocol.rule is not None
    limits = protocol.rule.limits_of(area_mm2, protocol.rounding)
    starts = [0, *(limit + 1 for limit in limits)]
    if any(later <= earlier for earlier, later in zip(starts, starts[1:], strict=False)):
        raise ProtocolRefused(f"{area_mm2:.3g} mm² are too small for {protocol.name}: a score would have no count.")
    scores = (cutoff.score for cutoff in protocol.cutoffs)
    return tuple(Cutoff(score, start) for score, start in zip(scores, starts, strict=True))


def scale_protocol(protocol: Protocol, size: float) -> Protocol:
    """The protocol for a laboratory's own field or area: `size` is the field's diameter in mm, or of a window that is
    no fields its area in mm². Raises ProtocolRefused where it has no rule for that, and for sizes that cannot be.
    """
    if protocol.rule is None:
        raise ProtocolRefused(f"{protocol.name} has cut-offs for {protocol.shape.area_mm2:.4g} mm² alone.")
    is_fields = protocol.shape.kind == FIELDS
    (low, high), what = (FIELD_MM, "mm across") if is_fields else (AREA_MM2, "mm²")
    if not low <= size <= high:
        raise ProtocolRefused(f"{protocol.name} cannot be of {size:g} {what}; {low:g} to {high:g} can be.")
    if is_fields:
        shape = fields_of(protocol.shape.fields, 1000 * size, protocol.shape.touching)
        title = f"{protocol.title.partition(',')[0]}, {shape.fields} fields of {size:.4g} mm"
    else:
        shape = replace(protocol.shape, area_mm2=size)
        title = f"{protocol.title.partition(',')[0]}, {size:.4g} mm²"
    own = {"field_um" if is_fields else "area_mm2": "The laboratory's own.", "cutoffs": "By the cut-off rule."}
    return replace(
        protocol,
        name=f"{protocol.name}:{size:g}",
        title=title,
        shape=shape,
        cutoffs=cutoffs_by_rule(protocol, shape.area_mm2),
        sources=protocol.sources | own,
    )


def is_same_area(area_mm2: float, told_mm2: float) -> bool:
    """Whether two areas are one, as papers round them."""
    return isclose(area_mm2, told_mm2, rel_tol=SAME_AREA)


def field_um_of(area_mm2: float, count: int) -> float:
    """The diameter of each of `count` fields that have an area together."""
    return 2000 * float(area_mm2 / count / pi) ** 0.5


def _round_down(value: float) -> int:
    return floor(value + SLACK)


def _round_nearest(value: float) -> int:
    return floor(value + 0.5 + SLACK)


def _round_up(value: float) -> int:
    return ceil(value - SLACK)
