"""What crashes leave behind is cleaned, and nothing else."""

import os
import time
import uuid

import pytest
from django.core.management import call_command

from mitoweb.lib.jobs.supervisor import JobSupervisor
from slides.files import part_path, sealed_folder
from tests.factories import SlideFactory, UploadFactory

pytestmark = pytest.mark.django_db
OLD = time.time() - 7200


def aged(path):
    os.utime(path, (OLD, OLD))
    return path


def test_files_that_no_row_knows_are_removed_once_they_are_old(settings, capsys):
    settings.UPLOADS_ROOT.mkdir(parents=True)
    settings.SLIDES_ROOT.mkdir(parents=True)
    stray_part, fresh_part = (settings.UPLOADS_ROOT / f"{uuid.uuid4()}.part" for _ in range(2))
    stray_folder, fresh_folder, foreign = (
        settings.SLIDES_ROOT / str(name) for name in (uuid.uuid4(), uuid.uuid4(), "archive")
    )
    for path in (stray_part, fresh_part):
        path.write_bytes(b"x")
    for folder in (stray_folder, fresh_folder, foreign):
        folder.mkdir()
        (folder / "x.svs").write_bytes(b"x")
    for path in (stray_part, stray_folder, foreign):
        aged(path)

    upload = UploadFactory()
    part_path(upload).write_bytes(b"some")
    slide = SlideFactory()
    kept = [aged(part_path(upload)), aged(settings.SLIDES_ROOT / slide.folder)]

    call_command("sweep_uploads")
    assert "1 part files and 1 folders without a row removed" in capsys.readouterr().out
    assert not stray_part.exists()
    assert not stray_folder.exists()
    assert all(path.exists() for path in (fresh_part, fresh_folder, foreign, *kept))


def test_an_upload_that_is_being_written_does_not_expire():
    import fcntl
    from datetime import timedelta

    from django.utils import timezone

    from slides.services.sweep import sweep_leftovers

    upload = UploadFactory(expires=timezone.now() - timedelta(days=1))
    part_path(upload).parent.mkdir(parents=True, exist_ok=True)
    part_path(upload).write_bytes(b"some")
    with part_path(upload).open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert sweep_leftovers().expired == 0
    assert sweep_leftovers().expired == 1
    assert not part_path(upload).exists()


def test_an_original_past_its_time_goes_though_nobody_uploads(run_jobs):
    from datetime import timedelta

    from django.utils import timezone

    now = timezone.now()
    late, early = (SlideFactory(sealed_files=["a.svs"], sealed_until=now + timedelta(days=d)) for d in (-40, 1))
    for slide in (late, early):
        sealed_folder(slide).mkdir(parents=True)
        (sealed_folder(slide) / "a.svs").write_bytes(b"x")

    JobSupervisor({}, None)._turn()
    run_jobs("ingest")
    assert not sealed_folder(late).exists()
    assert sealed_folder(early).exists()
    late.refresh_from_db()
    assert (late.sealed_files, late.sealed_until) == ([], None)
