"""How the list of cases is sorted, grouped and headed."""

import datetime

from django.db.models import F, QuerySet
from django.utils import timezone

from mitoweb.lib.natural_order import natural
from slides.facts import facts
from slides.services.cases import list_unread

SORTS = {
    "due": [F("due").asc(nulls_last=True), "-changed", "pk"],
    "changed": ["-changed", "pk"],
    "accession": [natural("accession"), "pk"],
}
SORT_WORDS = {"due": "due date", "changed": "last change", "accession": "accession"}
TABS = [("", "All"), ("unread", "To read"), ("help", "Needs help"), ("refused", "Refused"), ("empty", "No slides")]
HEADINGS = {"assigned": "Assigned to me", **{show: word for show, word in TABS if show}}


def list_heading(query) -> str:
    return HEADINGS.get(query.get("show", ""), "Cases")


def list_tabs(cases: QuerySet, user, query) -> list[dict]:
    """The segments over the list, each with its number of cases."""
    counts = {
        "": cases,
        "unread": list_unread(cases, user),
        "help": cases.needing_help(),
        "refused": cases.with_refused(),
        "empty": cases.without_slides(),
    }
    return [
        {"show": show, "word": word, "count": counts[show].count(), "current": query.get("show", "") == show}
        for show, word in TABS
    ]


def due_today(cases: QuerySet) -> int:
    return cases.filter(due=timezone.localdate()).count()


def group_cases(cases, user, grouped: bool) -> list[dict]:
    """[{"name", "rows": [{"case", "fact", "due"}]}] in the order of `cases`."""
    of_cases = facts.of_cases(cases, user)
    today = timezone.localdate()
    found: list[dict] = []
    for case in cases:
        name = group_name(case.due, today) if grouped else ""
        if not found or found[-1]["name"] != name:
            found.append({"name": name, "rows": []})
        due = due_word(case.due, today)
        found[-1]["rows"].append({"case": case, "fact": of_cases.get(case.pk, {}), "due": due})
    return found


def group_name(due: datetime.date | None, today: datetime.date) -> str:
    if due is None:
        return "No due date"
    if due < today:
        return "Overdue"
    if due == today:
        return "Due today"
    return "This week" if due <= end_of_week(today) else "Later"


def due_word(due: datetime.date | None, today: datetime.date) -> str:
    """today, tomorrow, a day of this week, or a date."""
    if due is None:
        return ""
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((due - today).days)
    if near:
        return near
    if today < due <= end_of_week(today):
        return f"{due:%a} {due.day}"
    return f"{due.day} {due:%b}" + ("" if due.year == today.year else f" {due.year}")


def end_of_week(today: datetime.date) -> datetime.date:
    return today + datetime.timedelta(days=6 - today.weekday())
