"""Clauses of a gate's report as rows of its page: figures, the change with its interval, and what is not allowed."""

from dataclasses import dataclass
from typing import Any

from mitoweb.site.jobs.kinds import Look

WIDTH_PX = 130
RATIO, SHARE = "ratio", "share"
# Of these a lower share is the worse one.
LEAST_SHARES = ("candidates",)
RESULTS = {
    "pass": Look("Pass", "circle-check", "yes"),
    "fail": Look("Fail", "circle-x", "bad"),
    "person": Look("A person", "user", "warn"),
    "few": Look("Too few", "minus"),
    "seen": Look("Pass, seen", "circle-check", "yes"),
    "refused": Look("Fail, seen", "circle-x", "bad"),
}


@dataclass(frozen=True)
class Drawing:
    """Where things lie in a row's picture, in px: the change, its interval's ends, the bound, what is not allowed from
    `shade_px` on so wide, and no change."""

    dot_px: float
    low_px: float
    high_px: float
    limit_px: float | None
    shade_px: float
    shade_width_px: float
    same_px: float | None
    is_few: bool


@dataclass(frozen=True)
class Row:
    """A clause on its page. `look`: what somebody said of it, None while nobody did or nobody is asked."""

    code: str
    number: str
    title: str
    sentence: str
    base: str
    candidate: str
    change: str
    interval: str
    bound: str
    result: Look
    drawing: Drawing | None
    asks: bool
    look: Any


def list_rows(report: dict, looks: dict[str, Any]) -> list[Row]:
    """Of a report as JSON; `looks`: the last one at each clause, by its code."""
    rows, numbered = [], set()
    for clause in report["clauses"]:
        number = "" if clause["number"] in numbered else str(clause["number"])
        numbered.add(clause["number"])
        rows.append(_make_row(clause, number, looks.get(clause["code"])))
    return rows


def _make_row(clause: dict, number: str, look: Any) -> Row:
    measured = clause["measured"] or {}
    says = clause["says"]
    if says == "person" and look is not None:
        says = "seen" if look.passes else "refused"
    change, interval = _tell_change(measured) if measured else ("", "")
    return Row(
        code=clause["code"],
        number=number,
        title=clause["title"],
        sentence=clause["sentence"],
        base=_tell(measured.get("base")),
        candidate=_tell(measured.get("candidate")),
        change=change,
        interval=interval,
        bound=clause["bound"],
        result=RESULTS[says],
        drawing=_draw(clause, measured) if measured else None,
        asks=clause["says"] == "person" and look is None,
        look=look,
    )


def _tell(value: float | None) -> str:
    if value is None:
        return ""
    if float(value).is_integer() and abs(value) >= 2:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.3f}"


def _tell_change(measured: dict) -> tuple[str, str]:
    """The change and its interval, in the words of its kind; with a true minus."""
    forms = {RATIO: ("{:.2f} times", "{:.2f} to {:.2f}"), SHARE: ("{:.1%}", "{:.1%} to {:.1%}")}
    one, two = forms.get(measured["kind"], ("{:+.3f}", "{:+.3f} to {:+.3f}"))
    ends = (measured["low"], measured["high"])
    interval = "" if None in ends else two.format(*ends)
    return one.format(measured["change"]).replace("-", "−"), interval.replace("-", "−")


def _draw(clause: dict, measured: dict) -> Drawing:
    """On a scale that holds no change, the bound, and the interval as far as it goes."""
    change, limit, kind = measured["change"], clause["limit"], measured["kind"]
    low = change if measured["low"] is None else measured["low"]
    high = change if measured["high"] is None else measured["high"]
    same = {RATIO: 1.0, SHARE: None}.get(kind, 0.0)
    known = [value for value in (change, low, high, limit, same) if value is not None]
    margin = 0.15 * (max(known) - min(known)) or 0.05
    begin, end = min(known) - margin, max(known) + margin

    def place(value: float) -> float:
        return round(WIDTH_PX * (value - begin) / (end - begin), 1)

    is_few = clause["says"] == "few"
    shade_px, shade_width_px = 0.0, 0.0
    if limit is not None and not is_few:
        is_least = clause["code"] in LEAST_SHARES if kind == SHARE else limit < (same or 0.0)
        shade_px = 0.0 if is_least else place(limit)
        shade_width_px = place(limit) if is_least else WIDTH_PX - place(limit)
    return Drawing(
        dot_px=place(change),
        low_px=place(low),
        high_px=place(high),
        limit_px=None if limit is None or is_few else place(limit),
        shade_px=shade_px,
        shade_width_px=round(shade_width_px, 1),
        same_px=None if same is None else place(same),
        is_few=is_few,
    )
