"""JSON documents whose list items know the line they stand on, which the standard parser does not tell."""

import json
import re
from pathlib import Path

from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers.tables import read_text


def read_json(path: Path, faults: Faults) -> tuple[dict | None, str]:
    """The document, an object at its top, and its text; (None, "") and a fault where it is not one."""
    text = read_text(path, faults)
    if text is None:
        return None, ""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        faults.error("not_json", f"the JSON breaks off ({getattr(error, 'msg', error)})", "Copy the file again", line)
        return None, ""
    if not isinstance(document, dict):
        faults.error("not_json", "this JSON holds no object", "Hand in a MIDOG JSON or a GeoJSON collection", 1)
        return None, ""
    return document, text


def name_of(item: dict, number: int) -> str:
    """What an item of a list is called: its id, or else its number in the list, counted from 1."""
    told = item.get("id")
    return str(told)[:60] if isinstance(told, int | str) and str(told) else f"number {number}"


def lines_of_items(text: str, key: str) -> list[int | None]:
    """The line on which each item of the list `key` begins; None for all where they share one, which tells nothing. The
    text is valid JSON and the key stands at its top level or at least nowhere earlier.
    """
    opened = re.search(rf'"{re.escape(key)}"\s*:\s*\[\s*', text)
    if opened is None:
        return []
    decoder = json.JSONDecoder()
    lines: list[int | None] = []
    at, counted_to, line = opened.end(), 0, 1
    while text[at] != "]":
        line += text.count("\n", counted_to, at)
        counted_to = at
        lines.append(line)
        _, at = decoder.raw_decode(text, at)
        while text[at] in " \t\r\n,":
            at += 1
    return [None] * len(lines) if len(set(lines)) == 1 < len(lines) else lines
