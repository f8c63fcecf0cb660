"""The watched folder: what comes to rest is taken once and moved, whatever is killed in between."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from mitoweb.lib.errors import Refused
from slides.models import Slide, Upload
from slides.services.watching import JOURNAL, Watch
from tests.factories import small_slide, tissue_pixels, write_tiff

# A check that broke off is queued again after a pause, and the clock of a transaction stands still.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def place(cast, tmp_path):
    made = tmp_path / "watch" / cast.team.name / "26-04417"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def root(place):
    return place.parent.parent


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(cast, root, clock) -> Watch:
    return Watch(root, cast.tech, settle_s=30, clock_s=clock)


def settled(watch: Watch, clock: Clock):
    lines = watch.look()
    clock.now += 31
    return lines + watch.look()


def below(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_taken_when_it_stands_still_and_moved_to_done(cast, place, root, watch, clock):
    shutil.copy(small_slide(), place / "A1.tif")
    (line,) = settled(watch, clock)
    assert (line.outcome, line.case) == ("imported", "26-04417")
    assert below(root) == [f"done/{cast.team.name}/26-04417/A1.tif"]
    assert cast.case.slides.get().state == "ready"
    assert watch.look() == []


def test_a_file_that_still_grows_is_left_alone(place, watch, clock):
    content = small_slide().read_bytes()
    for end in (1000, 2000, len(content)):
        (place / "A1.tif").write_bytes(content[:end])
        watch.look()
        clock.now += 29
        assert watch.look() == []
        clock.now += 29
    assert not Upload.objects.exists()
    (line,) = settled(watch, clock)
    assert line.outcome == "imported"


def test_what_is_no_slide_goes_to_failed_with_its_reason_beside(cast, place, root, watch, clock):
    (place / "B1.svs").write_text("only text\n" * 20)
    (place / "notes.docx").write_bytes(b"x")
    (place / "half.svs.part").write_bytes(b"x")
    (place / "C3").mkdir()
    (place / "C3" / "Data0000.dat").write_bytes(b"its .mrxs is still to come")
    settled(watch, clock)
    failed = root / "failed" / cast.team.name / "26-04417"
    assert below(failed) == ["B1.svs", "B1.svs.txt", "notes.docx", "notes.docx.txt"]
    assert (failed / "B1.svs.txt").read_text() == "Refused: This is a text file, not a slide.\n"
    assert below(place) == ["C3/Data0000.dat", "half.svs.part"]


def test_a_second_file_of_the_same_name_does_not_replace_the_first(cast, place, root, watch, clock):
    for seed in (1, 2):
        write_tiff(place / "A1.tif", tissue_pixels(512, 512, seed=seed), mpp=(0.5, 0.5))
        settled(watch, clock)
    assert below(root / "done" / cast.team.name) == ["26-04417 (2)/A1.tif", "26-04417/A1.tif"]
    assert cast.case.slides.count() == 2


def test_what_cannot_be_taken_now_lies_where_it_is_and_is_tried_again(place, watch, clock, settings):
    shutil.copy(small_slide(), place / "A1.tif")
    settings.UPLOAD_QUOTA_BYTES = 10
    (line,) = settled(watch, clock)
    assert line.outcome == "failed"
    assert below(place) == ["A1.tif"]
    settings.UPLOAD_QUOTA_BYTES = 0
    (line,) = watch.look()
    assert line.outcome == "imported"


def test_a_folder_of_no_team_is_said_and_left(root, watch, clock):
    (root / "Nobody" / "26-1").mkdir(parents=True)
    shutil.copy(small_slide(), root / "Nobody" / "26-1" / "A1.tif")
    (line,) = settled(watch, clock)
    assert (line.outcome, "in no team" in line.reason) == ("failed", True)
    assert below(root / "Nobody") == ["26-1/A1.tif"]


def test_a_set_that_was_half_moved_is_moved_whole_before_anything_is_looked_at(cast, place, root, watch):
    done = f"done/{cast.team.name}/26-04417"
    pairs = [[f"{cast.team.name}/26-04417/{n}.dcm", f"{done}/{n}.dcm"] for n in (1, 2)]
    (root / done).mkdir(parents=True)
    (root / pairs[0][1]).write_bytes(b"moved before the kill")
    (root / pairs[1][0]).write_bytes(b"still to move")
    (root / JOURNAL).write_text(json.dumps({"pairs": pairs, "note": [f"{done}/1.dcm.txt", "Waits\n"]}))
    assert watch.look() == []
    assert below(root) == [f"{done}/1.dcm", f"{done}/1.dcm.txt", f"{done}/2.dcm"]


def test_a_file_that_was_taken_but_not_moved_is_moved_and_not_taken_twice(cast, place, root, watch, clock):
    shutil.copy(small_slide(), place / "A1.tif")
    settled(watch, clock)
    shutil.move(root / "done" / cast.team.name / "26-04417" / "A1.tif", place / "A1.tif")
    (line,) = settled(watch, clock)
    assert line.outcome == "already here"
    assert below(root) == [f"done/{cast.team.name}/26-04417/A1.tif"]
    assert cast.case.slides.count() == 1


def test_two_processes_do_not_watch_one_folder(cast, root, watch):
    with watch.alone(), pytest.raises(Refused, match="Another process"), Watch(root, cast.tech, 0).alone():
        pass


def under_kills(cast, place, root, count: int, kills: int) -> None:
    """Watch a folder in a process that is killed again and again; then all is there once and moved."""
    draw = random.Random(3)
    for number in range(count):
        write_tiff(place / f"A{number}.tif", tissue_pixels(1024, 1024, seed=number + 10), mpp=(0.5, 0.5))
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "MITOWEB_SLIDES": str(settings.SLIDES_ROOT),
        "MITOWEB_UPLOADS": str(settings.UPLOADS_ROOT),
        "MITOWEB_DISK_RESERVE_BYTES": "1000000",
    }
    command = [sys.executable, "manage.py", "watch_slides", str(root), "--by", cast.tech.username]
    command += ["--settle", "0", "--every", "0.1"]

    def left() -> bool:
        return any(place.iterdir()) or (root / JOURNAL).exists()

    for attempt in range(kills + 1):
        log = (root.parent / "watch.log").open("w")
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + (draw.uniform(2, 9) if attempt < kills else 300)
            while time.monotonic() < until and process.poll() is None and (attempt < kills or left()):
                time.sleep(0.05)
            assert process.poll() is None, (root.parent / "watch.log").read_text()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert below(root / "done") == [f"{cast.team.name}/26-04417/A{number}.tif" for number in range(count)]
    assert not (root / "failed").exists()
    slides = Slide.objects.filter(case=cast.case)
    assert [slide.state for slide in slides] == ["ready"] * count
    assert len({slide.sha256 for slide in slides}) == count


@pytest.mark.timeout(600)
def test_the_watch_survives_kills_without_loss_or_double(cast, place, root):
    under_kills(cast, place, root, count=3, kills=3)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_the_watch_survives_thirty_kills(cast, place, root):
    under_kills(cast, place, root, count=9, kills=30)
