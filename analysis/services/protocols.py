"""By which protocol a case is counted: the plain square."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analysis.pipeline.count.protocols import PLAIN, Protocol, find_protocol
from slides.models import Case

CASE, TEAM, DEFAULT = "case", "team", "default"


@dataclass(frozen=True)
class Choice:
    """The protocol of a case, and who chose it: CASE, TEAM or DEFAULT. notes: what a reader has to know of that."""

    protocol: Protocol
    chosen: str = DEFAULT
    notes: tuple[str, ...] = ()


def choice_of(case: Case) -> Choice:
    return map_choices([case])[case.pk]


def map_choices(cases: Iterable[Case]) -> dict[Any, Choice]:
    """{case id: its choice}."""
    return {case.pk: Choice(find_protocol(PLAIN)) for case in cases}
