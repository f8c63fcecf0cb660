"""What a laboratory's own protocol may say: all that a file of one may (analysis/pipeline/count/protocols/reading.py),
each number with its source, and nothing that names a grade. Tells each fault at the key that it is about.
"""

import json
import re
import unicodedata
from typing import Any

from analysis.pipeline.count.protocols import Protocol, ProtocolRefused, list_unsourced, protocol_of, read_table
from mitoweb.lib.errors import Refused

MOST_BYTES = 64 * 1024  # a shipped one has two thousand; more is no protocol
MOST_VERSIONS = 9999
LONGEST = {"title": 200, "where": 1000, "notes": 4000}
LONGEST_SOURCE, LONGEST_KEY, MOST_SOURCES = 1000, 60, 30
# A right protocol, into which one part of another is put to hear what is wrong with that part alone.
RIGHT = {"name": "x", "version": 1, "shape": "square", "area_mm2": 2.0}
# Keys that are judged together, and the one that a fault belongs to which names none of them.
PARTS = {
    "name": ("name",),
    "version": ("version",),
    "area_mm2": ("shape", "area_mm2", "aspect", "fields", "field_um", "touching"),
    "cutoffs": ("cutoffs",),
    "divided_by": ("divided_by",),
    "rounding": ("rounding",),
    "title": ("title",),
    "where": ("where",),
    "notes": ("notes",),
    "sources": ("sources",),
    "on": ("on",),
}
WHOLE = "document"  # stands for a key where a fault is about none
KEYS = {key for keys in PARTS.values() for key in keys} | {"cutoff_rule"}
# What stands in an address and in a list: letters and digits of any script with their marks, and these.
IN_NAMES = " -_.,+()"
NAMED = "its name has letters, digits, spaces and - _ . , + ( ), and begins with a letter or digit"
GRADE = re.compile(r"\bgrad(e|ing)\b|^\s*g\s*[0-9]\s*$", re.IGNORECASE)


class ProtocolFaults(Refused):
    """A document that is no protocol. `fields`: {key: what is wrong, as the end of a sentence}."""

    def __init__(self, faults: dict[str, str], name: str = "") -> None:
        super().__init__(f"{name or 'This'} is no protocol: {next(iter(faults.values()))}.", "protocol")
        self.fields = faults


def read_text(text: str) -> object:
    """What a TOML or JSON file of a protocol holds. Raises ProtocolFaults."""
    _refuse_large(text)
    try:
        return read_table(text.encode(errors="replace"), "This text")
    except ProtocolRefused as refused:
        raise ProtocolFaults({WHOLE: _end_of(refused)}) from refused


def check_document(raw: object) -> Protocol:
    """The protocol that a document says. Raises ProtocolFaults with everything that is wrong with it."""
    if not isinstance(raw, dict):
        raise ProtocolFaults({WHOLE: "it is no table of keys"})
    _refuse_large(json.dumps(raw, default=str, ensure_ascii=False))
    raw = _compose_name(raw)
    faults = _find_part_faults(raw)
    try:
        protocol = protocol_of(raw, "This")
    except ProtocolRefused as refused:
        sentence = _end_of(refused)
        faults = faults or {_key_of(sentence, WHOLE): sentence}
    else:
        faults |= _find_text_faults(protocol) | {
            f"sources.{key}": f"sources.{key} is missing: each number says where it comes from"
            for key in list_unsourced(protocol)
        }
    if faults:
        name = raw.get("name")
        raise ProtocolFaults(faults, name if isinstance(name, str) and _is_name(name) else "")
    return protocol


def _refuse_large(text: str) -> None:
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise ProtocolFaults({WHOLE: f"it is larger than {MOST_BYTES // 1024} kB, and no protocol is"})


def _compose_name(raw: dict) -> dict:
    """A name is the same however its letters and blanks were typed."""
    name = raw.get("name")
    return (
        raw | {"name": re.sub(" +", " ", unicodedata.normalize("NFC", name)).strip()} if isinstance(name, str) else raw
    )


def _find_part_faults(raw: dict[str, Any]) -> dict[str, str]:
    """What the reader of protocols says of each part by itself, so that one fault does not hide the next."""
    faults = {}
    for main, keys in PARTS.items():
        others = {key: value for key, value in RIGHT.items() if key not in keys}
        try:
            protocol_of(others | {key: raw[key] for key in keys if key in raw}, "This")
        except ProtocolRefused as refused:
            sentence = _end_of(refused)
            faults[_key_of(sentence, main)] = sentence
    return faults


def _key_of(sentence: str, main: str) -> str:
    """The key that a fault is about: the one that it begins with."""
    if main == WHOLE and sentence.startswith("its cut-offs"):
        return "cutoffs"
    first = re.match(r"(?:a )?(\w+)", sentence)
    return first[1] if first and first[1] in KEYS else main


def _find_text_faults(protocol: Protocol) -> dict[str, str]:
    """What the reader takes in a file, and a page or an address could not show."""
    faults = {} if _is_name(protocol.name) else {"name": NAMED}
    if protocol.version > MOST_VERSIONS:
        faults["version"] = f"version is {protocol.version}; 1 to {MOST_VERSIONS} can be"
    texts = {"title": protocol.title, "where": protocol.where, "notes": protocol.notes}
    texts |= {f"sources.{key}": text for key, text in protocol.sources.items()}
    for key, text in texts.items():
        longest = LONGEST.get(key, LONGEST_SOURCE)
        if len(text) > longest:
            faults[key] = f"{key} has {len(text):,} characters; at most {longest:,} can be"
        elif not _is_shown(text.replace("\n", " ").replace("\r", " ")):
            faults[key] = f"{key} holds characters that cannot be shown"
    are_keys = all(key.isprintable() and len(key) <= LONGEST_KEY for key in protocol.sources)
    if len(protocol.sources) > MOST_SOURCES or not are_keys:
        faults["sources"] = f"sources has up to {MOST_SOURCES} keys of up to {LONGEST_KEY} characters"
    for score in (cutoff.score for cutoff in protocol.cutoffs):
        if not _is_shown(score):
            faults["cutoffs"] = "a score holds characters that cannot be shown"
        elif GRADE.search(score):
            faults["cutoffs"] = f"score {score} names a grade; a protocol gives the mitotic part of one alone"
    return faults


def _is_name(name: str) -> bool:
    kinds = [unicodedata.category(letter)[0] for letter in name]
    fine = all(letter in IN_NAMES or kind in "LMN" for letter, kind in zip(name, kinds, strict=True))
    return fine and kinds[:1] in (["L"], ["N"]) and len(name) <= LONGEST_KEY


def _is_shown(text: str) -> bool:
    """Whether a page shows every character of it. What joins letters into others, as some scripts need it, is fine."""
    return all(letter.isprintable() or letter in "\t\u200c\u200d\u00a0" for letter in text)


def _end_of(refused: ProtocolRefused) -> str:
    """The fault without the name of a file."""
    return str(refused).partition(" is no protocol: ")[2]
