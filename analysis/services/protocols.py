"""Which protocols there are, which are on, and by which one a case is counted.

A case is counted by the protocol that somebody chose for it; else by its team's default for its tumour; else in the
plain square. Choices and defaults name a version, so that no count changes because a newer version was made.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Count
from django.utils import timezone

from analysis.models import CaseProtocol, ProtocolSwitch, ProtocolVersion, TeamProtocol
from analysis.pipeline.count.protocols import PLAIN, Protocol, load_protocols
from analysis.pipeline.count.protocols import protocol_of as build_protocol
from analysis.pipeline.tumour_words import words_of
from mitoweb.lib.natural_order import natural_key
from slides.models import Case

CASE, TEAM, DEFAULT = "case", "team", "default"
Key = tuple[str, int]  # name and version


@dataclass(frozen=True)
class Version:
    """One version as it stands: `protocol.on` says whether cases may be given it. row: none while nothing refers to a
    shipped one. switched: the last time that somebody switched it. outdated: the program has brought another one with
    the same name and number, which is not used.
    """

    protocol: Protocol
    shipped: bool
    row: ProtocolVersion | None = None
    switched: ProtocolSwitch | None = None
    outdated: bool = False

    @property
    def key(self) -> Key:
        return self.protocol.name, self.protocol.version

    @property
    def on(self) -> bool:
        return self.protocol.on

    @property
    def needs_reason(self) -> bool:
        """Whether it came switched off, since what it says was not verified: who switches it on says why."""
        return self.shipped and not (self.row.document if self.row else self.protocol.as_json())["on"]

    def __str__(self) -> str:
        return f"{self.protocol.name}, version {self.protocol.version}"


@dataclass(frozen=True)
class Choice:
    """The protocol of a case. chosen: CASE (by a person, `by` and `at`), TEAM (its default for `tumour`) or DEFAULT.
    notes: what a reader has to know of the choice. newer: a later version of it that is on, which nobody has chosen.
    """

    protocol: Protocol
    chosen: str = DEFAULT
    notes: tuple[str, ...] = ()
    version: Version | None = None
    by: Any = None
    at: datetime | None = None
    tumour: str = ""
    newer: int | None = None


# Versions --------------------------------------------------------------------------------------------------------
def list_protocols() -> list[Version]:
    """Shipped and own versions, those that are off too: the plain square first, then by name, the newest first.

    Two queries, however many there are.
    """
    files = {(each.name, each.version): each for each in load_protocols().values()}
    rows = ProtocolVersion.objects.select_related("created_by", "copied_from")
    last = ProtocolSwitch.objects.order_by("version_id", "-pk").distinct("version_id").select_related("by")
    switches = {switch.version_id: switch for switch in last}
    found = {(row.name, row.version): _describe_row(row, switches.get(row.pk), files) for row in rows}
    found |= {key: Version(protocol, shipped=True) for key, protocol in files.items() if key not in found}
    return sorted(found.values(), key=lambda each: (each.key[0] != PLAIN, natural_key(each.key[0]), -each.key[1]))


def find_version(name: str, version: int) -> Version | None:
    return map_versions().get((name, version))


def map_versions() -> dict[Key, Version]:
    return {version.key: version for version in list_protocols()}


def find_newest(versions: Iterable[Version], name: str) -> Version | None:
    """The newest version of a name that is on."""
    found = [version for version in versions if version.key[0] == name and version.on]
    return max(found, key=lambda version: version.key[1], default=None)


def list_switches(version: Version) -> list[ProtocolSwitch]:
    """When it was switched on or off, by whom, the last first."""
    return list(version.row.switches.select_related("by")) if version.row else []


def _describe_row(row: ProtocolVersion, switch: ProtocolSwitch | None, files: dict[Key, Protocol]) -> Version:
    stored = _read_document(json.dumps(row.document, sort_keys=True), str(row))
    file = files.get((row.name, row.version))
    on = stored.on if switch is None else switch.on
    return Version(replace(stored, on=on), row.shipped, row, switch, outdated=file is not None and file != stored)


@lru_cache(maxsize=512)
def _read_document(text: str, origin: str) -> Protocol:
    return build_protocol(json.loads(text), origin)


# The protocol of a case ------------------------------------------------------------------------------------------
def protocol_of(case: Case) -> Protocol:
    """What the case is counted by."""
    return choice_of(case).protocol


def choice_of(case: Case) -> Choice:
    return map_choices([case])[case.pk]


def choices_of(case: Case) -> tuple[Choice, Choice, list[Version]]:
    """What the case is counted by, what it would be if nobody had chosen, and all that there is, in four queries."""
    own, defaults = _load_chosen([case]).get(case.pk), _load_defaults([case])
    versions = list_protocols()  # last, so that what was chosen is among them
    known = {version.key: version for version in versions}
    default = _find_default(case, defaults, known)
    return (_describe_choice(own, known, CASE) if own else default), default, versions


def map_choices(cases: Iterable[Case]) -> dict[Any, Choice]:
    """{case id: its choice}, in four queries however many cases there are."""
    cases = list(cases)
    own, defaults = _load_chosen(cases), _load_defaults(cases)
    known = map_versions()  # last, so that what was chosen is among them
    return {
        case.pk: _describe_choice(own[case.pk], known, CASE) if case.pk in own else _find_default(case, defaults, known)
        for case in cases
    }


def _load_chosen(cases: list[Case]) -> dict[Any, CaseProtocol]:
    """{case id: the choice in force} of those for which somebody chose."""
    chosen = CaseProtocol.objects.filter(case__in=[case.pk for case in cases])
    rows = chosen.order_by("case_id", "-pk").distinct("case_id").select_related("version", "by")
    return {row.case_id: row for row in rows if row.version_id}


def _load_defaults(cases: list[Case]) -> list[TeamProtocol]:
    rows = TeamProtocol.objects.filter(team__in={case.team_id for case in cases})
    return list(rows.select_related("version", "by"))


def _find_default(case: Case, defaults: list[TeamProtocol], known: dict[Key, Version]) -> Choice:
    """That of the team which names most words of the tumour. One that was switched off is kept by the cases that were
    there then, and is no default of later ones.
    """
    words = words_of(case.tumour_type)
    fitting = [row for row in defaults if row.team_id == case.team_id and set(row.words.split()) <= words]
    fitting.sort(key=lambda row: (-len(row.words.split()), -len(row.words), row.words))
    for row in fitting:
        version = known[row.version.name, row.version.version]
        if version.on or version.switched is None or case.created < version.switched.at:
            return replace(_describe_choice(row, known, TEAM), tumour=row.tumour)
    plain, notes = load_protocols()[PLAIN], ()
    if fitting:
        off = f"{fitting[0].version} is the team's default for {fitting[0].tumour}, but it is switched off"
        notes = (f"{off}: counted in the plain square until a protocol is chosen.",)
    return Choice(plain, notes=notes, version=known[plain.name, plain.version])


def _describe_choice(row: CaseProtocol | TeamProtocol, known: dict[Key, Version], chosen: str) -> Choice:
    """With what to know of a choice that was right when it was made."""
    version, notes = known[row.version.name, row.version.version], []
    newest = find_newest(known.values(), version.key[0])
    newer = newest.key[1] if newest and newest.key[1] > version.key[1] else None
    if not version.on:
        when = f" on {timezone.localtime(version.switched.at):%-d %B %Y}" if version.switched else ""
        notes.append(f"This version was switched off{when}; the case keeps it until another is chosen.")
    if newer:
        notes.append(f"There is a newer version, {newer}; the case keeps version {version.key[1]} until it is chosen.")
    return Choice(version.protocol, chosen, tuple(notes), version, row.by, row.at, newer=newer)


def count_cases(user) -> dict[Key, int]:
    """Of the cases that the user sees, how many have each version by somebody's choice."""
    rows = CaseProtocol.objects.filter(case__in=Case.objects.visible_to(user))
    last = rows.order_by("case_id", "-pk").distinct("case_id").values("pk")
    of = CaseProtocol.objects.filter(pk__in=last, version__isnull=False).order_by()
    counted = of.values_list("version__name", "version__version").annotate(cases=Count("pk"))
    return {(name, number): cases for name, number, cases in counted}
