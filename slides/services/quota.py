"""Space for what comes: the team's quota and the disk.

Both are promised in the transaction that writes the upload's row, under locks, so that uploads that begin side by side
cannot be promised the same bytes. What counts is what was sent; copies and tiles made from it are the disk's affair.
"""

from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Q, Sum

from mitoweb.lib.errors import NotNow
from mitoweb.people.models import Team
from slides import files
from slides.models import Slide, Upload
from slides.wsi.archive import ArchiveLimits

DISK_LOCK = 0x6D69746F0001  # any number that nothing else locks by


class OutOfSpace(NotNow):
    """The same may be taken once somebody has made room."""


def reserve_space(team_id: int, length: int) -> None:
    """Hold space for `length` bytes until the transaction ends, which must write the upload's row; NoRoom otherwise."""
    team = Team.objects.select_for_update(no_key=True).get(pk=team_id)
    quota = quota_bytes(team)
    if quota and (used := used_bytes(team)) + length > quota:
        raise OutOfSpace(
            f"The team's room is used up: {_size_text(used)} of {_size_text(quota)} are taken and this file has "
            f"{_size_text(length)}. "
            "Delete slides that are not needed, or ask an administrator for more.",
            "quota",
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DISK_LOCK])
    # A working copy is made beside the original, so twice the file has to fit.
    if disk_bytes_left() < max(length + settings.DISK_RESERVE_BYTES, 2 * length):
        raise OutOfSpace("The server's disk has no room for this file.", "no_room")


def quota_bytes(team: Team) -> int:
    """What the team may keep; 0: as much as the disk has."""
    return settings.UPLOAD_QUOTA_BYTES if team.quota_bytes is None else team.quota_bytes


def used_bytes(team: Team) -> int:
    """Files of slides, and all of what is promised to uploads on their way."""
    slides = Slide.objects.filter(case__team=team).exclude(folder="").aggregate(total=Sum("bytes"))["total"] or 0
    without_slide = Q(state=Upload.State.UPLOADING) | Q(state=Upload.State.CHECKING, slide=None)
    coming = Upload.objects.filter(without_slide, case__team=team).aggregate(total=Sum("length"))["total"] or 0
    return slides + coming


def disk_bytes_left() -> int:
    """Free on the disk less what has been promised and has not arrived."""
    waiting = Upload.objects.filter(state=Upload.State.UPLOADING).values_list("pk", "length")
    promised = 0
    for pk, length in waiting.iterator():
        path = files.part_path_of(pk)
        arrived = path.stat().st_size if path.exists() else 0  # on the disk already, and so no longer free
        promised += max(0, length - arrived)
    return files.free_bytes(Path(settings.UPLOADS_ROOT)) - promised


def archive_limits(slide: Slide) -> ArchiveLimits:
    """What a slide's archive may grow to when it is unpacked: what it holds counts in place of the archive."""
    most = min(settings.UPLOAD_MAX_BYTES, disk_bytes_left() - settings.DISK_RESERVE_BYTES)
    if quota := quota_bytes(slide.case.team):
        most = min(most, quota - used_bytes(slide.case.team) + slide.bytes)
    return ArchiveLimits(total_bytes=max(0, most))


def _size_text(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
