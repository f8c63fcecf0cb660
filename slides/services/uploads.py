"""Files on their way in: reserve, receive, finish, cancel.

What has arrived is the size of the part file (`part_file`), never a column, so that after a crash the browser asks for
the offset and goes on.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mitoweb.lib.errors import NotNow, Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from mitoweb.people.models import User
from slides import files
from slides.models import Case, Slide, Upload
from slides.services import part_file, quota
from slides.services.cases import lock_case, mark_changed
from slides.services.part_file import Busy, Checksum, Readable
from slides.services.slides import free_label, numbered_label
from slides.wsi.sets import ALONE, ARCHIVE, MRXS, MRXS_PART

MOST_FILES = 500  # of one slide
CHECK = "slide.check"


class Step:
    """How far the check is: what the row of the upload shows."""

    RECEIVED = "received"
    HASHED = "hash equal"
    OPENED = "opened"
    DEIDENTIFIED = "de-identified"
    TILED = "tiled"
    MEASURED = "pixel size"
    PICTURED = "overview"
    STOPPED = "stopped"  # the check broke off; the file is kept
    DUPLICATE = "already here"
    EXPIRED = "expired"


@dataclass(frozen=True)
class UploadRequest:
    """What a client says of the file it wants to send."""

    name: str
    length: int
    label: str = ""  # "": the slide is numbered; a file's name may be a patient's
    sha256: str = ""
    bundle: uuid.UUID | None = None
    bundle_files: int = 1
    path: str = ""  # its place in the folder that was sent


class Gone(Refused):
    def __init__(self) -> None:
        super().__init__("The upload or its case was deleted meanwhile.", "gone")


@contextmanager
def refuse_when_gone() -> Iterator[None]:
    """A case or an upload that somebody deletes at the same time is a refusal in words."""
    try:
        yield
    except (Case.DoesNotExist, Upload.DoesNotExist):
        raise Gone from None


def create_upload(by, case: Case, request: UploadRequest) -> Upload:
    """Make room for a file. The part file is there before the row, so a row always has one."""
    _refuse_impossible(request)
    with refuse_when_gone(), transaction.atomic():
        case = lock_case(case.pk)
        User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two windows must not pass the limit together
        open_uploads = Upload.objects.filter(user=by, state=Upload.State.UPLOADING)
        if open_uploads.count() >= settings.UPLOAD_OPEN_PER_USER:
            raise NotNow(f"{settings.UPLOAD_OPEN_PER_USER} uploads are open; finish or remove some.", "too_many")
        quota.reserve_space(case.team_id, request.length)
        upload = Upload(
            case=case,
            user=by,
            name=files.clean_name(request.name),
            length=request.length,
            sha256=request.sha256,
            bundle=request.bundle,
            bundle_files=request.bundle_files,
            path=_kept_place(request),
            expires=timezone.now() + settings.UPLOAD_LIFE,
        )
        _refuse_foreign_bundle(upload)
        upload.label = files.clean_label(request.label) or _label_of_bundle(upload) or numbered_label(case)
        path = files.part_path(upload)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        upload.save(force_insert=True)
    return upload


def send_file(
    by, case: Case, path: Path, request: UploadRequest, report_bytes: Callable[[int], None] = lambda count: None
) -> Upload:
    """Put a file of this machine in by the same way as one from a browser; goes on with one of the same hash.

    `report_bytes` hears of bytes as they are read.
    """
    begun = Upload.objects.filter(user=by, case=case, state=Upload.State.UPLOADING, bundle=request.bundle)
    upload = begun.filter(sha256=request.sha256, length=request.length).first() if request.sha256 else None
    if upload is None or offset_of(upload) is None:
        upload = create_upload(by, case, request)
    with path.open("rb") as file:
        offset = offset_of(upload) or 0
        file.seek(offset)
        report_bytes(offset)
        receive_piece(upload, offset, _CountedFile(file, report_bytes), upload.length - offset)
    upload.refresh_from_db()
    return upload


class _CountedFile:
    """A file that says how much was read of it."""

    def __init__(self, file: BinaryIO, report_bytes: Callable[[int], None]) -> None:
        self._file, self._report_bytes = file, report_bytes

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._report_bytes(len(data))
        return data


def offset_of(upload: Upload) -> int | None:
    """How much has arrived; None when the part file is gone, which only a lost disk explains."""
    if upload.state != Upload.State.UPLOADING:
        return upload.length
    try:
        return files.part_path(upload).stat().st_size
    except FileNotFoundError:
        return upload.length if files.kept_path(upload).exists() else None


def receive_piece(
    upload: Upload, offset: int, stream: Readable, length: int, checksum: Checksum | None = None, sha256: str = ""
) -> int:
    """Append `length` bytes of `stream` at `offset`; the new offset. What arrived before an error is kept.

    `checksum` is of these bytes, `sha256` (hex) of the whole file. The last byte starts the check.
    """
    with part_file.lock_part(files.part_path(upload)) as part:
        size = upload.length if part is None else os.fstat(part).st_size
        if offset != size:
            raise Refused(f"{size:,} bytes have arrived, not {offset:,}.", "offset")
        if offset + length > upload.length:
            raise Refused(f"The file is {upload.length:,} bytes long; these would be more.", "too_long")
        if sha256 and not upload.sha256:  # before the bytes: a kill behind them must not lose what they are held to
            Upload.objects.filter(pk=upload.pk).update(sha256=sha256)
        if part is not None and length:
            try:
                part_file.append_bytes(part, stream, length, checksum)
            finally:
                upload.expires = timezone.now() + settings.UPLOAD_LIFE
                Upload.objects.filter(pk=upload.pk).update(expires=upload.expires)
            size = os.fstat(part).st_size
        if size == upload.length:
            finish_upload(upload)
    return size


def finish_if_whole(upload: Upload) -> bool:
    """Finish an upload of which every byte is here but whose end was not noted, since the server was stopped then.

    Under the part's lock: a piece whose checksum is still being compared is left to who sends it.
    """
    if upload.state != Upload.State.UPLOADING or offset_of(upload) != upload.length:
        return False
    try:
        with part_file.lock_part(files.part_path(upload)) as part:
            if part is not None and os.fstat(part).st_size != upload.length:
                return False
            finish_upload(upload)
    except (Busy, Gone):
        return False
    return True


def finish_upload(upload: Upload) -> None:
    """All bytes are here: put the file where it stays, then say so in one transaction. Doing it again is harmless.

    Gone when the case or the upload was deleted meanwhile; no byte of it stays.
    """
    part, kept = files.part_path(upload), files.kept_path(upload)
    with suppress(FileNotFoundError):  # put away before, or deleted meanwhile
        files.move_for_good(part, kept)
    try:
        with refuse_when_gone(), transaction.atomic():
            lock_case(upload.case_id)  # files of one bundle end one after the other
            _note_whole(Upload.objects.select_related("case__team", "user").get(pk=upload.pk))
    except Gone:
        if not Slide.objects.filter(folder=files.upload_folder(upload)).exists():
            _remove_files([upload])
        raise


def _note_whole(upload: Upload) -> None:
    if upload.state != Upload.State.UPLOADING or not files.kept_path(upload).exists():
        return
    upload.state, upload.step, upload.finished = Upload.State.CHECKING, Step.RECEIVED, timezone.now()
    upload.save(update_fields=["state", "step", "finished"])
    parts = [upload] if upload.bundle is None else list(_files_of_slide(upload).filter(state=Upload.State.CHECKING))
    if len(parts) == upload.bundle_files:
        _start_check(upload, parts)


def end_uploads(rows: QuerySet[Upload], **values) -> int:
    """Write how uploads ended; how many. Of their names, which may be a patient's, only the suffix stays."""
    return sum(
        rows.filter(pk=upload.pk).update(name=files.kept_suffix(upload.name), **values) for upload in rows.only("name")
    )


def cancel_upload(by, upload: Upload) -> None:
    """Stop and forget an upload; of one that ended, only the row goes and the slide stays."""
    with refuse_when_gone(), transaction.atomic():
        if upload.job:
            core.cancel(upload.job, by=by)
        case = lock_case(upload.case_id)
        upload = Upload.objects.select_related("slide").get(pk=upload.pk)
        on_its_way = upload.state in {Upload.State.UPLOADING, Upload.State.CHECKING}
        gone = [upload] if upload.bundle is None or not on_its_way else list(_files_of_slide(upload))
        if upload.slide and _goes_with(upload, upload.slide):
            upload.slide.delete()
        Upload.objects.filter(pk__in=[each.pk for each in gone]).delete()
        if on_its_way:
            for each in gone:
                audit.record_change(by, case.team, "upload.cancel", f"upload {each.pk}", "Upload stopped and removed")
            transaction.on_commit(lambda: _remove_files(gone))


def _goes_with(upload: Upload, slide: Slide) -> bool:
    """Whether a slide is no more than this upload: being checked for it, or refused without a file.

    One that is checked again is more than the row that brought it.
    """
    if upload.state in {Upload.State.UPLOADING, Upload.State.CHECKING}:
        return slide.state == Slide.State.CHECKING or not slide.folder
    return slide.state == Slide.State.REFUSED and not slide.folder


def _remove_files(gone: list[Upload]) -> None:
    for upload in gone:
        files.part_path(upload).unlink(missing_ok=True)
    files.remove_folder(files.upload_folder(gone[0]))


def relabel_upload(upload: Upload, label: str) -> None:
    """The label the slide will get; once the slide is there, it has its own."""
    label = files.clean_label(label)
    if not label:
        raise Refused("A slide needs a label.", "label")
    with refuse_when_gone(), transaction.atomic():
        lock_case(upload.case_id)
        upload = Upload.objects.get(pk=upload.pk)
        upload.label = label
        upload.save(update_fields=["label"])
        if upload.slide_id and upload.state == Upload.State.CHECKING:
            Slide.objects.filter(pk=upload.slide_id).update(label=label)


def check_again(by, upload: Upload) -> None:
    """Try a check once more that broke off."""
    if upload.job is None or upload.step != Step.STOPPED or not core.retry(upload.job, by=by):
        raise Refused("Only a check that broke off can be tried again.", "not_stopped")
    Upload.objects.filter(job=upload.job, step=Step.STOPPED).update(step=Step.RECEIVED, reason="")


def _refuse_impossible(request: UploadRequest) -> None:
    if request.length == 0:
        raise Refused("The file is empty: it has zero bytes.", "empty")
    if request.length > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES / 1e9
        raise Refused(f"The file is larger than this server takes ({most:,.0f} GB).", "too_large")
    if not 1 <= request.bundle_files <= MOST_FILES:
        raise Refused(f"A slide has 1 to {MOST_FILES} files.", "bundle")
    suffix = files.suffix_of(request.name)
    if suffix == MRXS and request.bundle_files == 1:
        raise Refused(ALONE, "extension")
    if suffix == ARCHIVE and request.bundle_files > 1:
        raise Refused("A zip archive is a slide by itself; it cannot be a part of one.", "extension")
    if not _kept_place(request) and (reason := files.refused_suffix(request.name)):
        raise Refused(reason, "extension")


def _kept_place(request: UploadRequest) -> str:
    """What is kept of a path: of a file in a MRXS folder its name there, which is fixed; of all others nothing."""
    name = PurePosixPath((request.path or request.name).replace("\\", "/")).name
    return name if request.bundle is not None and MRXS_PART.fullmatch(name) else ""


def _refuse_foreign_bundle(upload: Upload) -> None:
    """All files of a bundle agree on how many there are, none is there twice, none comes when the slide is there."""
    if upload.bundle is None:
        return
    others = Upload.objects.filter(bundle=upload.bundle, case=upload.case, user=upload.user)
    differ = others.exclude(bundle_files=upload.bundle_files).exists() or others.count() >= upload.bundle_files
    place = files.kept_path(upload)
    differ = differ or any(files.kept_path(other) == place for other in others)
    if differ or Slide.objects.filter(folder=files.upload_folder(upload)).exists():
        raise Refused("These files do not belong to one slide.", "bundle.differs")


def _label_of_bundle(upload: Upload) -> str:
    """The files of one slide share its label."""
    first = None if upload.bundle is None else _files_of_slide(upload).first()
    return first.label if first else ""


def _files_of_slide(upload: Upload):
    return Upload.objects.filter(bundle=upload.bundle, case=upload.case_id, user=upload.user_id).order_by("pk")


def _start_check(upload: Upload, parts: list[Upload]) -> None:
    case = upload.case
    folder = Path(settings.SLIDES_ROOT) / files.upload_folder(upload)
    names = [files.kept_path(part).relative_to(folder).as_posix() for part in parts]
    slide = Slide.objects.create(
        case=case,
        label=free_label(case, upload.label),
        folder=files.upload_folder(upload),
        files=sorted(names, key=lambda name: not name.endswith(MRXS)),  # the main one first
        bytes=sum(part.length for part in parts),
        created_by=upload.user,
    )
    slide.job = core.enqueue(CHECK, slide.pk, team=case.team, created_by=upload.user)
    slide.save(update_fields=["job"])
    Upload.objects.filter(pk__in=[part.pk for part in parts]).update(slide=slide, job=slide.job)
    # No label in what is kept for good: a person may have typed or taken a patient's name.
    audit.record_change(upload.user, case.team, "slide.upload", f"slide {slide.pk}", "Slide received")
    mark_changed(case)
