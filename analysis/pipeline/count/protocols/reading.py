"""Protocols from files, TOML or JSON: the shipped ones, and those that people write. A row of
`mitosis protocols --json` is such a file.
"""

import json
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import (
    Any,
    NotRequired,  # pydantic asks for these below Python 3.12
)

from typing_extensions import TypedDict

from analysis.pipeline.count.protocols.protocol import (
    AREA_MM2,
    FIELD_MM,
    NO_ROUNDING,
    ROUNDINGS,
    Cutoff,
    CutoffRule,
    Protocol,
    ProtocolRefused,
    cutoffs_by_rule,
    field_um_of,
    is_same_area,
    scale_protocol,
)
from analysis.pipeline.count.shapes import FIELDS, RECTANGLE, SHAPES, Shape, fields_of
from analysis.pipeline.errors import meant
from analysis.pipeline.strict_tables import TableFault, check_table

FOLDER = Path(__file__).parent / "data"
PLAIN = "plain"
MAX_BYTES = 1 << 20
MAX_FIELDS, MAX_CUTOFFS, MAX_COUNT, MAX_NAME = 200, 20, 100_000, 60
# Keys that only some shapes have.
SHAPE_KEYS = {"aspect": (RECTANGLE,), "fields": (FIELDS,), "field_um": (FIELDS,), "touching": (FIELDS,)}

# `to`, the largest count of a score, may be told and is then compared with where the next one begins.
CutoffRow = TypedDict("CutoffRow", {"score": str, "from": int, "to": NotRequired[int | None]})


class RuleRow(TypedDict):
    upper: list[int]
    area_mm2: float


class ProtocolRow(TypedDict):
    """The keys of a protocol's file."""

    name: str
    version: int
    shape: str
    title: NotRequired[str]
    area_mm2: NotRequired[float]
    aspect: NotRequired[float]
    fields: NotRequired[int]
    field_um: NotRequired[float]
    touching: NotRequired[bool]
    cutoffs: NotRequired[list[CutoffRow]]
    cutoff_rule: NotRequired[RuleRow]
    on: NotRequired[bool]
    where: NotRequired[str]
    divided_by: NotRequired[int]
    rounding: NotRequired[str]
    sources: NotRequired[dict[str, str]]
    notes: NotRequired[str]


@lru_cache(maxsize=1)
def _load_shipped() -> tuple[Protocol, ...]:
    protocols = [read_protocol(path) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(protocols, key=lambda protocol: (protocol.name != PLAIN, protocol.name)))


def load_protocols() -> dict[str, Protocol]:
    """The shipped protocols by name, the plain one first; those that are off too."""
    return {protocol.name: protocol for protocol in _load_shipped()}


def find_protocol(name_or_path: str | Path) -> Protocol:
    """A shipped protocol by its name, the same for a laboratory's own field ("nottingham:0.50"), or one in a file.

    Raises ProtocolRefused, with the name that was probably meant, and OSError where the file cannot be read.
    """
    protocols, told = load_protocols(), str(name_or_path)
    if told in protocols:
        return protocols[told]
    name, colon, size = told.partition(":")
    if colon and name in protocols:
        try:
            return scale_protocol(protocols[name], float(size))
        except (ValueError, OverflowError) as error:
            if isinstance(error, ProtocolRefused):
                raise
            raise ProtocolRefused(f"{size!r} behind {name} is no size; {name}:0.50 would be one.") from None
    path = Path(told)
    if path.suffix.lower() in (".toml", ".json") or path.is_file():
        return read_protocol(path)
    listed = ", ".join(protocols)
    raise ProtocolRefused(f"There is no protocol {told!r}{meant(told, list(protocols)) or '.'} There are {listed}.")


def read_protocol(path: Path) -> Protocol:
    """The protocol of a TOML or JSON file. Raises ProtocolRefused with "<file> is no protocol: ...", and OSError."""
    return protocol_of(read_table(path.read_bytes(), path.name), path.name)


def read_table(content: bytes, origin: str) -> object:
    """What a TOML or JSON file of a protocol holds, before it is looked at. Raises ProtocolRefused."""
    if len(content) > MAX_BYTES:
        raise ProtocolRefused(f"{origin} is no protocol: it is larger than one can be.")
    try:
        text = content.decode("utf-8-sig")
        is_json = text.lstrip()[:1] in ("{", "[") and not origin.endswith(".toml")
        return json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolRefused(f"{origin} is no protocol: it is neither TOML nor JSON ({error}).") from error


def protocol_of(raw: object, origin: str) -> Protocol:
    """The protocol of a table, as `Protocol.as_json` writes it. Raises ProtocolRefused, with what is wrong in words."""
    try:
        if not isinstance(raw, dict):
            raise TableFault("it is no table of keys")
        return _build_protocol(check_table(ProtocolRow, raw))
    except (TableFault, ProtocolRefused) as fault:
        raise ProtocolRefused(f"{origin} is no protocol: {fault}") from fault


def _build_protocol(row: ProtocolRow) -> Protocol:
    name = row["name"].strip()
    _refuse_unless(0 < len(name) <= MAX_NAME and name.isprintable(), f"its name has 1 to {MAX_NAME} characters")
    _refuse_unless("/" not in name and ":" not in name, f"its name {name!r} holds / or :, which mean something else")
    _refuse_unless(row["version"] >= 1, f"version is {row['version']}; the first is 1")
    divided_by, rounding = row.get("divided_by", 1), row.get("rounding", NO_ROUNDING)
    _refuse_unless(1 <= divided_by <= 1000, f"divided_by is {divided_by}; it is a whole number from 1")
    _refuse_unless(rounding in ROUNDINGS, f"rounding is {rounding!r}, which is none of {', '.join(ROUNDINGS)}")
    protocol = Protocol(
        name,
        row.get("title", "").strip() or name,
        row["version"],
        _read_shape(row),
        _read_cutoffs(row.get("cutoffs", [])),
        row.get("on", True),
        row.get("where", "").strip(),
        divided_by,
        rounding,
        row.get("sources", {}),
        row.get("notes", "").strip(),
        _read_rule(row.get("cutoff_rule")),
    )
    _refuse_contradicting_rule(protocol)
    return protocol


def _read_shape(row: ProtocolRow) -> Shape:
    kind = row["shape"]
    _refuse_unless(kind in SHAPES, f"shape is {kind!r}, which is none of {', '.join(SHAPES)}{meant(kind, SHAPES)}")
    for key, kinds in SHAPE_KEYS.items():
        _refuse_unless(key not in row or kind in kinds, f"{key} is of no {kind}")
    area_mm2 = _number_within(row, "area_mm2", AREA_MM2)
    if kind == FIELDS:
        return _read_fields(row, area_mm2)
    if area_mm2 is None:
        raise TableFault("area_mm2 is missing")
    if kind == RECTANGLE:
        return Shape(kind, area_mm2, aspect=_number_within(row, "aspect", (1.0, 10.0)) or 4 / 3)
    return Shape(kind, area_mm2)


def _read_fields(row: ProtocolRow, area_mm2: float | None) -> Shape:
    """Fields of a diameter, or of an area together; where both are told they must agree."""
    _refuse_unless("fields" in row, "fields, their number, is missing")
    count, touching = row["fields"], row.get("touching", False)
    _refuse_unless(1 <= count <= MAX_FIELDS, f"fields is {count}; 1 to {MAX_FIELDS} can be counted in")
    field_um = _number_within(row, "field_um", (1000 * FIELD_MM[0], 1000 * FIELD_MM[1]))
    if field_um is None:
        if area_mm2 is None:
            raise TableFault("field_um, the diameter of a field, is missing")
        return Shape(FIELDS, area_mm2, fields=count, field_um=field_um_of(area_mm2, count), touching=touching)
    shape = fields_of(count, field_um, touching)
    if area_mm2 is None:
        return shape
    if not is_same_area(shape.area_mm2, area_mm2):
        told = f"{count} {'field' if count == 1 else 'fields'} of {field_um:g} µm"
        raise TableFault(f"{told} have {shape.area_mm2:.3f} mm², but area_mm2 is {area_mm2:g}")
    return replace(shape, area_mm2=area_mm2) if math.isclose(shape.area_mm2, area_mm2) else shape


def _number_within(row: ProtocolRow, key: str, bounds: tuple[float, float]) -> float | None:
    """The number of a key, None where it is not told. NaN lies within no bounds."""
    value: Any = row.get(key)
    if value is None:
        return None
    low, high = bounds
    _refuse_unless(math.isfinite(value), f"{key} is {value}, which is no number")
    _refuse_unless(low <= value <= high, f"{key} is {value:g}; {low:g} to {high:g} can be")
    return float(value)


def _read_cutoffs(rows: Sequence[CutoffRow]) -> tuple[Cutoff, ...]:
    """Cut-offs that give each whole count exactly one score."""
    _refuse_unless(len(rows) <= MAX_CUTOFFS, f"it has {len(rows)} cut-offs; at most {MAX_CUTOFFS} can be")
    cutoffs = tuple(Cutoff(row["score"].strip(), row["from"]) for row in rows)
    for cutoff in cutoffs:
        _refuse_unless(0 < len(cutoff.score) <= MAX_NAME, f"a score has 1 to {MAX_NAME} characters")
        told = f"score {cutoff.score} is from {cutoff.from_count}"
        _refuse_unless(0 <= cutoff.from_count <= MAX_COUNT, f"{told}; a count is 0 to {MAX_COUNT:,}")
    if cutoffs and cutoffs[0].from_count != 0:
        raise TableFault(f"its cut-offs have a gap: counts below {cutoffs[0].from_count} have no score")
    for cutoff, following in zip(cutoffs, cutoffs[1:], strict=False):
        if following.from_count <= cutoff.from_count:
            told = f"{following.score} is from {following.from_count}, {cutoff.score} from {cutoff.from_count}"
            raise TableFault(f"its cut-offs overlap: {told}, and each begins above the one before")
    scores = [cutoff.score for cutoff in cutoffs]
    twice = next((score for score in scores if scores.count(score) > 1), None)
    _refuse_unless(twice is None, f"score {twice} is there twice")
    _check_ends(cutoffs, [row.get("to") for row in rows])
    return cutoffs


def _check_ends(cutoffs: Sequence[Cutoff], ends: Sequence[int | None]) -> None:
    """Where the largest count of a score is told, the next one begins behind it; the last has none."""
    starts = [*(cutoff.from_count for cutoff in cutoffs[1:]), None]
    for cutoff, end, start in zip(cutoffs, ends, starts, strict=False):
        if end is None or (start is not None and end == start - 1):
            continue
        if start is None:
            raise TableFault(f"its cut-offs have a gap: counts above {end} have no score")
        kind = "overlap" if end >= start else "have a gap"
        raise TableFault(f"its cut-offs {kind}: {cutoff.score} is to {end}, and the next one from {start}")


def _read_rule(row: RuleRow | None) -> CutoffRule | None:
    if row is None:
        return None
    (low, high), area_mm2 = AREA_MM2, row["area_mm2"]
    _refuse_unless(low <= area_mm2 <= high, f"cutoff_rule.area_mm2 is {area_mm2:g}; {low:g} to {high:g} can be")
    is_count = all(0 <= upper <= MAX_COUNT for upper in row["upper"])
    _refuse_unless(is_count, f"cutoff_rule.upper holds what is no count; a count is 0 to {MAX_COUNT:,}")
    return CutoffRule(tuple(row["upper"]), area_mm2)


def _refuse_contradicting_rule(protocol: Protocol) -> None:
    """A rule and cut-offs that say different things of the same area."""
    rule = protocol.rule
    if rule is None:
        return
    _refuse_unless(protocol.rounding != NO_ROUNDING, "a cutoff_rule needs rounding: down, nearest or up")
    _refuse_unless(len(rule.upper) == len(protocol.cutoffs) - 1, "cutoff_rule.upper has one limit fewer than scores")
    ruled = cutoffs_by_rule(protocol, protocol.shape.area_mm2)
    if ruled != protocol.cutoffs:
        raise TableFault(f"its cut-offs are from {_starts(protocol.cutoffs)}, by its own rule from {_starts(ruled)}")


def _starts(cutoffs: Iterable[Cutoff]) -> str:
    return ", ".join(str(cutoff.from_count) for cutoff in cutoffs)


def _refuse_unless(fine: bool, sentence: str) -> None:
    if not fine:
        raise TableFault(sentence)
