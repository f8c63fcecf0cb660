"""Changes to slides that are there: the label, and the end of one that kills its decoders."""

import re
from datetime import timedelta
from itertools import count

from django.db import transaction
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from slides.files import clean_label
from slides.models import Case, Slide, Upload
from slides.services.cases import lock_case, mark_changed

MOST_DEATHS = 3
DEATHS_COUNT_FOR = timedelta(hours=24)
NUMBERED = re.compile(r"Slide (\d{1,9})")
UNSAFE = (
    "This slide cannot be read safely: it stopped the program that reads slides {n} times within a day. Export it "
    "again, or ask an administrator."
)


def numbered_label(case: Case) -> str:
    """A label that tells nothing of the file, "Slide 3", with the lowest number that nothing in the case has.

    What was refused or given up holds none, so that the file which is sent again gets the number of the first try.
    """
    on_their_way = case.uploads.exclude(state__in=[Upload.State.REFUSED, Upload.State.CANCELLED])
    labels = [*case.slides.kept().values_list("label", flat=True), *on_their_way.values_list("label", flat=True)]
    taken = {int(found[1]) for found in map(NUMBERED.fullmatch, labels) if found}
    return f"Slide {next(number for number in count(1) if number not in taken)}"


def free_label(case: Case, wanted: str) -> str:
    """The wanted label, with a number behind it when a slide of the case has it already."""
    taken = set(case.slides.exclude(state=Slide.State.REFUSED).values_list("label", flat=True))
    label, number = wanted, 2
    while label in taken:
        label, number = f"{wanted[:54]} ({number})", number + 1
    return label


def rename_slide(by, slide: Slide, label: str) -> Slide:
    label = clean_label(label)
    if not label:
        raise Refused("A slide needs a label.", "label")
    with transaction.atomic():
        lock_case(slide.case_id)
        slide.label = label
        slide.save(update_fields=["label"])
        audit.record_change(by, slide.case.team, "slide.rename", f"slide {slide.pk}", "Slide relabelled")
        mark_changed(slide.case)
    return slide


def count_decoder_death(slide: Slide, cause: str) -> None:
    """A decoder died of this slide; after the third within a day nobody sees it until an administrator lets it out.

    Of `slide` the id counts alone: the shortcut of tiles knows no more of its case.
    """
    with transaction.atomic():
        case_id = Slide.objects.filter(pk=slide.pk).values_list("case_id", flat=True).first()
        if case_id is None:
            return  # erased meanwhile
        lock_case(case_id)
        slide = Slide.objects.select_related("case__team").get(pk=slide.pk)
        now = timezone.now()
        slide.decoder_died = [*(died for died in slide.decoder_died if died > now - DEATHS_COUNT_FOR), now]
        slide.save(update_fields=["decoder_died"])
        if slide.decoder_deaths < MOST_DEATHS or slide.state != Slide.State.READY:
            return
        slide.state = Slide.State.QUARANTINE
        slide.reason = UNSAFE.format(n=slide.decoder_deaths)
        slide.save(update_fields=["state", "reason"])
        text = f"Slide closed: it cannot be read safely ({cause})"
        audit.record_change(None, slide.case.team, "slide.unsafe", f"slide {slide.pk}", text)
