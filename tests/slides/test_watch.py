"""The watched folder: what comes to rest is taken once and moved, whatever is killed in between."""

import io
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
from django.core.management import call_command
from django.db import connection

from mitoweb.lib.errors import Refused
from slides.models import Slide, Upload
from slides.services import watching
from slides.services.watching import JOURNAL, FolderWatch
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
def watch(cast, root, clock) -> FolderWatch:
    return FolderWatch(root, cast.tech, settle_s=30, clock_s=clock)


def settled(watch: FolderWatch, clock: Clock):
    lines = watch.run_round()
    clock.now += 31
    return lines + watch.run_round()


def below(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_taken_when_it_stands_still_and_moved_to_done(cast, place, root, watch, clock):
    shutil.copy(small_slide(), place / "A1.tif")
    (line,) = settled(watch, clock)
    assert (line.outcome, line.case) == ("imported", "26-04417")
    assert below(root) == [f"done/{cast.team.name}/26-04417/A1.tif"]
    assert cast.case.slides.get().state == "ready"
    assert watch.run_round() == []


def test_slides_are_labelled_by_their_files_only_where_that_is_asked_for(cast, place, root, clock):
    for seed, asked in ((1, False), (2, True)):
        write_tiff(place / f"A{seed}.tif", tissue_pixels(512, 512, seed=seed), mpp=(0.5, 0.5))
        settled(FolderWatch(root, cast.tech, settle_s=30, clock_s=clock, labels_from_names=asked), clock)
    assert list(cast.case.slides.order_by("created").values_list("label", flat=True)) == ["Slide 1", "A2"]


def test_a_file_that_still_grows_is_left_alone(place, watch, clock):
    content = small_slide().read_bytes()
    for end in (1000, 2000, len(content)):
        (place / "A1.tif").write_bytes(content[:end])
        watch.run_round()
        clock.now += 29
        assert watch.run_round() == []
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
    (line,) = watch.run_round()
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
    assert watch.run_round() == []
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
    with (
        watch.hold_folder(),
        pytest.raises(Refused, match="Another process"),
        FolderWatch(root, cast.tech, 0).hold_folder(),
    ):
        pass


@pytest.fixture
def rounds(cast, root, monkeypatch):
    """Let the command look three times, with one function of the watch replaced; what it said."""

    def run(name: str, replaced) -> str:
        said = io.StringIO()
        monkeypatch.setattr(watching, name, replaced)
        call_command("watch_slides", root, by=cast.tech.username, settle=0, every=0, rounds=3, stdout=said)
        return said.getvalue()

    return run


def once_before(function, do):
    """`function`, with `do` before its first call."""
    left = [do]

    def both(*args):
        if left:
            left.pop()()
        return function(*args)

    return both


def test_a_file_that_vanishes_after_it_was_listed_is_not_at_rest(place, watch, clock, monkeypatch):
    for name in ("A1.tif", "notes.docx"):
        shutil.copy(small_slide(), place / name)
    watch.run_round()
    clock.now += 31
    listed = watching.scan_folder(place)
    monkeypatch.setattr(watching, "scan_folder", lambda folder: listed)
    for name in ("A1.tif", "notes.docx"):
        (place / name).rename(place.parent.parent.parent / name)
    assert watch.run_round() == []
    (place.parent.parent.parent / "A1.tif").rename(place / "A1.tif")
    assert watch.run_round() == []  # it stands still anew
    clock.now += 31
    (line,) = watch.run_round()
    assert line.outcome == "imported"


def test_the_watch_goes_on_after_the_database_was_away(cast, place, rounds):
    shutil.copy(small_slide(), place / "A1.tif")

    def cut_off() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    said = rounds("find_or_create_case", once_before(watching.find_or_create_case, cut_off))
    assert said.count("The database does not answer; the next round tries again.") == 1
    assert "26-04417/A1.tif: imported" in said
    assert cast.case.slides.get().state == "ready"


def test_the_watch_goes_on_after_the_folder_was_away(place, root, rounds):
    shutil.copy(small_slide(), place / "A1.tif")
    away = root.with_name("away")
    folders, calls = watching._list_folders, []

    def unplugged(folder):
        calls.append(folder)
        if len(calls) == 1:
            root.rename(away)
            try:
                return folders(folder)
            finally:
                away.rename(root)
        return folders(folder)

    said = rounds("_list_folders", unplugged)
    assert "The folder cannot be worked on (No such file or directory); the next round tries again." in said
    assert "26-04417/A1.tif: imported" in said


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
