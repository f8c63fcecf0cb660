"""A machine short of memory, time or disk delays checks and pictures; it refuses, deletes and closes nothing.

The children are the real ones; what the kernel or a busy machine would do to them is done by signals.
"""

import errno
from datetime import timedelta
from signal import SIGKILL, SIGSEGV, SIGSTOP

import pytest
from django.utils import timezone

from mitoweb.lib.jobs.models import Job
from slides import files
from slides.models import Slide, Upload
from slides.services import ingest, slides, uploads
from slides.tiles import pictures
from slides.wsi.sandbox import one_task
from slides.wsi.sandbox.decoder_child import Child
from tests.factories import SlideFactory, small_slide, tissue_pixels, write_tiff
from tests.wsi.children import hit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_pool")]
STEPS = {
    "slides.wsi.working_copy.child": "the working copy",
    "slides.wsi.pyramid_maker": "the levels",
    '"op": "check"': "the probe",
    '"op": "index"': "the index",
    '"op": "thumbnail"': "the overview",
}


@pytest.fixture
def machine(monkeypatch):
    """machine(signal, step) hits every child at that step from now on; machine.recover() ends that."""

    class Machine:
        def __init__(self) -> None:
            self.hits = 0

        def __call__(self, number, step: str) -> None:
            start, send = one_task.subprocess.Popen, Child._send

            def started(command, **options):
                child = start(command, **options)
                if step in command:
                    self.hits += 1
                    hit(child.pid, number)
                return child

            def sent(child: Child, message: bytes) -> None:
                if step.encode() in message:
                    self.hits += 1
                    hit(child.pid, number)
                send(child, message)

            monkeypatch.setattr(one_task.subprocess, "Popen", started)
            monkeypatch.setattr(Child, "_send", sent)

        def recover(self) -> None:
            monkeypatch.undo()

    return Machine()


@pytest.fixture
def slide(cast):
    return SlideFactory(case=cast.case)


def send(cast, path) -> Upload:
    with path.open("rb") as file:
        size = path.stat().st_size
        upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest(path.name, size))
        uploads.receive_piece(upload, 0, file, size)
    return upload


def check_to_the_end(run_jobs) -> None:
    """All attempts, without the pauses between them."""
    for _ in range(3):
        Job.objects.update(not_before=None)
        run_jobs("ingest")


def assert_stopped_with_its_file(upload: Upload, sentence: str) -> None:
    upload.refresh_from_db()
    assert (upload.state, upload.step) == ("checking", "stopped")
    assert upload.reason == f"{sentence} It was tried 3 times. {ingest.KEPT}"
    assert upload.slide.state == Slide.State.CHECKING
    assert all(path.exists() for path in files.slide_paths(upload.slide))


@pytest.mark.parametrize("step", STEPS, ids=STEPS.get)
def test_a_check_whose_child_is_killed_is_tried_again_and_then_stops_with_the_file(
    cast, run_jobs, machine, tmp_path, step
):
    upload = send(cast, write_tiff(tmp_path / "scan.tif", tissue_pixels(700, 600), (0.25, 0.25)))
    machine(SIGKILL, step)
    run_jobs("ingest")
    job = Job.objects.get()
    assert (job.state, job.message) == ("queued", f"{ingest.SHORT} It will be tried again (attempt 2 of 3).")
    check_to_the_end(run_jobs)
    assert machine.hits == 3
    assert_stopped_with_its_file(upload, ingest.SHORT)
    machine.recover()
    uploads.check_again(cast.tech, upload)
    run_jobs("ingest")
    upload.refresh_from_db()
    assert upload.state == "ready", upload.reason


def test_a_check_whose_child_never_runs_ends_stopped_and_not_refused(cast, run_jobs, machine, settings):
    settings.DECODER_TIMEOUT_S = 1
    upload = send(cast, small_slide())
    machine(SIGSTOP, '"op": "check"')
    check_to_the_end(run_jobs)
    assert_stopped_with_its_file(upload, ingest.SHORT)


def test_a_check_whose_child_crashes_refuses_the_file_at_once(cast, run_jobs, machine):
    upload = send(cast, small_slide())
    machine(SIGSEGV, '"op": "check"')
    run_jobs("ingest")
    upload.refresh_from_db()
    assert (upload.state, machine.hits) == ("refused", 1)
    assert "safely (signal 11)" in upload.reason


def test_a_full_disk_stops_the_check_and_keeps_the_file(cast, run_jobs, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = send(cast, small_slide())
    monkeypatch.setattr(files, "write_for_good", full)
    check_to_the_end(run_jobs)
    assert_stopped_with_its_file(upload, ingest.DISK_FULL)


@pytest.mark.parametrize("address", ["image_files/10/0_0.jpeg", "crop.jpeg?x_l0=90&y_l0=90&size_px_l0=50"])
def test_a_picture_whose_decoder_is_killed_is_asked_for_later_and_counts_for_nothing(cast, slide, machine, address):
    client, url = cast.as_(cast.observer), f"/api/slides/{slide.pk}/{address}"
    machine(SIGKILL, '"op"')
    for _ in range(4):
        answer = client.get(url)
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    machine.recover()
    assert client.get(url).status_code == 200, "what the machine hindered was remembered as broken"
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths) == ("ready", 0)


def test_a_picture_whose_decoder_is_kept_waiting_counts_for_nothing(cast, slide, machine, monkeypatch):
    with pictures.DecoderPool(1, 2048, 1.0) as slow:
        monkeypatch.setattr(pictures, "get_pool", lambda: slow)
        machine(SIGSTOP, '"op"')
        assert cast.as_(cast.reader).get(f"/api/slides/{slide.pk}/image_files/10/0_0.jpeg").status_code == 503
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths) == ("ready", 0)


def test_a_slide_that_crashed_its_decoders_shows_every_tile_after_its_release(cast, slide, machine, run_jobs):
    client, url = cast.as_(cast.reader), f"/api/slides/{slide.pk}/image_files/10/"
    machine(SIGSEGV, '"op"')
    assert [client.get(f"{url}{column}_0.jpeg").status_code for column in range(3)] == [404] * 3
    slide.refresh_from_db()
    assert slide.state == "quarantine"
    assert "3 times within a day" in slide.reason
    machine.recover()
    Slide.objects.filter(pk=slide.pk).update(privacy={"method": "tiff", "unknown": [], "removed": [], "verified": True})
    released = cast.as_(cast.admin).post(
        f"/api/slides/{slide.pk}/release/", {"reason": "a new driver"}, "application/json"
    )
    assert (released.status_code, Slide.objects.get().decoder_deaths) == (202, 0)
    run_jobs("ingest")
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths) == ("ready", 0)
    files.native_path(slide).unlink(missing_ok=True)  # so that tiles are decoded
    assert [client.get(f"{url}{column}_0.jpeg").status_code for column in range(3)] == [200] * 3


def test_deaths_of_more_than_a_day_ago_do_not_count(slide):
    now = timezone.now()
    slide.decoder_died = [now - timedelta(hours=25), now - timedelta(hours=23)]
    slide.save()
    slides.count_decoder_death(slide, "signal 11")
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths) == ("ready", 2)
    slides.count_decoder_death(Slide(pk=slide.pk), "signal 11")  # as the shortcut of tiles knows it, without its case
    slide.refresh_from_db()
    assert (slide.state, slide.decoder_deaths) == ("quarantine", 3)


def test_the_death_of_a_decoder_at_an_erased_slide_is_no_error(slide):
    Slide.objects.all().delete()
    slides.count_decoder_death(slide, "signal 11")
