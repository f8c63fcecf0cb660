"""Changes of protocols: a new version, on and off, the choice for a case, a team's defaults. Each has its line in the
audit; none changes a version, a verdict, or what another case is counted by.
"""

import unicodedata
from typing import Any

from django.db import IntegrityError, transaction

from analysis.models import Analysis, CaseProtocol, ProtocolSwitch, ProtocolVersion, TeamProtocol
from analysis.pipeline.count.protocols import PLAIN, Protocol, load_protocols
from analysis.pipeline.tumour_words import words_of
from analysis.services import protocols, revisions
from analysis.services.protocol_documents import ProtocolFaults, check_document
from analysis.services.protocols import Choice, Version
from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from mitoweb.people.models import Team
from slides.models import Case
from slides.services.cases import lock_case

LONGEST_REASON, LONGEST_TUMOUR = 500, 100
MOST_DEFAULTS = 200  # of a team


# Versions --------------------------------------------------------------------------------------------------------
def add_version(document: object, by, copied_from: Version | None = None) -> Version:
    """Keep a new version of what a document says. It is off until somebody switches it on, unless the document says
    `on = true`. Raises Refused with all that is wrong, and where the version is there already.
    """
    protocol = check_document(document)
    wants_on = isinstance(document, dict) and document.get("on") is True
    _refuse_taken(protocol)
    try:
        with transaction.atomic():
            origin = keep_version(copied_from) if copied_from else None
            row = ProtocolVersion.objects.create(
                name=protocol.name,
                version=protocol.version,
                document=protocol.as_json() | {"on": False},
                copied_from=origin,
                created_by=by,
            )
            text = f"Protocol {row} made" + (f", copied from {origin}" if origin else "")
            audit.record_change(by, None, "protocol.made", _subject_of(row), text)
            if wants_on:
                _write_switch(row, True, "", by)
    except IntegrityError as error:
        if "protocol_version_once" not in str(error):
            raise
        _refuse_taken(protocol)  # another administrator was quicker
        raise
    return _load_version(row)


def _refuse_taken(protocol: Protocol) -> None:
    """Versions of a name rise, and a name is written one way."""
    alike = [each for each in protocols.list_protocols() if _looks_of(each.key[0]) == _looks_of(protocol.name)]
    other = next((each.key[0] for each in alike if each.key[0] != protocol.name), None)
    if other is not None:
        raise ProtocolFaults({"name": f"its name is written {other!r} here"}, protocol.name)
    newest = max((each.key[1] for each in alike), default=0)
    if protocol.version > newest:
        return
    there = (protocol.name, protocol.version) in {each.key for each in alike}
    told = f"There is a version {protocol.version} of {protocol.name} already" if there else "Versions rise"
    raise VersionTaken(f"{told}; the next one is {newest + 1}.")


def _looks_of(name: str) -> str:
    """Names that a person takes for the same have the same."""
    return unicodedata.normalize("NFKC", name).casefold()


class VersionTaken(Refused):
    """The number is that of another version, or of one before it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "version_taken")
        self.fields = {"version": sentence}


def keep_version(version: Version) -> ProtocolVersion:
    """The row of a version; a shipped one gets its row with the first thing that refers to it."""
    if version.row is not None:
        return version.row
    name, number = version.key
    document = version.protocol.as_json()
    row, _ = ProtocolVersion.objects.get_or_create(
        name=name, version=number, defaults={"document": document, "shipped": True}
    )
    return row


def switch_version(version: Version, on: bool, reason: str, by) -> Version:
    """Switch it on or off. Cases that have it keep it. The same again changes nothing.

    Raises Refused for the plain square, which everything falls back to, and where a version that was not verified is
    switched on without a reason.
    """
    reason = " ".join(reason.split())
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Refused(f"A reason has at most {LONGEST_REASON} characters, all of which can be shown.", "reason.length")
    if not on and version.key == _fallback_key():
        raise Refused("The plain square is counted in where nothing is chosen, so it stays on.", "stays_on")
    if on and version.needs_reason and not reason:
        raise Refused("A reason is needed: not all numbers of this protocol were verified.", "reason_missing")
    with transaction.atomic():
        # The row of which two administrators switch is held, so that the second sees what the first did.
        row = ProtocolVersion.objects.select_for_update(no_key=True).get(pk=keep_version(version).pk)
        if _load_version(row).on != on:
            _write_switch(row, on, reason, by)
    return _load_version(row)


def _write_switch(row: ProtocolVersion, on: bool, reason: str, by) -> None:
    ProtocolSwitch.objects.create(version=row, on=on, reason=reason, by=by)
    word = "on" if on else "off"
    text = f"Protocol {row} switched {word}" + (f": {reason}" if reason else "")
    audit.record_change(by, None, f"protocol.{word}", _subject_of(row), text)


def _fallback_key() -> protocols.Key:
    plain = load_protocols()[PLAIN]
    return plain.name, plain.version


def _load_version(row: ProtocolVersion) -> Version:
    return protocols.map_versions()[row.name, row.version]


def _subject_of(row: ProtocolVersion) -> str:
    return f"protocol {row.pk}"


# Choices ---------------------------------------------------------------------------------------------------------
def find_offered(name: str, version: int | None) -> Version:
    """The version that is named, or the newest that is on. Raises Refused where there is none, or it is off."""
    known = protocols.map_versions()
    if version is None:
        found = protocols.find_newest(known.values(), name)
        if found is None and any(key[0] == name for key in known):
            raise Refused(f"Every version of {name} is switched off.", "protocol_off")
    else:
        found = known.get((name, version))
    if found is None:
        told = f"There is no protocol {name[:60]!r}" + (f", version {version}" if version is not None else "")
        raise Refused(f"{told}.", "no_protocol")
    return found


def choose_for_case(case: Case, version: Version | None, by) -> Choice:
    """Count the case by a version from now on, or (None) by the team's default again. Verdicts stay as they are.

    Raises Refused for a version that is off, unless the case has it.
    """
    with transaction.atomic():
        case = lock_case(case.pk)
        before = protocols.choice_of(case)
        own = before.version.key if before.chosen == protocols.CASE else None
        if (version.key if version else None) == own:
            return before
        if version is not None and not version.on:
            _refuse_off(version)
        row = keep_version(version) if version else None
        CaseProtocol.objects.create(case=case, version=row, by=by)
        case.version += 1  # who edits the case with an older page open is told
        case.save(update_fields=["version", "changed"])
        text = f"Counted by {row or 'the default again'}, was {before.version}"
        audit.record_change(by, case.team, "case.protocol", f"case {case.pk}", text)
        revisions.ask_for_recount(Analysis.objects.filter(slide__case=case))
    return protocols.choice_of(case)


def set_team_default(team: Team, tumour: str, version: Version, by) -> TeamProtocol:
    """Count the team's cases of a tumour by a version where nobody chose."""
    tumour = " ".join(unicodedata.normalize("NFC", tumour).split())
    words = " ".join(sorted(words_of(tumour)))
    if not words or len(tumour) > LONGEST_TUMOUR or not tumour.isprintable():
        raise Refused(f"A tumour is named by one word or more, of up to {LONGEST_TUMOUR} characters.", "tumour")
    if not version.on:
        _refuse_off(version)
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        defaults = TeamProtocol.objects.filter(team=team)
        if defaults.count() >= MOST_DEFAULTS and not defaults.filter(words=words).exists():
            raise Refused(f"A team has at most {MOST_DEFAULTS} defaults.", "tumours")
        values = {"tumour": tumour, "version": keep_version(version), "by": by}
        row, _ = TeamProtocol.objects.update_or_create(team=team, words=words, defaults=values)
        text = f"Default for {tumour}: {row.version}"
        audit.record_change(by, team, "team.protocol", f"team {team.pk}", text)
    return row


def remove_team_default(default: TeamProtocol, by) -> None:
    with transaction.atomic():
        gone, _ = TeamProtocol.objects.filter(pk=default.pk).delete()
        if gone:
            text = f"No default for {default.tumour} any more, was {default.version}"
            audit.record_change(by, default.team, "team.protocol", f"team {default.team_id}", text)


def list_team_defaults(team: Team) -> list[tuple[TeamProtocol, Version, Any]]:
    """(default, its version as it stands, a newer version that is on or None) of each tumour."""
    rows = list(TeamProtocol.objects.filter(team=team).select_related("version", "by").order_by("tumour"))
    known = protocols.map_versions()
    found = []
    for row in rows:
        version = known[row.version.name, row.version.version]
        newest = protocols.find_newest(known.values(), row.version.name)
        found.append((row, version, newest if newest and newest.key[1] > version.key[1] else None))
    return found


def _refuse_off(version: Version) -> None:
    raise Refused(f"{version} is switched off; an administrator can switch it on.", "protocol_off")
