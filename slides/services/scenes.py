"""Further pictures of a file. A slide shows one; each of the others can become a slide of its own, with its own copy.

add_scene ──▶ slide in "checking", without files ──▶ its check copies them from a slide of the same file
"""

import shutil
from collections.abc import Iterator
from uuid import uuid4

from django.db import transaction

from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from slides import files
from slides.models import Slide
from slides.services import quota, working_copy
from slides.services.cases import lock_case, mark_changed
from slides.services.slides import free_label
from slides.services.uploads import CHECK
from slides.wsi.errors import SlideRefused

OF_THE_FILE = ("kind", "files", "sha256", "bytes", "privacy", "released_by", "released_reason", "format")
LONGEST_STEM = 42
GONE = "The slide that held this file was deleted meanwhile. Upload the file again."


def list_missing(slide: Slide) -> Iterator[tuple[int, int, int]]:
    """(number, width, height) of the pictures of its file that no slide of the case shows. Numbers begin at 0."""
    shown = set(_same_file(slide).values_list("scene", flat=True)) if len(slide.scenes) > 1 else set()
    for number, (width, height) in enumerate(slide.scenes):
        if number not in shown:
            yield number, width, height


@transaction.atomic
def add_scene(by, slide: Slide, number: int) -> Slide:
    """Another picture of the slide's file as a slide of the same case, to be checked. number: from 0."""
    case = lock_case(slide.case_id)
    slide = Slide.objects.select_related("case__team").get(pk=slide.pk)
    if slide.state != Slide.State.READY:
        raise Refused("Its file has to be checked first.", "slide_not_ready")
    if not 0 <= number < len(slide.scenes):
        raise Refused(f"Its file has {max(1, len(slide.scenes))} pictures; there is no number {number + 1}.", "number")
    if number not in {missing for missing, _, _ in list_missing(slide)}:
        raise Refused("This picture of the file is a slide of the case already.", "scene_shown")
    quota.reserve_space(case.team_id, slide.bytes)
    further = Slide(case=case, scene=number, folder=str(uuid4()), created_by=by, state=Slide.State.CHECKING)
    for name in OF_THE_FILE:
        setattr(further, name, getattr(slide, name))
    further.label = free_label(case, f"{slide.label[:LONGEST_STEM]} picture {number + 1}")
    further.job = core.enqueue(CHECK, further.pk, team=case.team, created_by=by)
    further.save()
    audit.record_change(by, case.team, "slide.scene", f"slide {further.pk}", f"Picture {number + 1} of a file added")
    mark_changed(case)
    return further


def lacks_files(slide: Slide) -> bool:
    """Whether it was added from another slide's file and has no copy of it yet."""
    return slide.scene > 0 and not files.slide_folder(slide).exists()


def find_source(slide: Slide) -> Slide:
    """A slide of the same file that has it. SlideRefused where there is none any more."""
    source = _same_file(slide).filter(state=Slide.State.READY).exclude(pk=slide.pk).first()
    if source is None:
        raise SlideRefused(GONE, "parts")
    return source


def copy_files(source: Slide, slide: Slide) -> None:
    """Write its own copy of the file beside its place. No second name of one file: erasing a slide empties its files.

    SlideRefused where the source was erased meanwhile, JobFailed where the disk has no room.
    """
    working_copy.refuse_without_room(slide)
    making = files.work_folder(slide, files.MAKING)
    files.remove_tree(making)
    try:
        for name, path in zip(slide.files, files.slide_paths(source), strict=True):
            target = making / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(path.stat().st_mode & 0o777)
    except FileNotFoundError:
        raise SlideRefused(GONE, "parts") from None
    files.sync_folder(making)


def put_copy_in_place(source: Slide, slide: Slide) -> None:
    """Make the copy count. SlideRefused where the source was erased while it was copied: rows go before bytes."""
    if not Slide.objects.filter(pk=source.pk, state=Slide.State.READY).exists():
        raise SlideRefused(GONE, "parts")
    files.move_folder(files.work_folder(slide, files.MAKING), files.slide_folder(slide))


def forget_unchecked(job) -> None:
    """The check of an added picture broke off: no upload waits for a second try, so the picture is offered again."""
    slide = Slide.objects.filter(job=job, state=Slide.State.CHECKING, scene__gt=0, uploads=None).first()
    if slide is None:
        return
    with transaction.atomic():
        lock_case(slide.case_id)
        Slide.objects.filter(pk=slide.pk, state=Slide.State.CHECKING).delete()
    files.remove_folder(slide.folder)


def _same_file(slide: Slide):
    """Slides of the case that show a picture of the same file."""
    same = Slide.objects.filter(case_id=slide.case_id, sha256=slide.sha256).exclude(sha256="")
    return same.exclude(state=Slide.State.REFUSED)
