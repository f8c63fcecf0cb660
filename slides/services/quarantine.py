"""Slides in quarantine: an administrator looks at what is unknown, and lets one out with a reason.

The check then goes on where it stopped. What is shown is the copy without the unknown keys; of a format that cannot be
rewritten it is the original file, and the slide says so for as long as it is there.
"""

from django.db import transaction

from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from slides.files import strip_invisible
from slides.models import Slide, Upload
from slides.services.cases import lock_case, mark_changed
from slides.services.uploads import CHECK, Step

SHORTEST_REASON = 5
LONGEST_REASON = 300


def list_quarantined(user):
    """Slides in quarantine that the user may see, the oldest first."""
    rows = Slide.objects.visible_to(user).filter(state=Slide.State.QUARANTINE)
    return rows.select_related("case__team").order_by("created", "pk")


def release_slide(by, slide: Slide, reason: str) -> Slide:
    """Let the slide out. The reason stays with the slide, where erasing it finds it; the audit says who and when."""
    reason = strip_invisible(reason)
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise Refused(f"Say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters.", "reason")
    with transaction.atomic():
        lock_case(slide.case_id)
        slide = Slide.objects.select_related("case__team").get(pk=slide.pk)
        if slide.state != Slide.State.QUARANTINE:
            raise Refused("This slide is not in quarantine.", "not_waiting")
        slide.state, slide.reason = Slide.State.CHECKING, ""
        slide.released_by, slide.released_reason, slide.decoder_died = by, reason, []
        slide.job = core.enqueue(CHECK, slide.pk, team=slide.case.team, created_by=by)
        slide.save(update_fields=["state", "reason", "released_by", "released_reason", "decoder_died", "job"])
        on_hold = Upload.objects.filter(slide=slide, state=Upload.State.WAITING)
        on_hold.update(state=Upload.State.CHECKING, step=Step.DEIDENTIFIED, reason="", job=slide.job)
        what = "as the original file" if slide.is_original else "without the unknown keys"
        audit.record_change(by, slide.case.team, "slide.release", f"slide {slide.pk}", f"Let out of quarantine {what}")
        mark_changed(slide.case)
    return slide
