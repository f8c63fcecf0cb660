"""A frozen dataclass from a TOML file; a key that is unknown, missing or of another type is named in words."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from analysis.lab.errors import ConfigRefused
from analysis.pipeline.errors import meant

# pydantic's names of what can be wrong.
UNKNOWN = "unexpected_keyword_argument"
WORDS = {
    "int_type": "whole number", "float_type": "number", "bool_type": "true or false", "string_type": "text",
    "tuple_type": "list", "dict_type": "table", "dataclass_type": "table",
}  # fmt: skip
T = TypeVar("T")


class UnknownKey(ConfigRefused):
    """A key that a configuration does not have, and those that it has."""

    def __init__(self, sentence: str, key: str, known: Sequence[str]) -> None:
        super().__init__(sentence)
        self.key, self.known = key, known


def read_toml(cls: type[T], path: Path, kind: str, absent: dict[str, Any] | None = None) -> T:
    """A frozen dataclass from a TOML file whose keys are its fields; `absent` are values of keys that may lack.

    Nested dataclasses are tables. Raises ConfigRefused with "<file> is no <kind>: ..." naming the key, and the one that
    was probably meant.
    """
    said = f"{path.name} is no {kind}: "
    try:
        raw = (absent or {}) | tomllib.loads(path.read_text(encoding="utf-8"))
        # By way of JSON, whose strict rules are those meant here: a list is a tuple, a whole number a number, no more.
        return TypeAdapter(cls).validate_json(json.dumps(raw, default=str), strict=True, extra="forbid")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigRefused(f"{said}it is no TOML: {error}") from error
    except ValidationError as error:
        # An unknown key before all others: it often is the missing one, misspelt.
        fault = min(error.errors(), key=lambda found: found["type"] != UNKNOWN)
        where = [part for part in fault["loc"] if isinstance(part, str)]
        name = ".".join(where)
        if fault["type"] == UNKNOWN:
            known = _keys_of(cls, where[:-1])
            raise UnknownKey(f"{said}{name} is unknown{meant(where[-1], known)}", where[-1], known) from error
        if fault["type"] == "missing":
            raise ConfigRefused(f"{said}{name} is missing") from error
        if fault["type"] in WORDS:
            what = f"{name} is {fault['input']!r}, which is no {WORDS[fault['type']]}"
            raise ConfigRefused(said + what) from error
        # What the dataclass itself refused.
        raise ConfigRefused(f"{said}{fault['ctx']['error']}") from error


def _keys_of(cls: Any, where: Sequence[str]) -> list[str]:
    """The keys of the table at `where`, or of each table in the list there."""
    for key in where:
        (cls,) = (field.type for field in fields(cls) if field.name == key)
        cls = next(iter(get_args(cls)), cls)
    return [field.name for field in fields(cls)]
