"""What the list of jobs says about this app's. Registered when the app is loaded."""

import uuid

from mitoweb.site.jobs.kinds import JobKind, Look, Subject, kinds
from slides.models import Slide, Upload
from slides.services.erase import ERASE
from slides.services.uploads import CHECK


def register_job_kinds() -> None:
    outcomes = {
        "refused": Look("Refused", "file-x", "bad"),
        "quarantine": Look("Waits for an administrator", "shield", "warn"),
        "duplicate": Look("Already here", "copy"),
    }
    kinds[CHECK] = JobKind("Check of a slide", find_subjects, doing="Checking", outcomes=outcomes)
    kinds[ERASE] = JobKind("Removing of deleted files")
    kinds["uploads.sweep"] = JobKind("Tidying of uploads")


def find_subjects(ids: set[uuid.UUID]) -> dict[uuid.UUID, Subject]:
    slides = Slide.objects.filter(pk__in=ids).select_related("case")
    uploads = Upload.objects.filter(pk__in=ids).select_related("case")
    return {row.pk: Subject(f"{row.case} {row.label}", f"/cases/{row.case_id}/") for row in [*slides, *uploads]}
