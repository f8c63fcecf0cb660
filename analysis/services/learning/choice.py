"""Which verdicts a data set is made of and by which rule, read strictly: what a person or a program asked for."""

import datetime
import math
from dataclasses import asdict, dataclass
from typing import Any

from analysis.models import Verdict
from mitoweb.lib.errors import Refused

TWO, ONE = "two", "one"
AGREEMENTS = {TWO: "two readers agree", ONE: "one reader is enough, and marked so"}
SOFT, LEFT_OUT = "soft", "left_out"
DISPUTES = {SOFT: "become soft labels", LEFT_OUT: "are left out"}
PURPOSES = tuple(Verdict.Purpose.values)
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2100, 1, 1)
CAP = 0.2  # of all verdicts, the most that one reader may give
LEAST_CAP = 0.05
MOST_NAMES = 200  # teams, tumours, scanners or readers in one choice
LONGEST_NAME = 120


@dataclass(frozen=True)
class Choice:
    """Empty: all. `since` and `until` are the first and the last day of verdicts, by the server's clock. `without` are
    ids of readers whose verdicts are not used. `cap`: the largest share of verdicts that one reader may have."""

    teams: tuple[int, ...] = ()
    since: datetime.date | None = None
    until: datetime.date | None = None
    tumours: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    purposes: tuple[str, ...] = PURPOSES
    without: tuple[int, ...] = ()
    agreement: str = TWO
    disputed: str = SOFT
    cap: float = CAP

    def as_json(self) -> dict[str, Any]:
        days = {name: day.isoformat() if day else None for name, day in (("since", self.since), ("until", self.until))}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()} | days


def read_choice(told: dict[str, Any]) -> Choice:
    """Of plain values as JSON has them. Refused, with the field named, where one cannot be."""
    unknown = told.keys() - Choice.__dataclass_fields__
    if unknown:
        raise _refuse(sorted(unknown)[0], "There is no such filter.")
    since, until = (_read_day(told, name) for name in ("since", "until"))
    if since and until and until < since:
        raise _refuse("until", f"The last day, {until}, lies before the first, {since}.")
    purposes = _read_list(told, "purposes", str, PURPOSES)
    if not purposes or set(purposes) - set(PURPOSES):
        raise _refuse("purposes", f"Purposes are {' and '.join(PURPOSES)}; name one or both.")
    return Choice(
        teams=_read_list(told, "teams", int),
        since=since,
        until=until,
        tumours=_read_list(told, "tumours", str),
        scanners=_read_list(told, "scanners", str),
        purposes=tuple(purpose for purpose in PURPOSES if purpose in purposes),
        without=_read_list(told, "without", int),
        agreement=_read_word(told, "agreement", AGREEMENTS, TWO),
        disputed=_read_word(told, "disputed", DISPUTES, SOFT),
        cap=_read_cap(told.get("cap")),
    )


def _read_list(told: dict, name: str, kind: type, default: tuple = ()) -> tuple:
    value = told.get(name)
    if value is None:
        return default
    words = "whole numbers" if kind is int else "words"
    if not isinstance(value, list | tuple) or any(type(each) is not kind for each in value):
        raise _refuse(name, f"A list of {words} is needed.")
    if len(value) > MOST_NAMES or any(kind is str and len(each) > LONGEST_NAME for each in value):
        raise _refuse(name, f"At most {MOST_NAMES} of at most {LONGEST_NAME} characters can be named.")
    if any(kind is int and not 0 <= each < 2**31 for each in value) or any(kind is str and "\0" in e for e in value):
        raise _refuse(name, "There is no such one.")
    return tuple(dict.fromkeys(value))


def _read_day(told: dict, name: str) -> datetime.date | None:
    value = told.get(name)
    if value is None or value == "":
        return None
    try:
        day = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _refuse(name, "A day is needed, as 2026-11-30.") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise _refuse(name, f"No verdict was given then: days are from {FIRST_DAY} to {LAST_DAY}.")
    return day


def _read_word(told: dict, name: str, known: dict[str, str], default: str) -> str:
    value = told.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise _refuse(name, f"This is {' or '.join(known)}.")
    return value


def _read_cap(value: object) -> float:
    if value is None:
        return CAP
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refuse("cap", "A number is needed.")
    if not LEAST_CAP <= value <= 1:
        raise _refuse("cap", f"The cap is a share from {LEAST_CAP} to 1, where 1 is none.")
    return float(value)


def _refuse(name: str, sentence: str) -> Refused:
    refusal = Refused(sentence, "choice")
    refusal.fields = {name: sentence}
    return refusal
