"""The check of a slide that has arrived, run by the job `slide.check`:

    hash, duplicate → opened → working copy without data on people → levels that it lacks, index of its tiles → overview

Each step can be done again after a crash with the same end; only the last one makes the slide visible.
"""

import dataclasses
import hashlib
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from mitoweb.lib.jobs import core
from mitoweb.people import audit
from slides import files
from slides.facts import facts
from slides.models import Slide, Upload
from slides.services import derived_files, doubts, quota, scenes, uploads, working_copy
from slides.services.cases import lock_case, mark_changed
from slides.services.duplicates import content_hash
from slides.services.heartbeat import run_with_heartbeat
from slides.services.pixel_size import find_scanner_default
from slides.services.uploads import Step
from slides.wsi.errors import CutShort, SlideRefused
from slides.wsi.metadata import SlideInfo, overview_is_quick
from slides.wsi.native import tile_size_for
from slides.wsi.probe import probe
from slides.wsi.sandbox.one_task import FULL
from slides.wsi.working_copy.api import PIXELS, VALUES

HASH_BYTES = 4 * 2**20
# The bar of the job: how far each step brings it.
ALL, HASHED, OPENED, COPIED, LEVELS = 1000, 250, 300, 550, 850
FACTS = [
    *("format", "width", "height", "levels", "tile_size", "tile_overlap", "has_made_levels", "scanner", "scenes"),
    *("bounds", "mpp_x", "mpp_y", "mpp_source", "mpp_note", "objective", "hints", "doubts", "state", "reason"),
    "decoder_died",
]
NOTHING_KEPT = {"folder": "", "files": [], "sealed_files": [], "sealed_until": None, "privacy": {}, "sha256": ""}
CHANGED = "The file changed on its way: its hash is not the one computed before sending. Upload it again."
DUPLICATE = "The same file is in this case already, as another slide."
TWICE = "Two of the files are the same."
DAMAGED_INSIDE = "A part of the file cannot be decoded; it shows as a gap, and far views take longer."
UNKNOWN = "It holds metadata that no rule knows, so an administrator has to say whether it may be seen."
PIXELS_DIFFER = (
    "The copy without data on people does not show the same picture as the file, so it is not used; an administrator "
    "has to say whether the original may be seen."
)
VALUES_LEFT = (
    "Values that were taken out were found again in the copy without data on people, so it is not used; an "
    "administrator has to say whether the original may be seen."
)
NO_REWRITE = (
    "Data on people cannot be removed from this format for sure, so an administrator has to say whether it may be seen."
)
SHORT = "The server had too little memory or time to check this file, which says nothing about the file."
DISK_FULL = "The server's disk was full, which says nothing about the file."
KEPT = "The file is kept: have it checked again later, and if that ends the same, tell an administrator."
MEASURED_BY_PEOPLE = {Slide.MppSource.HAND, Slide.MppSource.LENGTH, Slide.MppSource.OPTICS}


class Duplicate(Exception):
    def __init__(self, other: Slide) -> None:
        super().__init__(DUPLICATE)
        self.other = other


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What the check found. made: the file of the levels that the slide lacked, None where it lacks none."""

    info: SlideInfo
    made: Path | None


def check_slide(run: core.Run) -> None:
    """Take the slide of this job from "checking" to "ready", "quarantine" or "refused"."""
    slide = Slide.objects.select_related("case__team").filter(pk=run.object_id, state=Slide.State.CHECKING).first()
    if slide is not None:  # else removed meanwhile, or an earlier attempt got to the end
        _decide_on(run, slide)
    _conclude(run)


def _decide_on(run: core.Run, slide: Slide) -> None:
    try:
        found = examine_slide(run, slide)
    except Duplicate as duplicate:
        end = partial(refuse_duplicate, slide, duplicate)
    except SlideRefused as refusal:
        end = partial(quarantine_slide if slide.released_reason else refuse_slide, slide, refusal.reason)
    except CutShort as cut:
        raise core.TryAgain(SHORT) from cut
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise core.TryAgain(DISK_FULL) from error
    else:
        end = (
            partial(accept_slide, slide, found) if found else partial(quarantine_slide, slide, quarantine_reason(slide))
        )
    run.save(end)
    tidy_files(slide)


def _conclude(run: core.Run) -> None:
    """What came out, for the list of jobs, where it is no slide to look at. From the rows: a kill may lie between."""
    slide = Slide.objects.filter(pk=run.object_id).first()
    if slide is not None and slide.state in {Slide.State.REFUSED, Slide.State.QUARANTINE}:
        run.conclude(slide.state, slide.reason)
    elif slide is None and Upload.objects.filter(job=run.job_id, step=Step.DUPLICATE).exists():
        run.conclude("duplicate", DUPLICATE)


def examine_slide(run: core.Run, slide: Slide) -> CheckResult | None:
    """Every step that is not done yet; None where an administrator has to look. Duplicate, SlideRefused: not taken."""
    if not working_copy.is_made(slide):
        make_copy(run, slide)
    elif scenes.lacks_files(slide):
        run.step("Copying the file")
        source = scenes.find_source(slide)
        run_with_heartbeat(run, HASHED, ALL, lambda: scenes.copy_files(source, slide))
        scenes.put_copy_in_place(source, slide)
    working_copy.put_in_place(slide)
    run.save(lambda: note_copy_in_place(slide))
    if working_copy.needs_release(slide):
        return None
    info = open_slide(run, COPIED, files.slide_paths(slide), slide.scene)
    found = prepare_pictures(run, slide, info)
    run.save(lambda: _open_uploads(slide).update(step=Step.TILED))
    return found


def make_copy(run: core.Run, slide: Slide) -> None:
    """From the files as they were sent to a working copy beside them, and what the file says of itself."""
    run.step("Computing its hash")
    sha256 = hash_files(run, slide, files.slide_paths(slide))
    run.save(lambda: claim_content(slide, sha256))
    limits = quota.archive_limits(slide)
    paths = run_with_heartbeat(run, HASHED, ALL, lambda: working_copy.list_sources(slide, limits))
    run.step("Opening the file")
    info = open_slide(run, HASHED, paths)
    run.save(lambda: _open_uploads(slide).update(step=Step.OPENED))
    run.step("Writing a copy without data on people")
    privacy = run_with_heartbeat(run, OPENED, ALL, lambda: working_copy.write_copy(slide, paths))
    run.save(lambda: Slide.objects.filter(pk=slide.pk).update(privacy=privacy, format=info.format))
    slide.privacy, slide.format = privacy, info.format


def open_slide(run: core.Run, done: int, paths: list[Path], scene: int = 0) -> SlideInfo:
    return run_with_heartbeat(run, done, ALL, lambda: probe(paths, timeout_s=settings.DECODER_TIMEOUT_S, scene=scene))


def prepare_pictures(run: core.Run, slide: Slide, info: SlideInfo) -> CheckResult:
    """Levels, index, overview. Where the file can be shown without levels, a spoilt part of it refuses nothing."""
    paths = files.slide_paths(slide)
    run.step("Making levels and overview")
    try:
        made = derived_files.write_levels(
            slide, paths, lambda done, of: run.beat(COPIED + (LEVELS - COPIED) * done // of, ALL)
        )
        run_with_heartbeat(run, LEVELS, ALL, lambda: derived_files.write_index_and_overview(slide, paths, made))
    except SlideRefused:
        if not overview_is_quick(info):
            raise
        derived_files.remove_levels_and_index(slide)
        run_with_heartbeat(run, LEVELS, ALL, lambda: derived_files.write_overview(slide, paths, None))
        return CheckResult(dataclasses.replace(info, hints=(*info.hints, DAMAGED_INSIDE)), None)
    return CheckResult(info, made)


def note_copy_in_place(slide: Slide) -> None:
    if _still_checking(slide):
        working_copy.note_in_place(slide)
        _open_uploads(slide).update(step=Step.DEIDENTIFIED)


def hash_files(run: core.Run, slide: Slide, paths: list[Path]) -> str:
    """sha256 of the file, of several the sha256 of their sorted ones; SlideRefused where the browser's differs."""
    sent_hashes = {files.kept_path(upload): upload.sha256 for upload in slide.uploads.all()}
    total, done, found = max(1, slide.bytes), 0, []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(HASH_BYTES):
                digest.update(chunk)
                done += len(chunk)
                run.beat(min(HASHED * done // total, HASHED), ALL)
        found.append(digest.hexdigest())
        if sent_hashes.get(path, "") not in ("", found[-1]):
            raise SlideRefused(CHANGED, "broken")
    if len(set(found)) < len(found):
        raise SlideRefused(TWICE, "parts")
    return content_hash(found)


def claim_content(slide: Slide, sha256: str) -> None:
    """Write down what the file holds; Duplicate when a slide of the case holds it already, decided by the database."""
    lock_case(slide.case_id)
    try:
        with transaction.atomic():
            Slide.objects.filter(pk=slide.pk).update(sha256=sha256)
    except IntegrityError:
        same = Slide.objects.filter(case=slide.case, sha256=sha256, scene=slide.scene).exclude(
            state=Slide.State.REFUSED
        )
        raise Duplicate(same.exclude(pk=slide.pk).get()) from None
    slide.sha256 = sha256
    _open_uploads(slide).update(step=Step.HASHED)


def accept_slide(slide: Slide, found: CheckResult) -> None:
    """Make the slide visible, with what the file says of itself."""
    if not _still_checking(slide):
        return
    info = found.info
    slide.format, slide.width, slide.height = info.format, info.width, info.height
    slide.levels = [[level.width, level.height, level.downsample] for level in info.levels]
    slide.tile_size, slide.tile_overlap = tile_size_for(info.tile_size), 0
    slide.has_made_levels = found.made is not None
    slide.scanner, slide.scenes, slide.objective = info.scanner, [list(scene) for scene in info.scenes], info.objective
    slide.hints, slide.bounds = list(info.hints), list(info.bounds)
    _take_pixel_size(slide, info)
    slide.doubts = doubts.ask_anew(slide, info, slide.mpp_source in MEASURED_BY_PEOPLE)
    slide.state, slide.reason, slide.decoder_died = Slide.State.READY, "", []
    slide.save(update_fields=FACTS)
    uploads.end_uploads(_open_uploads(slide), state=Upload.State.READY, step=Step.PICTURED, reason="")
    fact = "no pixel size" if slide.mpp_x is None else f"{slide.mpp_x:.4f} µm/px"
    audit.record_change(None, slide.case.team, "slide.ready", f"slide {slide.pk}", f"Slide ready, {fact}")
    mark_changed(slide.case)
    facts.arrived(slide)


def _take_pixel_size(slide: Slide, info: SlideInfo) -> None:
    """The file's own; where it has none, what the team keeps for this scanner. What a person measured stays."""
    if slide.mpp_source in MEASURED_BY_PEOPLE:
        return
    slide.mpp_x, slide.mpp_y, slide.mpp_note = info.mpp_x, info.mpp_y, ""
    slide.mpp_source = Slide.MppSource.UNKNOWN if info.mpp_x is None else Slide.MppSource.FILE
    kept = find_scanner_default(slide.case.team, info.scanner) if info.mpp_x is None else None
    if kept is not None:
        slide.mpp_x, slide.mpp_y, slide.mpp_source, slide.mpp_note = kept.mpp_x, kept.mpp_y, kept.source, kept.how


def quarantine_reason(slide: Slide) -> str:
    """Why nobody may see it yet: a copy that failed its check comes before what is in it."""
    failed = {PIXELS: PIXELS_DIFFER, VALUES: VALUES_LEFT}.get(slide.privacy.get("failed", ""))
    return failed or (UNKNOWN if slide.privacy["unknown"] else NO_REWRITE)


def quarantine_slide(slide: Slide, reason: str) -> None:
    """The slide waits for an administrator; nobody sees it meanwhile. So does one that was let out and is no better."""
    if not _still_checking(slide):
        return
    slide.state, slide.reason = Slide.State.QUARANTINE, reason
    slide.save(update_fields=["state", "reason"])
    uploads.end_uploads(_open_uploads(slide), state=Upload.State.WAITING, reason=reason)
    audit.record_change(
        None, slide.case.team, "slide.quarantine", f"slide {slide.pk}", "Slide waits for an administrator"
    )
    mark_changed(slide.case)


def refuse_slide(slide: Slide, reason: str) -> None:
    """The file is no slide we take. The row keeps the reason until the upload is put away; the file goes."""
    if not _still_checking(slide):
        return
    Slide.objects.filter(pk=slide.pk).update(state=Slide.State.REFUSED, reason=reason, **NOTHING_KEPT)
    uploads.end_uploads(_open_uploads(slide), state=Upload.State.REFUSED, reason=reason)
    audit.record_change(None, slide.case.team, "slide.refuse", f"slide {slide.pk}", f"Slide refused: {reason}")


def refuse_duplicate(slide: Slide, duplicate: Duplicate) -> None:
    """The same file is here already: nothing is kept, and the upload points at the slide that has it.

    That one may still be checked and come to nothing. Then its uploader is told on the row, from what it points at.
    """
    if not _still_checking(slide):
        return
    ended = {"state": Upload.State.REFUSED, "step": Step.DUPLICATE, "reason": str(duplicate), "slide": None}
    uploads.end_uploads(_open_uploads(slide), duplicate_of=duplicate.other, **ended)
    Slide.objects.filter(pk=slide.pk).delete()


def tidy_files(slide: Slide) -> None:
    """Remove what the slide no longer needs: all of one that was not taken, else what lay beside it."""
    now = Slide.objects.filter(pk=slide.pk).first()
    if now is None or now.state == Slide.State.REFUSED:
        files.remove_folder(slide.folder)
        return
    files.remove_temporary(slide.folder)
    if not now.sealed_files:
        files.remove_tree(files.sealed_folder(slide))


def note_broken_off(job) -> None:
    """The job ended without a result (called by the core): the file is kept, so that the check can be tried again."""
    if job.state == job.State.DONE:
        return
    reason = job.message or "The check was stopped."
    if job.state == job.State.FAILED and core.is_given_up(job):
        reason = f"{reason} {KEPT}"
    Upload.objects.filter(job=job, state=Upload.State.CHECKING).update(step=Step.STOPPED, reason=reason)
    scenes.forget_unchecked(job)


def _still_checking(slide: Slide) -> bool:
    """False when this was written before (an answer got lost) or the slide was removed meanwhile."""
    lock_case(slide.case_id)
    return Slide.objects.filter(pk=slide.pk, state=Slide.State.CHECKING).exists()


def _open_uploads(slide: Slide):
    return Upload.objects.filter(slide=slide, state=Upload.State.CHECKING)
