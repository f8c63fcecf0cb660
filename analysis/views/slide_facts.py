"""What the viewer's drawer tells of a slide, in words. Nothing here comes from a file's texts but maker and model."""

import datetime

from django.utils import timezone

from slides.models import Slide
from slides.templatetags.slide_words import doubt_answer, file_size
from slides.wsi.doubts import OF_PIXEL_SIZE

NOT_NAMED = "not named in the file"


def list_slide_facts(slide: Slide) -> list[dict]:
    """Sections of facts: [{"title", "facts": [{"term", "text", "note"}]}]."""
    sections = [
        ("Pixel size", _describe_pixel_size(slide)),
        ("Asked about the file", _describe_doubts(slide)),
        ("Scan", _describe_scan(slide)),
        ("File", _describe_file(slide)),
        ("Privacy", _describe_privacy(slide)),
    ]
    return [
        {"title": title, "facts": [dict(zip(("term", "text", "note"), fact, strict=True)) for fact in facts]}
        for title, facts in sections
        if facts
    ]


def _describe_pixel_size(slide: Slide) -> list[tuple[str, str, str]]:
    if slide.mpp is None:
        return [("Size", "unknown", "Nothing per mm² is printed until it has one.")]
    size = f"{slide.mpp_x:.4f}" if slide.mpp_x == slide.mpp_y else f"{slide.mpp_x:.4f} by {slide.mpp_y:.4f}"
    source = slide.get_mpp_source_display()
    return [("Size", f"{size} µm/px", ""), ("Source", source[:1].upper() + source[1:], slide.mpp_note)]


def _describe_doubts(slide: Slide) -> list[tuple[str, str, str]]:
    return [
        (
            "Pixel size" if doubt["code"] in OF_PIXEL_SIZE else "Full resolution",
            doubt["text"],
            doubt_answer(doubt) or "Not answered yet.",
        )
        for doubt in slide.doubts
    ]


def _describe_scan(slide: Slide) -> list[tuple[str, str, str]]:
    objective = f"{slide.objective:g}×" if slide.objective else NOT_NAMED
    facts = [("Scanner", slide.scanner or NOT_NAMED, ""), ("Objective", objective, "")]
    if slide.scenes:
        facts.append(("Picture", f"{slide.scene + 1} of {len(slide.scenes)} in the file", ""))
    return facts


def _describe_file(slide: Slide) -> list[tuple[str, str, str]]:
    in_mm = ""
    if slide.mpp is not None:
        in_mm = f"{slide.width * slide.mpp_x / 1000:.2f} × {slide.height * slide.mpp_y / 1000:.2f} mm"
    made = "with those made here for faster tiles" if slide.has_made_levels else ""
    return [
        ("Format", slide.format or "unknown", ""),
        ("Pixels", f"{_group_thousands(slide.width)} × {_group_thousands(slide.height)} px", in_mm),
        ("Levels", str(len(slide.levels)), made),
        ("File size", file_size(slide.bytes), ""),
        ("Here since", _format_day(slide.created), ""),
    ]


def _describe_privacy(slide: Slide) -> list[tuple[str, str, str]]:
    facts = []
    if slide.privacy:
        removed = [str(word) for word in slide.privacy.get("removed", [])]
        checked = "checked by a second look at the copy" if slide.privacy.get("verified") else "not verified"
        facts.append(("Removed", ", ".join(removed) or "nothing was there", checked))
    if slide.released_reason:
        who = slide.released_by.username if slide.released_by else "an administrator"
        facts.append(("Released", slide.released_reason, f"by {who}"))
    if slide.sealed_files:
        until = _format_day(slide.sealed_until) if slide.sealed_until else "an administrator deletes it"
        facts.append(("Original", f"sealed until {until}", "no reader can open it"))
    elif slide.privacy:
        facts.append(("Original", "deleted", ""))
    return facts


def _format_day(at: datetime.datetime) -> str:
    at = timezone.localtime(at)
    return f"{at.day} {at:%B %Y}"


def _group_thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\u2009")
