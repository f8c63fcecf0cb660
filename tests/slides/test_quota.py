"""Room is promised once: quota, disk and number of open files hold however many uploads begin side by side."""

import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from mitoweb.api_errors import status_of
from mitoweb.lib.errors import Refused
from slides.files import kept_path
from slides.models import Slide, Upload
from slides.services import quota, uploads
from slides.services.uploads import UploadRequest
from tests.factories import CaseFactory, SlideFactory, member
from tests.live import LiveServer
from tests.slides.test_live_upload import Sending, token_of

SIDE_BY_SIDE = 20


def create(cast, by=None, case=None, length: int = 1000) -> Upload:
    return uploads.create_upload(by or cast.tech, case or cast.case, UploadRequest("A1.svs", length))


def test_a_team_cannot_promise_more_than_its_quota(cast):
    cast.team.quota_bytes = 2500
    cast.team.save()
    kept = [create(cast), create(cast)]
    with pytest.raises(quota.OutOfSpace) as refusal:
        create(cast)
    assert status_of(refusal.value) == 507
    assert str(refusal.value).startswith("The team's room is used up: 0.0 MB of 0.0 MB are taken")
    assert Upload.objects.count() == 2
    uploads.cancel_upload(cast.tech, kept[0])
    create(cast)


def test_the_teams_own_quota_goes_before_the_installations(cast, settings):
    settings.UPLOAD_QUOTA_BYTES = 500
    with pytest.raises(quota.OutOfSpace):
        create(cast)
    cast.team.quota_bytes = 5000
    cast.team.save()
    create(cast)
    cast.team.quota_bytes = 0  # as much as the disk has
    cast.team.save()
    create(cast, length=100_000)


def test_slides_count_and_those_that_were_refused_do_not(cast):
    ready = SlideFactory(case=cast.case)
    SlideFactory(case=cast.case, state="refused", folder="", files=[])
    SlideFactory(case=CaseFactory())
    assert quota.used_bytes(cast.team) == ready.bytes
    upload = create(cast)
    assert quota.used_bytes(cast.team) == ready.bytes + 1000
    Upload.objects.filter(pk=upload.pk).update(state="checking", slide=ready)  # counted as its slide
    assert quota.used_bytes(cast.team) == ready.bytes


def test_an_archive_may_grow_to_what_is_left_with_its_own_bytes(cast, settings):
    zipped = SlideFactory(case=cast.case, state="checking")
    cast.team.quota_bytes = zipped.bytes + 4000
    cast.team.save()
    zipped.case.team.refresh_from_db()
    assert quota.archive_limits(zipped).total_bytes == zipped.bytes + 4000
    settings.DISK_RESERVE_BYTES = 2**60
    assert quota.archive_limits(zipped).total_bytes == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["quota", "files"])
def test_twenty_uploads_side_by_side_get_no_more_than_there_is(cast, settings, what):
    people = [member(cast.team, "technician") for _ in range(5)]
    if what == "quota":
        cast.team.quota_bytes = 7500
        cast.team.save()
    else:
        people, settings.UPLOAD_OPEN_PER_USER = [cast.tech], 7
    outcomes, gate = [], threading.Barrier(SIDE_BY_SIDE)

    def one(number: int) -> None:
        gate.wait()
        try:
            create(cast, people[number % len(people)])
            outcomes.append("taken")
        except Refused as refusal:
            outcomes.append(status_of(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(SIDE_BY_SIDE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("taken") == Upload.objects.count() == 7
    assert outcomes.count(507 if what == "quota" else 429) == 13


@contextmanager
def small_disk(folder: Path, megabytes: int):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here; test_tus fills a disk by DISK_RESERVE_BYTES instead")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_a_disk_that_is_full_for_real_keeps_what_came_and_goes_on(cast, settings, tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        settings.SLIDES_ROOT, settings.UPLOADS_ROOT = disk / "slides", disk / "uploads"
        settings.DISK_RESERVE_BYTES = 0
        with LiveServer() as live:
            content = b"0123456789abcdef" * 1_500_000
            sending = Sending(cast, live, token_of(cast.tech), content)
            url = sending.create()
            ballast = disk / "ballast"
            ballast.write_bytes(b"\0" * 48 * 2**20)  # what others wrote since room was promised
            assert sending.status("PATCH", url, {"Upload-Offset": "0"}, content) == 507
            offset = int(sending.ask("HEAD", url)["Upload-Offset"])
            assert 0 < offset < len(content)
            assert sending.status("GET", "/healthz") == 200
            assert sending.status("GET", "/api/cases/") == 200
            assert sending.status("PATCH", url, {"Upload-Offset": str(offset)}, content[offset:]) == 507
            assert not Slide.objects.exists()
            ballast.unlink()
            offset = int(sending.ask("HEAD", url)["Upload-Offset"])
            assert sending.status("PATCH", url, {"Upload-Offset": str(offset)}, content[offset:]) == 204
            upload = Upload.objects.get()
            assert kept_path(upload).read_bytes() == content
            assert Slide.objects.get() == upload.slide
