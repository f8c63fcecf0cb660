"""Taking what names people out of a slide, in steps that end the same however often they are begun again.

    as sent in SLIDES_ROOT/<folder>  →  copy made in <folder>.making  →  <folder>.copy, whole
    →  what was sent to SEALED_ROOT/<folder>  →  the copy to SLIDES_ROOT/<folder>

What the rewrite said is kept before anything is moved, with the names of the copy's files until they are in place. At
each moment the whole original or the whole copy is there, most of the time both.
"""

import dataclasses
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from mitoweb.lib.jobs import core
from slides import files
from slides.models import Slide, Upload
from slides.services.cases import lock_case
from slides.services.uploads import Step
from slides.wsi import archive
from slides.wsi.deid import Deidentified, deidentify
from slides.wsi.sets import ARCHIVE

SECONDS_PER_GB = 120
SHORTEST_S = 300
NO_REWRITE = (
    "This file's format cannot be rewritten without its data on people, or the copy could not be verified. "
    "An administrator looks at it."
)
UNKNOWN = "The file holds fields that no rule knows ({names}); they were left out. An administrator looks at them."
MOST_NAMES = 6


class Quarantine(Exception):
    """The slide waits for an administrator. The text is for people."""


def unpacked(run: core.Run, slide: Slide) -> None:
    """Of an archive: its slide's files in its place. Any other slide stays as it is."""
    if len(slide.files) != 1 or not slide.files[0].endswith(ARCHIVE):
        return
    folder, sent = files.slide_folder(slide), files.slide_paths(slide)[0]
    inside = files.beside(slide, files.UNPACKED)
    files.remove_tree(inside)
    room = max(0, files.free_bytes(folder) - settings.DISK_RESERVE_BYTES)
    found = archive.unpack(sent, inside, archive.ArchiveLimits(total_bytes=min(room, settings.UPLOAD_MAX_BYTES)))
    names = [str(path.relative_to(inside)) for path in found]
    for name in names:
        files.move_for_good(inside / name, folder / name)
    run.save(lambda: _set(slide, files=names, bytes=sum((folder / name).stat().st_size for name in names)))
    sent.unlink(missing_ok=True)
    files.remove_tree(inside)


def without_names(run: core.Run, slide: Slide) -> None:
    """Put the working copy in the place of what was sent. Raises Quarantine where a person must look first."""
    if not slide.privacy:
        _make_copy(run, slide)
    if "files" in slide.privacy:
        _take_its_place(run, slide)
    run.save(lambda: _uploads(slide).update(step=Step.DEIDENTIFIED))
    if slide.released_by_id is None:
        _hold_back(slide)


def _make_copy(run: core.Run, slide: Slide) -> None:
    making, copy = files.beside(slide, files.MAKING), files.beside(slide, files.COPY)
    for left in (making, copy):
        files.remove_tree(left)
    making.mkdir(parents=True)
    seconds = SHORTEST_S + slide.bytes / 1e9 * SECONDS_PER_GB
    made = deidentify(files.slide_paths(slide), making, seconds, settings.DECODER_MEMORY_MB)
    told = _told(made)
    if made.verified and made.files:
        files.move_folder(making, copy)
        told["files"] = list(made.files)
    else:
        files.remove_tree(making)
    run.save(lambda: _set(slide, privacy=told))


def _told(made: Deidentified) -> dict:
    words = dataclasses.asdict(made)
    return {"method": words["method"], "verified": made.verified and bool(made.files)} | {
        name: list(words[name]) for name in ("removed", "unknown")
    }


def _take_its_place(run: core.Run, slide: Slide) -> None:
    """Original to the sealed ones, copy into its place; begun again, it goes on where it was."""
    folder, copy, sealed = files.slide_folder(slide), files.beside(slide, files.COPY), files.sealed_folder(slide)
    if copy.is_dir():
        if folder.is_dir():
            files.remove_tree(sealed)
            files.move_folder(folder, sealed)
        files.move_folder(copy, folder)
    told = {key: value for key, value in slide.privacy.items() if key != "files"}
    kept = settings.SEALED_DAYS > 0
    placed = {
        "files": slide.privacy["files"],
        "sealed_files": slide.files if kept else [],
        "sealed_until": timezone.now() + timedelta(days=settings.SEALED_DAYS) if kept else None,
        "privacy": told,
    }
    run.save(lambda: _set(slide, **placed))
    if not kept:
        files.remove_tree(sealed)


def _hold_back(slide: Slide) -> None:
    if not slide.privacy["verified"]:
        raise Quarantine(NO_REWRITE)
    if unknown := slide.privacy["unknown"]:
        names = ", ".join(unknown[:MOST_NAMES]) + (" …" if len(unknown) > MOST_NAMES else "")
        raise Quarantine(UNKNOWN.format(names=names))


def hold(slide: Slide, why: Quarantine) -> None:
    """Nobody sees the slide's pictures until an administrator lets it out."""
    lock_case(slide.case_id)
    if not Slide.objects.filter(pk=slide.pk, state=Slide.State.CHECKING).exists():
        return
    Slide.objects.filter(pk=slide.pk).update(state=Slide.State.QUARANTINE, reason=str(why))
    _uploads(slide).update(state=Upload.State.WAITING, reason=str(why))


def _set(slide: Slide, **values) -> None:
    """Write columns, of a slide that may have been removed meanwhile, and keep the object like its row."""
    Slide.objects.filter(pk=slide.pk).update(**values)
    for name, value in values.items():
        setattr(slide, name, value)


def _uploads(slide: Slide):
    return Upload.objects.filter(slide=slide, state=Upload.State.CHECKING)
