"""Bring slides that lie in a folder of this machine in, by the same way as those from a browser.

What was brought is known by its hash, so that doing it again, after a kill too, brings what is missing and nothing
twice. Names of files appear in the report for whoever asked for it, and nowhere else.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from django.utils import timezone

from mitoweb.lib.errors import NotNow, Refused
from mitoweb.lib.jobs import claims, identity
from mitoweb.lib.jobs.child import run_queued
from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.lib.natural_order import natural_key
from mitoweb.people.models import Team
from mitoweb.people.rights import may
from slides import files
from slides.models import Case, Slide, Upload
from slides.services import cases, uploads
from slides.services.duplicates import content_hash
from slides.wsi.errors import SlideRefused
from slides.wsi.sets import slide_sets, slide_sets_in, the_only

HASH_BYTES = 4 * 2**20
LOOK_EVERY_S = 0.5
PULSE_WITHIN = timedelta(seconds=15)
LATER = "The same file is in this case already, as a slide that is not ready; a later run looks again."

Progress = Callable[[int], None]


class Outcome(StrEnum):
    IMPORTED = "imported"
    HERE = "already here"
    WAITING = "waits for an administrator"
    WOULD = "would be imported"
    LEFT_OUT = "left out"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_bad(self) -> bool:
        return self in {Outcome.REFUSED, Outcome.FAILED}


@dataclass(frozen=True)
class SlideFiles:
    """Files that make one slide. paths: the main one first. name: of the main one, below the folder looked at."""

    name: str
    kind: str
    paths: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths)


@dataclass
class ReportRow:
    """What became of one slide of the folder: a row of the report."""

    name: str
    case: str
    outcome: Outcome
    reason: str = ""
    bytes: int = 0
    files: int = 1
    slide: str | None = None
    label: str = ""

    def as_json(self) -> dict:
        return {**self.__dict__, "outcome": str(self.outcome)}


@dataclass
class FolderContents:
    slides: list[SlideFiles] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # names of files that belong to no slide


def scan_folder(folder: Path) -> FolderContents:
    """The slides in a folder and all below it. Links are left out: they could show what lies elsewhere."""
    sets, others = slide_sets_in(folder, _plain_files(folder))
    sets = sorted(sets, key=lambda each: natural_key(each.files[0]))
    slides = [SlideFiles(each.files[0], each.kind, tuple(folder / name for name in each.files)) for each in sets]
    return FolderContents(slides, others)


def find_or_create_case(by, team: Team, accession: str) -> Case:
    """The team's case of this accession, made where there is none; Refused when `by` may not."""
    if not may(by, "slide.upload", team):
        raise Refused(f"{by.username} may not upload slides in this team.", "rights")
    case = Case.objects.filter(team=team, accession=accession).first()
    if case is not None:
        return case
    if not may(by, "case.edit", team):
        raise Refused("There is no such case, and this person may not make one.", "rights")
    if not 0 < len(accession) <= Case._meta.get_field("accession").max_length:
        raise Refused("An accession has 1 to 60 characters.", "accession.length")
    return cases.create_case(by, team, accession=accession)


def import_slide(
    by,
    case: Case | None,
    found: SlideFiles,
    report_bytes: Progress = lambda count: None,
    dry_run: bool = False,
    labels_from_names: bool = False,
) -> ReportRow:
    """Bring one slide and wait for its check; what became of it. case: None in a dry run of a case that is not there.

    `report_bytes` hears twice of each byte: when it is hashed and when it is kept. Slides are numbered unless somebody
    who knows that names of files are no patients' asks for `labels_from_names`.
    """
    row = ReportRow(found.name, case.accession if case else "", Outcome.WOULD, files=len(found.paths))
    try:
        row.bytes = found.bytes
        if found.kind == "mrxs":
            the_only(slide_sets(path.as_posix() for path in found.paths)[0])  # refuses a set that is not whole
        hashes = {path: _hash_file(path, report_bytes) for path in found.paths}
        upload = _find_under_way(by, case, hashes)
        existing = None
        if case is not None and upload is None:
            same = case.slides.filter(sha256=content_hash(list(hashes.values())))
            existing = same.exclude(state__in=[Slide.State.REFUSED, Slide.State.CHECKING]).first()
        if existing is not None:
            report_bytes(row.bytes)
            return _fill_existing(row, existing)
        if dry_run or case is None:
            report_bytes(row.bytes)
            return row
        _put_refused_away(by, case, hashes)
        label = _suggest_label(found) if labels_from_names else ""
        return _fill_outcome(
            row, by, _wait_for_check(upload or _send_files(by, case, found, hashes, label, report_bytes))
        )
    except NotNow as refusal:  # nothing is wrong with the file; a later try may bring it
        row.outcome, row.reason = Outcome.FAILED, str(refusal)
    except (Refused, SlideRefused) as refusal:
        row.outcome, row.reason = Outcome.REFUSED, str(refusal)
    except OSError as error:
        row.outcome, row.reason = Outcome.FAILED, f"The file could not be read: {os.strerror(error.errno or 0)}."
    except Upload.DoesNotExist:
        row.outcome, row.reason = Outcome.FAILED, "Somebody removed the upload meanwhile."
    return row


def _plain_files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _hash_file(path: Path, report_bytes: Progress) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(HASH_BYTES):
            digest.update(piece)
            report_bytes(len(piece))
    return digest.hexdigest()


def _fill_existing(row: ReportRow, slide: Slide) -> ReportRow:
    is_held = slide.state == Slide.State.QUARANTINE
    row.outcome = Outcome.WAITING if is_held else Outcome.HERE
    row.slide, row.label, row.reason = str(slide.pk), slide.label, slide.reason if is_held else ""
    return row


def _find_uploads(by, case: Case, hashes: dict[Path, str]):
    return Upload.objects.filter(user=by, case=case, sha256__in=hashes.values())


def _find_under_way(by, case: Case | None, hashes: dict[Path, str]) -> Upload | None:
    """The upload of a slide that an earlier run sent whole and that is being checked."""
    if case is None:
        return None
    return _find_uploads(by, case, hashes).filter(state=Upload.State.CHECKING, slide__isnull=False).first()


def _put_refused_away(by, case: Case, hashes: dict[Path, str]) -> None:
    """Rows of earlier tries, so that a file refused each night is one row and not thirty."""
    for upload in _find_uploads(by, case, hashes).filter(state=Upload.State.REFUSED):
        uploads.cancel_upload(by, upload)


def _send_files(
    by, case: Case, found: SlideFiles, hashes: dict[Path, str], label: str, report_bytes: Progress
) -> Upload:
    """Send what is not there yet; the last upload, by which the check is followed."""
    begun = _find_uploads(by, case, hashes).filter(
        state__in=[Upload.State.UPLOADING, Upload.State.CHECKING], slide=None
    )
    begun = begun.filter(bundle_files=len(found.paths))
    bundle = None
    if len(found.paths) > 1:
        bundle = begun.exclude(bundle=None).values_list("bundle", flat=True).first() or uuid.uuid4()
    sent = set(begun.filter(bundle=bundle, state=Upload.State.CHECKING).values_list("sha256", flat=True))
    for path, sha256 in hashes.items():
        if sha256 in sent:
            report_bytes(path.stat().st_size)
            continue
        request = uploads.UploadRequest(
            path.name, path.stat().st_size, label, sha256, bundle, len(found.paths), f"{path.parent.name}/{path.name}"
        )
        upload = uploads.send_file(by, case, path, request, report_bytes)
    return upload


def _suggest_label(found: SlideFiles) -> str:
    """From the name of the file; DICOM instances have names that say nothing, their folder may have one."""
    main = found.paths[0]
    is_series = found.kind == "dicom" and len(found.paths) > 1
    return files.suggested_label(f"{main.parent.name}.dcm" if is_series else main.name)


def _wait_for_check(upload: Upload) -> Upload:
    """The upload when its check has ended. Where no worker runs, the check is done here."""
    while True:
        if not WorkerPulse.objects.filter(
            name__startswith=WorkerPulse.SUPERVISOR, at__gt=timezone.now() - PULSE_WITHIN
        ).exists():
            # A check that a killed import was at is queued again; with a worker running, that is the worker's to do.
            job = Job.objects.filter(pk=upload.job_id, state=Job.State.RUNNING).first()
            if job is not None and identity.is_gone(job.worker):
                claims.put_back(job.pk, job.claim, "Its worker was stopped in the middle of it.", interrupted=True)
            run_queued("ingest", worker=identity.own())
        upload.refresh_from_db()
        if upload.state != Upload.State.CHECKING or upload.step == uploads.Step.STOPPED:
            return upload
        time.sleep(LOOK_EVERY_S)


def _fill_outcome(row: ReportRow, by, upload: Upload) -> ReportRow:
    states = {Upload.State.READY: Outcome.IMPORTED, Upload.State.WAITING: Outcome.WAITING}
    row.outcome, row.reason = states.get(upload.state, Outcome.REFUSED), upload.reason
    slide = upload.found
    if upload.step == uploads.Step.DUPLICATE:
        # A file is not done with because of a slide that may still come to nothing, or has.
        if slide is None or slide.state in {Slide.State.CHECKING, Slide.State.REFUSED}:
            row.outcome, row.reason = Outcome.FAILED, LATER
        elif slide.state == Slide.State.QUARANTINE:
            row.outcome, row.reason = Outcome.WAITING, slide.reason
        else:
            row.outcome, row.reason = Outcome.HERE, ""
    elif upload.state == Upload.State.CHECKING:
        row.outcome = Outcome.FAILED
    if slide and not row.outcome.is_bad:
        row.slide, row.label = str(slide.pk), slide.label
    if row.outcome in {Outcome.IMPORTED, Outcome.HERE}:
        row.reason = ""
        for ended in Upload.objects.filter(case=upload.case_id, user=by, job=upload.job_id):
            uploads.cancel_upload(by, ended)  # puts the finished row away
    return row
