"""Erase a case or a slide so that nothing of it is left but ids in the audit.

First one transaction deletes the rows, asks running jobs to stop and notes which files go; from its commit on nobody
sees anything of it. Then the job `slides.erase` waits for those jobs and removes the files. The sweeper starts it again
for as long as the note is there, so that a kill at any point only delays the end.
"""

import time
import uuid
from collections.abc import Iterable

from django.db import connection, transaction

from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit
from slides import files
from slides.facts import facts
from slides.files import tile_cache
from slides.models import Case, Erasure, Slide, Upload
from slides.services.cases import lock_case, mark_changed

ERASE = "slides.erase"
LOOK_EVERY_S = 0.5


def describe_erasure(slides: Iterable[Slide], uploads: Iterable[Upload]) -> list[str]:
    """In words, for the question whether it shall: "3 slides (1.2 GB)", "2 analyses", "1 upload on its way"."""
    slides = list(slides)
    on_the_way = sum(upload.state == Upload.State.UPLOADING for upload in uploads)
    size = sum(slide.bytes for slide in slides) / 1e9
    words = [f"{_count_words(len(slides), 'slide')} ({size:,.1f} GB)"] if slides else []
    words += facts.made_of(slides)
    return words + ([f"{_count_words(on_the_way, 'upload')} on the way"] if on_the_way else [])


def erase_case(by, case: Case) -> None:
    """The case with all that belongs to it. Case.DoesNotExist when somebody else was first."""
    with transaction.atomic():
        _stop_jobs(by, _find_jobs(list(case.slides.all())))
        case = lock_case(case.pk)
        slides, uploads = list(case.slides.all()), list(case.uploads.all())
        _create_erasure(slides, uploads)
        _delete_rows(case, slides, uploads)
        text = f"Case erased with {_count_words(len(slides), 'slide')}"
        audit.record_change(by, case.team, "case.erase", f"case {case.pk}", text)
        case.delete()


def erase_slide(by, slide: Slide) -> None:
    """The slide with all that was made from it. Slide.DoesNotExist when somebody else was first."""
    with transaction.atomic():
        _stop_jobs(by, _find_jobs([slide]))
        case = lock_case(slide.case_id)
        slide = case.slides.get(pk=slide.pk)
        uploads = list(slide.uploads.all())
        _create_erasure([slide], uploads)
        _delete_rows(case, [slide], uploads)
        audit.record_change(by, case.team, "slide.erase", f"slide {slide.pk}", "Slide erased")
        mark_changed(case)


def finish_erasure(run: core.Run) -> None:
    """Wait until nothing writes any more, then remove the files, then the note."""
    erasure = Erasure.objects.filter(pk=run.object_id).first()
    if erasure is None:
        return
    while Job.objects.filter(pk__in=erasure.jobs, state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
        run.beat(0, 1)
        time.sleep(LOOK_EVERY_S)
    for upload in erasure.uploads:
        files.remove_file(files.part_path_of(upload))
    for folder in erasure.folders:
        files.remove_folder(folder)
    for slide in erasure.slides:
        tile_cache.forget_slide(slide)
    run.save(lambda: _delete_erasure(erasure))


def requeue_erasures() -> int:
    """Queue the jobs of erasures that did not come to their end; how many there are."""
    left = list(Erasure.objects.values_list("pk", flat=True))
    for pk in left:
        if not Job.objects.filter(kind=ERASE, object_id=pk, state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
            core.enqueue(ERASE, pk)
    return len(left)


def _find_jobs(slides: list[Slide]) -> list[uuid.UUID]:
    objects = [slide.pk for slide in slides] + facts.worked_on(slides)
    return list(Job.objects.filter(object_id__in=objects).order_by("pk").values_list("pk", flat=True))


def _stop_jobs(by, jobs: list[uuid.UUID]) -> None:
    """Before the case is locked: whoever writes for a job holds the job's row first."""
    for job in Job.objects.filter(pk__in=jobs).order_by("pk"):
        core.cancel(job, by=by)


def _create_erasure(slides: list[Slide], uploads: list[Upload]) -> None:
    folders = {slide.folder for slide in slides if slide.folder} | {files.upload_folder(upload) for upload in uploads}
    erasure = Erasure.objects.create(
        slides=[str(slide.pk) for slide in slides],
        folders=sorted(folders),
        uploads=[str(upload.pk) for upload in uploads],
        jobs=[str(pk) for pk in _find_jobs(slides)],
    )
    core.enqueue(ERASE, erasure.pk)


def _delete_rows(case: Case, slides: list[Slide], uploads: list[Upload]) -> None:
    """What was made from the slides first: the database lets verdicts of this case go only in here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mitoweb.erasing', %s, true)", [str(case.pk)])
        facts.erase(slides)
        cursor.execute("SELECT set_config('mitoweb.erasing', '', true)")
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
    Slide.objects.filter(pk__in=[slide.pk for slide in slides]).delete()


def _delete_erasure(erasure: Erasure) -> None:
    Job.objects.filter(pk__in=erasure.jobs).delete()
    erasure.delete()


def _count_words(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
