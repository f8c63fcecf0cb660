"""What rows and files disagree on, and how it can be mended.

A crash leaves none of this (see `sweep`): it comes from disks, from people with a shell, and from parts of an
installation that were brought back without the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.db import transaction

from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides import files
from slides.models import Erasure, Slide, Upload
from slides.services import derived_files, erase, sweep, uploads
from slides.services.cases import lock_case

LOST = "The server lost what had arrived; send the file again."


@dataclass(frozen=True)
class Finding:
    """One disagreement in a sentence. mend: what puts it right, None where only a person or a backup can."""

    sentence: str
    mend: Callable[[], object] | None = None


def find_disagreements() -> Iterator[Finding]:
    """All that rows and files of slides disagree on. Reads names and sizes, not contents."""
    for slide in Slide.objects.exclude(folder="").select_related("case__team", "job").iterator():
        yield from _check_slide(slide)
    for upload in Upload.objects.filter(state=Upload.State.UPLOADING).iterator():
        if uploads.offset_of(upload) is None:
            yield Finding(f"Upload {upload.pk}: what had arrived is gone.", partial(_end_upload, upload))
    for path in sweep.list_strays():
        yield Finding(f"{path} belongs to no row.", partial(sweep.remove_stray, path))
    for erasure in Erasure.objects.iterator():
        if not _has_live_job(erase.ERASE, erasure.pk):
            yield Finding(f"Erasure {erasure.pk} did not come to its end.", erase.requeue_erasures)


def _check_slide(slide: Slide) -> Iterator[Finding]:
    if slide.state == Slide.State.CHECKING:
        if not _has_live_job(uploads.CHECK, slide.pk) and not _stopped(slide):
            yield Finding(f"Slide {slide.pk} is being checked, but no job does it.", partial(_check_anew, slide))
        return
    missing = [path.name for path in files.slide_paths(slide) if not _holds_bytes(path)]
    if missing:
        yield Finding(f"Slide {slide.pk}: {', '.join(missing)} is missing or empty; a backup may have it.")
        return
    if not _holds_bytes(files.thumbnail_path(slide)):
        yield Finding(f"Slide {slide.pk} has no overview.", partial(_make_derived, slide))
    elif slide.has_made_levels and not _holds_bytes(files.levels_path(slide)):
        yield Finding(f"Slide {slide.pk} lacks the levels that were made for it.", partial(_make_derived, slide))
    sealed = files.sealed_folder(slide)
    if any(not _holds_bytes(sealed / name) for name in slide.sealed_files):
        yield Finding(f"Slide {slide.pk}: its sealed original is gone.", partial(_note_unsealed, slide))


def _holds_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _has_live_job(kind: str, object_id) -> bool:
    live = [Job.State.QUEUED, Job.State.RUNNING]
    return Job.objects.filter(kind=kind, object_id=object_id, state__in=live).exists()


def _stopped(slide: Slide) -> bool:
    """A check that broke off waits for a person, who is told so."""
    return slide.uploads.filter(step=uploads.Step.STOPPED).exists()


def _check_anew(slide: Slide) -> None:
    with transaction.atomic():
        slide.job = core.enqueue(uploads.CHECK, slide.pk, team=slide.case.team)
        slide.save(update_fields=["job"])
        slide.uploads.update(job=slide.job)


def _make_derived(slide: Slide) -> None:
    paths = files.slide_paths(slide)
    made = derived_files.write_levels(slide, paths, lambda done, total: None) if slide.has_made_levels else None
    derived_files.write_index_and_overview(slide, paths, made)


def _note_unsealed(slide: Slide) -> None:
    with transaction.atomic():
        lock_case(slide.case_id)
        Slide.objects.filter(pk=slide.pk).update(sealed_files=[], sealed_until=None)
        text = "Sealed original noted as lost"
        audit.record_change(None, slide.case.team, "slide.unseal", f"slide {slide.pk}", text)


def _end_upload(upload: Upload) -> None:
    still_open = Upload.objects.filter(pk=upload.pk, state=Upload.State.UPLOADING)
    uploads.end_uploads(still_open, state=Upload.State.CANCELLED, step=uploads.Step.EXPIRED, reason=LOST)
