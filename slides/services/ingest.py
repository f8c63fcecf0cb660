"""The check of a slide that has arrived: hash, format, names removed, levels, overview. Run by the job `slide.check`.

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
from slides.models import Slide, Upload
from slides.services import prepare, privacy
from slides.services.cases import lock_case, touch
from slides.services.pixel_size import of_scanner
from slides.services.uploads import Step
from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import SlideInfo, overview_is_quick
from slides.wsi.native import tile_size_for
from slides.wsi.probe import probe

HASH_BYTES = 4 * 2**20
MIB = 2**20
FACTS = [
    *("format", "width", "height", "levels", "tile_size", "tile_overlap", "has_made_levels", "scanner", "scenes"),
    *("mpp_x", "mpp_y", "mpp_source", "mpp_note", "objective", "hints", "state", "reason"),
]
CHANGED = "The file changed on its way: its hash is not the one computed before sending. Upload it again."
TWICE = "Two of the files are the same."
DAMAGED_INSIDE = "A part of the file cannot be decoded; it shows as a gap, and far views take longer."


class Duplicate(Exception):
    def __init__(self, other: Slide) -> None:
        super().__init__(f"Same file as slide {other.label} of this case.")
        self.other = other


def check(run: core.Run) -> None:
    """Take the slide of this job from "checking" to "ready" or "refused"."""
    slide = Slide.objects.select_related("case__team").filter(pk=run.object_id, state=Slide.State.CHECKING).first()
    if slide is None:
        return  # removed meanwhile, or an earlier attempt got to the end
    try:
        found = examine(run, slide)
    except Duplicate as duplicate:
        end = partial(give_way, slide, duplicate)
    except SlideRefused as refusal:
        end = partial(refuse, slide, refusal.reason)
    except privacy.Quarantine as why:
        end = partial(privacy.hold, slide, why)
    else:
        end = partial(accept, slide, found)
    run.save(end)
    if Slide.objects.filter(pk=slide.pk, state__in=[Slide.State.READY, Slide.State.QUARANTINE]).exists():
        files.remove_temporary(slide.folder)
    else:
        files.remove_folder(slide.folder)


@dataclasses.dataclass(frozen=True)
class Found:
    """What the check found. made: the file of the levels that the slide lacked, None where it lacks none."""

    info: SlideInfo
    made: Path | None


def examine(run: core.Run, slide: Slide) -> Found:
    """What the slide is, with all that is made beside it; Duplicate, SlideRefused or Quarantine when it is not shown."""
    if not slide.sha256:
        sha256 = hash_files(run, slide, files.slide_paths(slide))
        run.save(lambda: claim_content(slide, sha256))
    if not slide.privacy:  # not so when it goes on behind the working copy: after a crash, or let out of quarantine
        privacy.unpacked(run, slide)
        probe(files.slide_paths(slide), timeout_s=settings.DECODER_TIMEOUT_S)
        run.save(lambda: _uploads(slide).update(step=Step.OPENED))
    privacy.without_names(run, slide)
    paths = files.slide_paths(slide)
    info = probe(paths, timeout_s=settings.DECODER_TIMEOUT_S)
    info, made = with_levels(run, slide, paths, info)
    run.save(lambda: _uploads(slide).update(step=Step.TILED))
    prepare.overview(slide, paths, made)
    return Found(info, made)


def with_levels(run: core.Run, slide: Slide, paths: list[Path], info: SlideInfo) -> tuple[SlideInfo, Path | None]:
    """Levels and index. Where the file can be shown without them, a spoilt part between the samples refuses nothing."""
    try:
        made = prepare.levels(run, slide, paths)
        prepare.index(slide, paths, made)
    except SlideRefused:
        if not overview_is_quick(info):
            raise
        return dataclasses.replace(info, hints=(*info.hints, DAMAGED_INSIDE)), None
    return info, made


def hash_files(run: core.Run, slide: Slide, paths: list[Path]) -> str:
    """sha256 of the file, of several the sha256 of their sorted ones; SlideRefused where the browser's differs."""
    told = {files.kept_path(upload): upload.sha256 for upload in slide.uploads.all()}
    total, done, found = max(1, slide.bytes // MIB), 0, []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(HASH_BYTES):
                digest.update(chunk)
                done += len(chunk)
                run.beat(min(done // MIB, total), total)
        found.append(digest.hexdigest())
        if told.get(path, "") not in ("", found[-1]):
            raise SlideRefused(CHANGED, "broken")
    if len(set(found)) < len(found):
        raise SlideRefused(TWICE, "parts")
    return found[0] if len(found) == 1 else hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


def claim_content(slide: Slide, sha256: str) -> None:
    """Write down what the file holds; Duplicate when a slide of the case holds it already, decided by the database."""
    lock_case(slide.case_id)
    try:
        with transaction.atomic():
            Slide.objects.filter(pk=slide.pk).update(sha256=sha256)
    except IntegrityError:
        same = Slide.objects.filter(case=slide.case, sha256=sha256).exclude(state=Slide.State.REFUSED)
        raise Duplicate(same.exclude(pk=slide.pk).get()) from None
    slide.sha256 = sha256
    _uploads(slide).update(step=Step.HASHED)


def accept(slide: Slide, found: Found) -> None:
    """Make the slide visible, with what the file says of itself."""
    if not _still_checking(slide):
        return
    info = found.info
    slide.format, slide.width, slide.height = info.format, info.width, info.height
    slide.levels = [[level.width, level.height, level.downsample] for level in info.levels]
    slide.tile_size, slide.tile_overlap = tile_size_for(info.tile_size), 0
    slide.has_made_levels = found.made is not None
    slide.scanner, slide.scenes, slide.objective = info.scanner, [list(scene) for scene in info.scenes], info.objective
    slide.hints = list(info.hints)
    _take_pixel_size(slide, info)
    slide.state, slide.reason = Slide.State.READY, ""
    slide.save(update_fields=FACTS)
    _uploads(slide).update(state=Upload.State.READY, step=Step.PICTURED, reason="")
    fact = "no pixel size" if slide.mpp_x is None else f"{slide.mpp_x:.4f} µm/px"
    audit.record(None, slide.case.team, "slide.ready", f"slide {slide.pk}", f"Slide ready, {fact}")
    touch(slide.case)


def _take_pixel_size(slide: Slide, info: SlideInfo) -> None:
    """The file's own; where it has none, what the team keeps for this scanner."""
    slide.mpp_x, slide.mpp_y, slide.mpp_note = info.mpp_x, info.mpp_y, ""
    slide.mpp_source = Slide.MppSource.UNKNOWN if info.mpp_x is None else Slide.MppSource.FILE
    kept = of_scanner(slide.case.team, info.scanner) if info.mpp_x is None else None
    if kept is not None:
        slide.mpp_x, slide.mpp_y, slide.mpp_source, slide.mpp_note = kept.mpp_x, kept.mpp_y, kept.source, kept.how


def refuse(slide: Slide, reason: str) -> None:
    """The file is no slide we take. The row keeps the reason until the upload is put away; the file goes."""
    if not _still_checking(slide):
        return
    Slide.objects.filter(pk=slide.pk).update(state=Slide.State.REFUSED, reason=reason, folder="", files=[], sha256="")
    _uploads(slide).update(state=Upload.State.REFUSED, reason=reason)
    audit.record(None, slide.case.team, "slide.refuse", f"slide {slide.pk}", f"Slide refused: {reason}")


def give_way(slide: Slide, duplicate: Duplicate) -> None:
    """The same file is here already: nothing is kept, and the upload points at the slide that has it."""
    if not _still_checking(slide):
        return
    _uploads(slide).update(
        state=Upload.State.REFUSED, step=Step.DUPLICATE, reason=str(duplicate), slide=duplicate.other
    )
    Slide.objects.filter(pk=slide.pk).delete()


def note_broken_off(job) -> None:
    """The job ended without a result (called by the core): the file is kept, so that the check can be tried again."""
    if job.state == job.State.DONE:
        return
    reason = job.message or "The check was stopped."
    Upload.objects.filter(job=job, state=Upload.State.CHECKING).update(step=Step.STOPPED, reason=reason)


def _still_checking(slide: Slide) -> bool:
    """False when this was written before (an answer got lost) or the slide was removed meanwhile."""
    lock_case(slide.case_id)
    return Slide.objects.filter(pk=slide.pk, state=Slide.State.CHECKING).exists()


def _uploads(slide: Slide):
    return Upload.objects.filter(slide=slide, state=Upload.State.CHECKING)
