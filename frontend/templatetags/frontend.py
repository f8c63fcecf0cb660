"""{% icon %}, {% mark %}, {% nav_item %}, {% avatar %}, {% count_ruler %}: the parts that templates repeat."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

ICONS_FILE = Path(__file__).resolve().parent.parent / "static" / "frontend" / "icons" / "icons.txt"
MARKS = ("open", "yes", "no", "unsure", "below", "added", "differ")


@cache
def icon_names() -> frozenset[str]:
    return frozenset(ICONS_FILE.read_text(encoding="utf-8").split())


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """A Lucide icon from the sprite. Decorative unless `label` names it."""
    if name not in icon_names():
        raise template.TemplateSyntaxError(f"No icon {name!r} in the sprite: add it to icons.txt and build the sprite.")
    return _use(name, f"icon {css}".strip(), label)


@register.simple_tag
def mark(name: str, css: str = "", label: str = "") -> SafeString:
    """A mark of the slide as an icon: open, yes, no, unsure, below, added, differ."""
    if name not in MARKS:
        raise template.TemplateSyntaxError(f"No mark {name!r}: one of {', '.join(MARKS)}.")
    return _use(f"mark-{name}", f"mark mark-{name} {css}".strip(), label)


@register.simple_tag
def brand_mark() -> SafeString:
    return _use("brand", "brand-mark", "")


def _use(symbol: str, css: str, label: str) -> SafeString:
    href = f"{static('frontend/icons/sprite.svg')}#{symbol}"
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>', css, label, href)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', css, href)


@register.simple_tag
def csrf_cookie() -> str:
    """The name of the cookie that scripts copy into their X-CSRFToken header."""
    return settings.CSRF_COOKIE_NAME


@register.inclusion_tag("frontend/parts/nav_item.html", takes_context=True)
def nav_item(
    context: template.Context, href: str, icon_name: str, label: str, count: int | None = None
) -> dict[str, object]:
    """A side bar link; current when the address starts with it, or equals it where it has a query."""
    request = context.get("request")
    return {"href": href, "icon_name": icon_name, "label": label, "count": count, "current": _is_current(request, href)}


def _is_current(request: object, href: str) -> bool:
    if request is None:
        return False
    if "?" in href:
        return request.get_full_path() == href
    if href == "/cases/" and request.path == href:
        return not request.GET.get("show")
    return request.path.startswith(href)


@register.inclusion_tag("frontend/parts/avatar.html")
def avatar(name: str, state: str = "", me: bool = False) -> dict[str, object]:
    """Initials in a ring. `state`: done, reading or none (not begun)."""
    return {"name": name, "initials": initials(name), "state": state, "me": me}


RULER_ENDS = (10, 30, 60, 100, 150, 200, 300, 500, 1000, 2000, 5000, 20_000, 100_000)


@register.inclusion_tag("frontend/parts/count_ruler.html")
def count_ruler(
    dot: int,
    up_to: int,
    low: float | None = None,
    high: float | None = None,
    cutoffs: Sequence[int] = (),
    decided: bool = False,
) -> dict[str, object]:
    """A count on a line from 0: a dot, its 95 % interval where it has one, a bar up to what open calls may add, and a
    line before each of the counts from which the score is another. decided: the box that the dot lies in is marked.
    """
    most = max(up_to, high or 0, *cutoffs)
    end = next((end for end in RULER_ENDS if end >= most), most)

    def at(figures: float) -> float:
        return round(2 + 92 * min(figures, end) / end, 1)  # of a picture 96 wide

    return {
        "dot": at(dot),
        "bar": {"x": at(dot), "width": round(at(up_to) - at(dot), 1)} if up_to > dot else None,
        "interval": {"low": at(low), "high": at(high)} if low is not None and high is not None else None,
        "ticks": [at(end * n / 5) for n in range(6)],
        "end": end,
        "cutoffs": [at(cutoff - 0.5) for cutoff in cutoffs],
        "box": _find_box(dot, cutoffs, end, at) if decided and cutoffs else None,
    }


def _find_box(dot: int, cutoffs: Sequence[int], end: int, at: Callable[[float], float]) -> dict[str, float]:
    """The stretch of the line that has the score of the dot."""
    low = max((cutoff - 0.5 for cutoff in cutoffs if cutoff <= dot), default=0)
    high = min((cutoff - 0.5 for cutoff in cutoffs if cutoff > dot), default=end)
    return {"x": at(low), "width": round(at(high) - at(low), 1)}


def initials(name: str) -> str:
    """Two letters: of first and last word, or the first letter and last digit ("reader1" is R1)."""
    words = name.replace(".", " ").replace("_", " ").replace("-", " ").split()
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    if name and name[-1].isdigit():
        return (name[0] + name[-1]).upper()
    return name[:2].upper()
