"""A frozen dataclass from a TOML file; a key that is unknown, missing or of another type is named in words."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from analysis.lab.errors import ConfigRefused
from analysis.pipeline.strict_tables import TableFault, UnknownKeyFault, check_table

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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigRefused(f"{said}it is no TOML: {error}") from error
    try:
        checked: T = check_table(cls, raw)
    except UnknownKeyFault as fault:
        raise UnknownKey(f"{said}{fault}", fault.key, fault.known) from fault
    except TableFault as fault:
        raise ConfigRefused(f"{said}{fault}") from fault
    return checked
