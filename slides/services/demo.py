"""The demo case: real slides, taken in by the same way as anyone's."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from mitoweb.lib.jobs.child import run_queued
from mitoweb.people import audit
from mitoweb.people.models import AuditEntry, Team, User
from slides.demo import teaching_sheet
from slides.demo.builder import DemoSlide, build_demo_slides, fetch_cmu, teaching_sheet_slide
from slides.models import Case, Slide, Upload
from slides.services import uploads

TEAM, TECHNICIAN, ACCESSION = "Demo", "tech", "DEMO-1"
READERS = ["reader1", "reader2", "reader3"]
ACTION = "demo.slide"
CHECK_WITHIN_S = 300
FRAMES_BETWEEN = 16  # from one line of progress to the next
NOTE = "Slides to try MitoWeb with. The lines under each say what it is and how many mitoses are labelled on it."

Say = Callable[[str], None]


def load_demo_case(say: Say) -> Case:
    """Make the demo case and bring the slides that were never brought; what cannot be had is said and left out."""
    case = get_demo_case()
    # Rows of an earlier run that was killed in the middle; one that is ready is no more than a line of the list.
    names = [teaching_sheet.SHEET.name, *(path.name for path in _demo_folder().glob("*.*"))]
    left = Q(name__in=names) | Q(state=Upload.State.READY)
    for upload in Upload.objects.filter(left, case=case, user=case.created_by):
        uploads.cancel_upload(case.created_by, upload)
    sent = [(slide, send_slide(case, place, slide)) for place, slide in list_missing_slides(case, say)]
    if sent:
        say(f"Checking {len(sent)} slide{'s' if len(sent) > 1 else ''} …")
    run_queued("ingest", worker="load_demo")  # a worker does some of it meanwhile: whoever claims a check first
    for number, (slide, upload) in enumerate(sent, 1):
        place = f"{number} of {len(sent)}, {slide.label}"
        try:
            settle_slide(case, slide, upload)
            say(f"{place}: ready")
        except DemoTrouble as trouble:
            say(f"{place}: {trouble}")
    return case


class DemoTrouble(Exception):
    """A slide of the demo did not come in; the text says why."""


def get_demo_case() -> Case:
    with transaction.atomic():
        team = Team.objects.get(name=TEAM)
        values = {
            "tumour_type": "Breast, invasive carcinoma",
            "organ": "breast",
            "note": NOTE,
            "created_by": User.objects.get(username=TECHNICIAN),
        }
        case, is_new = Case.objects.get_or_create(team=team, accession=ACCESSION, defaults=values)
        if is_new:
            case.readers.set(User.objects.filter(username__in=READERS))
            audit.record_change(case.created_by, team, "case.create", f"case {case.pk}", "Case made")
    return case


def list_missing_slides(case: Case, say: Say) -> Iterator[tuple[str, DemoSlide]]:
    """(place in the case, slide) of those not brought yet. The sheet comes first: it is there at once."""
    folder = _demo_folder()
    folder.mkdir(parents=True, exist_ok=True)

    def joining(name: str, done: int, total: int) -> None:
        if done == total or done % FRAMES_BETWEEN == 0:
            say(f"Joining slide {name}: {done} of {total} frames")

    brought = set(AuditEntry.objects.filter(action=ACTION, team=case.team).values_list("subject", flat=True))
    if _audit_subject("teaching_sheet") not in brought:
        yield "B1", teaching_sheet_slide()
    if Path(settings.DATA_DIR).is_dir():
        for number, slide in enumerate(build_demo_slides(Path(settings.DATA_DIR), folder, joining), 1):
            if _audit_subject(slide.name) not in brought:
                yield f"A{number}", slide
    else:
        say("The folder of real data (MITOWEB_DATA) is not here: the demo shows the teaching sheet first.")
    if _audit_subject("cmu_small_region") not in brought:
        say("Fetching the CMU slide …")
        slide = fetch_cmu(folder)
        if slide is None:
            say("CMU-1 small region: could not be fetched; the rest works without it, the next start tries again.")
        else:
            yield "C1", slide


def send_slide(case: Case, place: str, demo: DemoSlide) -> Upload:
    """Upload one slide, which queues its check."""
    name = demo.label.partition(": ")[0]
    request = uploads.UploadRequest(demo.path.name, demo.path.stat().st_size, f"{place} {name}")
    return uploads.send_file(case.created_by, case, demo.path, request)


def settle_slide(case: Case, demo: DemoSlide, upload: Upload) -> Slide:
    """Wait for the check and say what the slide is; DemoTrouble with the sentence when it is not taken."""
    notes = [note for note in (demo.label.partition(": ")[2].capitalize(), demo.note) if note]
    deadline = time.monotonic() + CHECK_WITHIN_S
    while time.monotonic() < deadline:
        upload.refresh_from_db()
        if upload.state != Upload.State.CHECKING or upload.step == uploads.Step.STOPPED:
            break
        time.sleep(0.3)
    if upload.state != Upload.State.READY and upload.step != uploads.Step.DUPLICATE:
        raise DemoTrouble(upload.reason or "it was not checked in time")
    with transaction.atomic():
        slide = upload.found
        if slide is None:
            raise DemoTrouble("it was deleted while it was checked")
        slide.kind = Slide.Kind.TISSUE if demo.is_tissue else Slide.Kind.SHEET
        slide.hints = [*slide.hints, *(note for note in notes if note not in slide.hints)]
        slide.save(update_fields=["kind", "hints"])
        audit.record_change(None, case.team, ACTION, _audit_subject(demo.name), "Demo slide brought")
    uploads.cancel_upload(case.created_by, upload)  # puts the finished row away
    return slide


def _demo_folder() -> Path:
    return Path(settings.VAR_DIR) / "demo"


def _audit_subject(name: str) -> str:
    return f"demo {name}"
