"""What a slide's file says of itself that a person has to answer: asked at the check, answered here, and asked again.

    check ──▶ asked ──▶ as it is told (`accept_doubts`), or with another pixel size (`services/pixel_size.py`)
                ▲                        │
                └── `ask_again` ◀────────┘

While something is asked no analysis of the slide begins, and counts and exports of those that there are say so.
"""

from django.db import transaction
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from slides.models import Slide
from slides.services.cases import lock_case, mark_changed
from slides.wsi.doubts import BASE_MISSING, OF_PIXEL_SIZE, describe_doubt
from slides.wsi.metadata import SlideInfo

AS_TOLD, OTHER_SIZE = "as_told", "other_size"
SIZE = ("mpp_x", "mpp_y", "mpp_source", "mpp_note")
SHORT = {BASE_MISSING: "full resolution missing"} | dict.fromkeys(OF_PIXEL_SIZE, "pixel size in question")
ANSWERS = {AS_TOLD: "used as the file says", OTHER_SIZE: "answered by another pixel size"}


def ask_anew(slide: Slide, info: SlideInfo, has_measured_size: bool) -> list[dict]:
    """What is asked after a check. An answer stays where the same is found again, and a size that a person measured
    leaves nothing to ask about the file's.
    """
    known = {doubt["code"]: doubt["answer"] for doubt in slide.doubts}
    return [
        {"code": code, "text": describe_doubt(code, info), "answer": known.get(code)}
        for code in info.doubts
        if known.get(code) or not (has_measured_size and code in OF_PIXEL_SIZE)
    ]


@transaction.atomic
def accept_doubts(by, slide: Slide, codes=None) -> Slide:
    """Use the slide as its file says: all that is asked, or what of it has these codes. Refused where nothing is."""
    slide = _lock_slide(slide)
    asked = [doubt for doubt in slide.open_doubts if codes is None or doubt["code"] in codes]
    if not asked:
        raise Refused("Nothing is asked about this slide, or it was answered meanwhile.", "nothing_asked")
    for doubt in asked:
        doubt["answer"] = _answer(by, AS_TOLD)
    _save(by, slide, [], "slide.doubts", f"Used as the file says: {_name_codes(asked)}")
    return slide


@transaction.atomic
def ask_again(by, slide: Slide) -> Slide:
    """Take all answers back, with the pixel size that one of them set. Analyses that exist keep theirs."""
    slide = _lock_slide(slide)
    answered = [doubt for doubt in slide.doubts if doubt["answer"]]
    if not answered:
        raise Refused("There is no answer to take back.", "nothing_asked")
    sizes = [doubt["answer"]["before"] for doubt in answered if doubt["answer"].get("before")]
    for name, value in (sizes[0] if sizes else {}).items():
        setattr(slide, name, value)
    for doubt in answered:
        doubt["answer"] = None
    _save(by, slide, SIZE if sizes else [], "slide.doubts", f"Answer taken back: {_name_codes(answered)}")
    return slide


def answer_by_size(by, slide: Slide) -> None:
    """Another pixel size is about to be set: it answers what is asked about the file's. The caller saves."""
    for doubt in slide.doubts:
        was = doubt["answer"] or {}
        if doubt["code"] in OF_PIXEL_SIZE and was.get("word") != OTHER_SIZE:
            doubt["answer"] = _answer(by, OTHER_SIZE) | {"before": {name: getattr(slide, name) for name in SIZE}}


def refuse_open_doubts(slide: Slide) -> None:
    """Refused while something is asked."""
    if slide.open_doubts:
        raise Refused(f"The slide waits for an answer: {join_doubts(slide.open_doubts)}", "slide_in_doubt")


def join_doubts(doubts: list[dict]) -> str:
    return " ".join(doubt["text"] for doubt in doubts)


def shorten_doubts(doubts: list[dict]) -> str:
    """ "pixel size in question, full resolution missing": for where a sentence has no room."""
    return ", ".join(dict.fromkeys(SHORT[doubt["code"]] for doubt in doubts))


def describe_answer(doubt: dict) -> str:
    """ "used as the file says, by tech"; empty while it is asked."""
    answer = doubt["answer"]
    return f"{ANSWERS[answer['word']]}, by {answer['by']}" if answer else ""


def _answer(by, word: str) -> dict:
    return {"word": word, "by": by.username, "at": timezone.now().isoformat()}


def _lock_slide(slide: Slide) -> Slide:
    """As it is now: two people may answer at once."""
    lock_case(slide.case_id)
    return Slide.objects.select_related("case__team").get(pk=slide.pk)


def _save(by, slide: Slide, more_fields, action: str, text: str) -> None:
    slide.save(update_fields=["doubts", *more_fields])
    audit.record_change(by, slide.case.team, action, f"slide {slide.pk}", text)
    mark_changed(slide.case)


def _name_codes(doubts: list[dict]) -> str:
    return ", ".join(doubt["code"].replace("_", " ") for doubt in doubts)
