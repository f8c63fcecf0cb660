"""From what was sent to the working copy that everybody sees: unpack, de-identify, put in its place.

At every moment either the whole original or a whole, verified copy is there, and after a kill each step ends as it
would have without one: a copy counts once its folder has its last name, and the row says which names it has before
anything is moved.
"""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from mitoweb.lib.jobs import core
from slides import files
from slides.models import Slide
from slides.wsi.archive import ArchiveLimits, unpack
from slides.wsi.sets import ARCHIVE
from slides.wsi.working_copy import Deidentified, deidentify

COPY = "copy"  # in Slide.privacy: names of the files of a copy that is not yet in its place
LEAST_S, SLOWEST_BYTES_PER_S = 120, 5e6


def is_made(slide: Slide) -> bool:
    """Whether the copy is there, or it is known that this format gets none."""
    return "method" in slide.privacy


def list_sources(slide: Slide, limits: ArchiveLimits) -> list[Path]:
    """The files to open, main one first: those that were sent, or what their archive holds."""
    sent = files.slide_paths(slide)
    folder = files.work_folder(slide, files.UNPACKED)
    files.remove_tree(folder)
    return unpack(sent[0], folder, limits) if sent[0].suffix == ARCHIVE else sent


def write_copy(slide: Slide, paths: list[Path]) -> dict:
    """Write the working copy beside the slide; what Slide.privacy is to hold. SlideRefused for a broken file."""
    refuse_without_room(slide)
    making = files.work_folder(slide, files.MAKING)
    for folder in (making, files.work_folder(slide, files.COPY)):
        files.remove_tree(folder)
    making.mkdir(parents=True)
    done = deidentify(paths, making, time_limit_s(slide), settings.DECODER_MEMORY_MB)
    names = _keep_copy(slide, done, paths)
    privacy = {"method": done.method, "removed": list(done.removed), "unknown": list(done.unknown)}
    return privacy | {"verified": done.verified, "failed": done.failed} | ({COPY: names} if names else {})


def refuse_without_room(slide: Slide) -> None:
    """JobFailed where the disk has none for a copy. No fault of the slide: what was sent stays, to be tried again."""
    if files.free_bytes(files.slide_folder(slide)) < slide.bytes + settings.DISK_RESERVE_BYTES / 2:
        raise core.JobFailed("The server's disk has no room for the working copy. Try again when there is room.")


def time_limit_s(slide: Slide) -> float:
    """How long a child may take that goes through the whole slide."""
    return LEAST_S + slide.bytes / SLOWEST_BYTES_PER_S


def put_in_place(slide: Slide) -> None:
    """Seal the original and move the copy into its place. Done again after a kill it goes on where it was."""
    if COPY not in slide.privacy:
        return
    place, copy, sealed = files.slide_folder(slide), files.work_folder(slide, files.COPY), files.sealed_folder(slide)
    if not sealed.exists():
        files.move_folder(place, sealed)
    if copy.exists():
        files.move_folder(copy, place)


def note_in_place(slide: Slide) -> None:
    """Write down that the copy is in its place. Inside the caller's transaction."""
    if COPY not in slide.privacy:
        return
    if settings.SEALED_DAYS > 0:
        slide.sealed_files = slide.files
        slide.sealed_until = timezone.now() + timedelta(days=settings.SEALED_DAYS)
    slide.files = slide.privacy[COPY]
    slide.privacy = {key: value for key, value in slide.privacy.items() if key != COPY}
    slide.save(update_fields=["files", "sealed_files", "sealed_until", "privacy"])


def needs_release(slide: Slide) -> bool:
    """Whether an administrator has to look first: data on people may be left in what would be shown."""
    return not slide.released_reason and (bool(slide.privacy["unknown"]) or not slide.privacy["verified"])


def _keep_copy(slide: Slide, done: Deidentified, paths: list[Path]) -> list[str]:
    """Give the copy its last name; the names of its files, none where what was sent stays where it is."""
    making, copy, unpacked = (files.work_folder(slide, what) for what in (files.MAKING, files.COPY, files.UNPACKED))
    if done.verified:
        files.sync_folder(making)
        files.move_folder(making, copy)
        return list(done.files)
    files.remove_tree(making)
    if not unpacked.is_dir():
        return []
    files.sync_folder(unpacked)
    files.move_folder(unpacked, copy)  # no rewrite: what the archive holds, which an administrator may release
    return [str(path.relative_to(unpacked)) for path in paths]
