"""Changes to slides that are there: label, pixel size, and the end of one that kills its decoders."""

import math

from django.db import transaction
from django.db.models import F

from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from slides.files import clean_label
from slides.models import Case, Slide
from slides.services.cases import lock_case, touch
from slides.wsi.metadata import MPP_MAX, MPP_MIN

MOST_DEATHS = 3
UNSAFE = "This slide cannot be read safely: it stopped the program that reads slides {n} times. Export it again."


def free_label(case: Case, wanted: str) -> str:
    """The wanted label, with a number behind it when a slide of the case has it already."""
    taken = set(case.slides.exclude(state=Slide.State.REFUSED).values_list("label", flat=True))
    label, number = wanted, 2
    while label in taken:
        label, number = f"{wanted[:54]} ({number})", number + 1
    return label


def rename(by, slide: Slide, label: str) -> Slide:
    label = clean_label(label)
    if not label:
        raise Refused("A slide needs a label.", "label")
    with transaction.atomic():
        lock_case(slide.case_id)
        slide.label = label
        slide.save(update_fields=["label"])
        audit.record(by, slide.case.team, "slide.rename", f"slide {slide.pk}", "Slide relabelled")
        touch(slide.case)
    return slide


def set_pixel_size(by, slide: Slide, mpp_x: float, mpp_y: float, note: str = "") -> Slide:
    """Set µm per pixel by hand. Results that exist keep the size they were made with."""
    for mpp in (mpp_x, mpp_y):
        if not (math.isfinite(mpp) and MPP_MIN <= mpp <= MPP_MAX):
            raise Refused(f"{mpp:.4g} µm/px is no pixel size of a slide: {MPP_MIN} to {MPP_MAX:g} µm/px.", "mpp")
    with transaction.atomic():
        lock_case(slide.case_id)
        slide.mpp_x, slide.mpp_y, slide.mpp_source = mpp_x, mpp_y, Slide.MppSource.HAND
        slide.mpp_note = f"{note or 'typed in'}, by {by.username}"[:200]
        slide.save(update_fields=["mpp_x", "mpp_y", "mpp_source", "mpp_note"])
        size = f"{mpp_x:.4f}" if mpp_x == mpp_y else f"{mpp_x:.4f} by {mpp_y:.4f}"
        text = f"Pixel size set to {size} µm/px"
        audit.record(by, slide.case.team, "slide.mpp", f"slide {slide.pk}", text)
        touch(slide.case)
    return slide


def pixel_size_from_length(length_um: float, length_px: float) -> float:
    """µm per pixel from something of known length on the slide."""
    if not (math.isfinite(length_um) and math.isfinite(length_px) and length_um > 0 and length_px >= 1):
        raise Refused("Both lengths are numbers above 0, and the line is at least 1 px long.", "length")
    return length_um / length_px


def count_death(slide: Slide, cause: str) -> None:
    """A decoder died on this slide; after the third it is shown no more."""
    with transaction.atomic():
        lock_case(slide.case_id)
        Slide.objects.filter(pk=slide.pk).update(decoder_deaths=F("decoder_deaths") + 1)
        slide = Slide.objects.select_related("case__team").get(pk=slide.pk)
        if slide.decoder_deaths < MOST_DEATHS or slide.state != Slide.State.READY:
            return
        slide.state = Slide.State.REFUSED
        slide.reason = UNSAFE.format(n=slide.decoder_deaths)
        slide.save(update_fields=["state", "reason"])
        text = f"Slide closed: it cannot be read safely ({cause})"
        audit.record(None, slide.case.team, "slide.unsafe", f"slide {slide.pk}", text)
