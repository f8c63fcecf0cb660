"""Between the original and its copy nothing is ever lost: a stop at any point, then the same end (R1, R8)."""

import contextlib
import hashlib
import os
import random
import subprocess
import sys
import time
import uuid
import zipfile
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides import files
from slides.files import durable
from slides.models import Slide, Upload
from slides.services import ingest, sweep, uploads, working_copy
from tests.wsi import makers_parts as slide_makers
from tests.wsi.deid import makers

pytestmark = pytest.mark.django_db


def send(cast, path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest(path.name, size, label="A1"))
        uploads.receive_piece(upload, 0, file, size)


def hashes(folder) -> set[str]:
    if not folder.is_dir():
        return set()
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


class Stopped(BaseException):
    """The process ends here."""


# Every call that changes the disk or the rows between the working copy's start and its place.
CALLS = [
    *((files, name) for name in ("move_folder", "sync_folder", "remove_tree")),
    *((durable, name) for name in ("remove_tree", "fsync")),  # as they call each other
    *((working_copy, name) for name in ("deidentify", "put_in_place", "note_in_place")),
    *((ingest, name) for name in ("note_copy_in_place", "prepare_pictures", "accept_slide", "tidy_files")),
]


def _stopping(function, count, number, after):
    def call(*args, **kwargs):
        count[0] += 1
        mine = count[0] == number
        if mine and not after:
            raise Stopped
        result = function(*args, **kwargs)
        if mine:
            raise Stopped
        return result

    return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 4, 7, 10, 14, 18])
def test_a_stop_at_any_point_loses_nothing_and_ends_the_same(cast, run_jobs, monkeypatch, tmp_path, number, after):
    path = makers.svs(tmp_path)
    original = hashlib.sha256(path.read_bytes()).hexdigest()
    send(cast, path)
    with monkeypatch.context() as patch:
        count = [0]
        for module, name in CALLS:
            patch.setattr(module, name, _stopping(getattr(module, name), count, number, after))
        with contextlib.suppress(Stopped):
            run_jobs("ingest")
    slide = Slide.objects.get()
    place, copy, sealed = files.slide_folder(slide), files.work_folder(slide, files.COPY), files.sealed_folder(slide)
    assert original in hashes(place) | hashes(sealed), "the original is not there"
    whole_copy = slide.privacy.get("copy") or (slide.files if slide.sealed_files else [])
    if whole_copy:
        assert any(all((folder / name).is_file() for name in whole_copy) for folder in (place, copy))
    Job.objects.filter(kind="slide.check").update(state="queued", claim=None, lease_until=None, not_before=None)
    run_jobs("ingest")
    slide.refresh_from_db()
    assert (slide.state, Upload.objects.get().state) == ("ready", "ready")
    assert hashes(sealed) == {original}
    assert original not in hashes(place)
    assert all(path.is_file() for path in files.slide_paths(slide))
    assert [folder.name for folder in place.parent.iterdir()] == [slide.folder]


def test_an_archive_is_sealed_as_it_came(cast, run_jobs, tmp_path):
    slide_makers.mirax(tmp_path)
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in [tmp_path / "slide.mrxs", *(tmp_path / "slide").iterdir()]:
            archive.write(part, part.relative_to(tmp_path))
    send(cast, path)
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert (slide.state, slide.format) == ("ready", "MIRAX")
    assert [name.rpartition(".")[2] for name in slide.sealed_files] == ["zip"]
    assert hashes(files.sealed_folder(slide)) == {hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_full_disk_keeps_what_was_sent_until_there_is_room(cast, run_jobs, monkeypatch, tmp_path):
    send(cast, makers.svs(tmp_path))
    with monkeypatch.context() as full:
        full.setattr(files, "free_bytes", lambda path: 1000)
        run_jobs("ingest")
    upload = Upload.objects.get()
    assert (upload.state, upload.step) == ("checking", "stopped")
    assert "no room" in upload.reason
    uploads.check_again(cast.tech, upload)
    run_jobs("ingest")
    assert Slide.objects.get().state == "ready"


def test_an_original_is_deleted_when_its_time_is_over(cast, run_jobs, tmp_path):
    send(cast, makers.svs(tmp_path))
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert sweep.sweep_leftovers().originals == 0
    Slide.objects.update(sealed_until=timezone.now() - timedelta(seconds=1))
    assert sweep.sweep_leftovers().originals == 1
    slide.refresh_from_db()
    assert (slide.state, slide.sealed_files, slide.sealed_until) == ("ready", [], None)
    assert not files.sealed_folder(slide).exists()
    assert files.slide_paths(slide)[0].exists()
    assert AuditEntry.objects.filter(action="slide.unseal").count() == 1


def test_what_an_erased_check_left_beside_the_slides_is_swept():
    strays = [settings.SLIDES_ROOT / f"{uuid.uuid4()}.{what}" for what in files.WORK_FOLDERS]
    strays += [settings.SEALED_ROOT / str(uuid.uuid4()), settings.TILE_CACHE_ROOT / str(uuid.uuid4())]
    for folder in strays:
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"x")
        os.utime(folder, (time.time() - 7200,) * 2)
    assert sweep.sweep_leftovers().folders == len(strays)
    assert not any(folder.exists() for folder in strays)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [3])
def test_a_check_that_is_killed_again_and_again_ends_as_if_it_had_not_been(cast, run_jobs, tmp_path, kills):
    killed_again_and_again(cast, run_jobs, tmp_path, kills, random.Random(1))


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_of_the_check_lose_nothing(cast, run_jobs, tmp_path, seed):
    killed_again_and_again(cast, run_jobs, tmp_path, 10, random.Random(seed))


def killed_again_and_again(cast, run_jobs, tmp_path, kills: int, chance: random.Random) -> None:
    """kill -9 of the job's own process at random moments of its few seconds, then one run to the end."""
    path = makers.svs(tmp_path)
    original = hashlib.sha256(path.read_bytes()).hexdigest()
    send(cast, path)
    Job.objects.exclude(kind=uploads.CHECK).delete()
    for _ in range(kills):
        job = claims.claim("ingest", "test")
        if job is None:
            break  # it got to its end
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_job", str(job.pk), str(job.claim)],
            cwd=settings.BASE_DIR,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "MITOWEB_SLIDES": str(settings.SLIDES_ROOT),
                "MITOWEB_UPLOADS": str(settings.UPLOADS_ROOT),
                "MITOWEB_SEALED": str(settings.SEALED_ROOT),
                "MITOWEB_DISK_RESERVE_BYTES": str(settings.DISK_RESERVE_BYTES),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.8, 6.0))
        process.kill()
        process.wait()
        slide = Slide.objects.get()
        assert original in hashes(files.slide_folder(slide)) | hashes(files.sealed_folder(slide))
        # A busy machine may have put it back by itself, for later: that is no end either.
        left = Job.objects.filter(pk=job.pk, state__in=["running", "queued"])
        left.update(state="queued", claim=None, lease_until=None, attempts=0, not_before=None)
    run_jobs("ingest")
    slide = Slide.objects.get()
    assert (slide.state, Upload.objects.get().state) == ("ready", "ready")
    assert hashes(files.sealed_folder(slide)) == {original}
    assert original not in hashes(files.slide_folder(slide))
    assert all(path.is_file() for path in files.slide_paths(slide))
