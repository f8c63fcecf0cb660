"""Tables that people write, read strictly: a key that is unknown, missing or of another type is named in words."""

import json
from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

from analysis.pipeline.errors import meant

# pydantic's names of what can be wrong: of a dataclass and of a TypedDict.
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
WORDS = {
    "int_type": "whole number", "float_type": "number", "bool_type": "true or false", "string_type": "text",
    "tuple_type": "list", "list_type": "list", "dict_type": "table", "dataclass_type": "table",
}  # fmt: skip


class TableFault(ValueError):
    """What is wrong with a table, as the end of a sentence."""


class UnknownKeyFault(TableFault):
    """A key that a table does not have, and those that it has."""

    def __init__(self, sentence: str, key: str, known: Sequence[str]) -> None:
        super().__init__(sentence)
        self.key, self.known = key, known


def check_table(kind: Any, raw: dict[str, Any]) -> Any:
    """`raw` as a `kind`, a dataclass or TypedDict whose fields are its keys; nested ones are tables.

    Raises TableFault naming the key, and the one that was probably meant.
    """
    from pydantic import TypeAdapter, ValidationError  # with the first table, not with each start of a process

    try:
        # By way of JSON, whose strict rules are those meant here: a list is a tuple, a whole number a number, no more.
        return TypeAdapter(kind).validate_json(json.dumps(raw, default=str), strict=True, extra="forbid")
    except ValidationError as error:
        # An unknown key before all others: it often is the missing one, misspelt.
        fault: dict[str, Any] = dict(min(error.errors(), key=lambda found: found["type"] not in UNKNOWN))
    where = [part for part in fault["loc"] if isinstance(part, str)]
    name = ".".join(where)
    if fault["type"] in UNKNOWN:
        known = _keys_of(kind, where[:-1])
        raise UnknownKeyFault(f"{name} is unknown{meant(where[-1], known)}", where[-1], known)
    if fault["type"] == "missing":
        raise TableFault(f"{name} is missing")
    if fault["type"] in WORDS:
        raise TableFault(f"{name} is {fault['input']!r}, which is no {WORDS[fault['type']]}")
    # What the dataclass itself refused.
    raise TableFault(str(fault.get("ctx", {}).get("error", f"{name}: {fault['msg']}")))


def _keys_of(kind: Any, where: Sequence[str]) -> list[str]:
    """The keys of the table at `where`, or of each table in the list there."""
    for key in where:
        kind = get_type_hints(kind)[key]
        kind = next(iter(get_args(kind)), kind)
    return list(get_type_hints(kind))
