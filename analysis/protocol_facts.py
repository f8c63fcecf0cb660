"""What the pages of cases and teams say and offer of protocols. Registered when this app is loaded."""

import re

from django.urls import reverse
from django.utils import timezone

from analysis.pipeline.count.protocols import Protocol, describe_shape, list_ranges
from analysis.services import protocol_changes, protocols
from analysis.services.protocols import CASE, TEAM, Choice, Version
from mitoweb.lib.errors import Refused
from mitoweb.people import team_parts
from mitoweb.people.rights import may
from slides.facts import facts


def register_protocols() -> None:
    facts.protocol = describe_for_case
    facts.protocols = list_for_form
    facts.choose_protocol = choose_for_case
    team_parts.PARTS.append(describe_for_team)


def describe_for_case(case, user) -> dict:
    choice, default, versions = protocols.choices_of(case)
    return _list_offered(choice, default, versions) | {
        "title": choice.protocol.title,
        "version": choice.protocol.version,
        "url": reverse("protocol", args=choice.version.key),
        "on": choice.version.on,
        "window": describe_window(choice.protocol),
        "boxes": list_boxes(choice.protocol),
        "chosen": _describe_who(choice),
        "notes": choice.notes,
        "change_url": reverse("case-protocol", args=[case.pk]) if may(user, "protocol.choose", case.team_id) else "",
    }


def list_for_form(case=None) -> dict:
    """What a case may be counted by: its default first, then what is on, and what it has."""
    if case is not None:
        return _list_offered(*protocols.choices_of(case))
    words = "The team's default for the tumour, else the plain square"
    offered = [(_value_of(each), _describe_option(each)) for each in protocols.list_protocols() if each.on]
    return {"offered": [("", words), *offered], "value": ""}


def _list_offered(choice: Choice, default: Choice, versions: list[Version]) -> dict:
    whose = f"Default for {default.tumour}" if default.chosen == TEAM else "Default"
    own = choice.version.key if choice.chosen == CASE else None
    offered = [(_value_of(each), _describe_option(each)) for each in versions if each.on or each.key == own]
    value = _value_of(choice.version) if own else ""
    return {"offered": [("", f"{whose}: {default.protocol.title}"), *offered], "value": value}


def choose_for_case(by, case, value: str) -> None:
    """What a form of a case says; "" is the default. Raises Refused."""
    protocol_changes.choose_for_case(case, find_chosen(value), by)


def find_chosen(value: str) -> Version | None:
    """The version of an option. Raises Refused for what is none."""
    if not value:
        return None
    name, _, number = value.rpartition(":")
    if not number.isdecimal() or len(number) > 9:
        raise Refused("There is no such protocol.", "no_protocol")
    return protocol_changes.find_offered(name, int(number))


def describe_for_team(user, team) -> dict:
    rows = [
        {"default": default, "version": version, "newer": newer, "value": newer and _value_of(newer)}
        for default, version, newer in protocol_changes.list_team_defaults(team)
    ]
    offered = [(_value_of(each), _describe_option(each)) for each in protocols.list_protocols() if each.on]
    manages = may(user, "protocol.default", team)
    return {"template": "analysis/_team_protocols.html", "rows": rows, "offered": offered, "manages": manages}


def describe_window(protocol: Protocol) -> str:
    return f"{describe_shape(protocol.shape)}, {protocol.shape.area_mm2:.4g} mm²"


def list_boxes(protocol: Protocol) -> list[dict]:
    """Scores with their counts; a score that is named by its counts ("0-6", "7 or more") has no others beside it."""
    ranges = list_ranges(protocol.cutoffs)
    return [{"score": score, "counts": "" if _names(score, counts) else counts} for score, counts in ranges]


def _names(score: str, counts: str) -> bool:
    words = re.sub(r"(\d+) or more", r"at least \1", re.sub(r"\s*[-–]\s*", " to ", score))
    return re.sub(r"more than (\d+)", lambda number: f"at least {int(number[1]) + 1}", words) == counts


def describe_state(version: Version) -> dict:
    """Whether it is on: word, icon, tone and a fact."""
    switched = version.switched
    fact = f"since {timezone.localtime(switched.at):%-d %b %Y}, {switched.by}" if switched else ""
    if version.on:
        return {"word": "On", "icon": "circle-check", "tone": "yes", "fact": fact}
    if not fact:
        fact = "not all numbers verified" if version.needs_reason else "not switched on yet"
    return {"word": "Off", "icon": "circle", "tone": "", "fact": fact}


def _describe_who(choice: Choice) -> str:
    if choice.chosen == CASE:
        return f"Chosen for this case by {choice.by}"
    return f"The team's default for {choice.tumour}" if choice.chosen == TEAM else "Nobody chose another"


def _describe_option(version: Version) -> str:
    off = "" if version.on else " (switched off)"
    return f"{version.protocol.title}, version {version.protocol.version}{off}"


def _value_of(version: Version) -> str:
    name, number = version.key
    return f"{name}:{number}"
