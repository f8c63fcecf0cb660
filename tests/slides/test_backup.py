"""A backup taken while people work, brought back into an installation of its own, and what fsck says of both."""

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import tifffile
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from mitoweb.lib.embedded_db import EmbeddedPostgres
from mitoweb.lib.jobs.models import Job
from mitoweb.people.audit import record_change
from slides import files
from slides.models import Region, Slide, Upload
from slides.services import erase, regions, uploads
from slides.services.backup import BackupTrouble, make_backup, restore
from slides.services.backup.manifest import DUMP, Entry, Manifest, copy_file
from tests.factories import SlideFactory, UserFactory

ENTRY = {"bytes": 1, "sha256": "0"}
SQUARE = [[10, 10], [60, 10], [60, 60], [10, 60]]


def made(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (300, 400, 3), np.uint8)
    resolution = {"resolution": (40000, 20000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, tile=(128, 128), photometric="rgb", compression="zlib", **resolution)
    return path


def send(cast, path: Path, label: str, length: int | None = None) -> Upload:
    """A file on its way in; only its first `length` bytes where that is given."""
    size = path.stat().st_size
    upload = uploads.create_upload(cast.tech, cast.case, uploads.UploadRequest(path.name, size, label=label))
    with path.open("rb") as file:
        uploads.receive_piece(upload, 0, file, size if length is None else length)
    return upload


def slide_of(upload: Upload) -> Slide:
    upload.refresh_from_db()
    return upload.slide


def beside(work) -> None:
    """Do something as another process would, with a connection of its own, and wait for it."""

    def run() -> None:
        work()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def hashes_below(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


class FreshInstallation:
    """Another var/ with a database of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.var = folder
        self.database = EmbeddedPostgres(folder / "postgres", durable=False)

    def manage(self, *words: str) -> subprocess.CompletedProcess:
        own = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
        environment = own | {"MITOWEB_VAR": str(self.var), "DJANGO_SETTINGS_MODULE": "mitoweb.settings"}
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120
        )

    def rows(self, query: str) -> list[tuple]:
        with self.database.connect() as other:
            return other.execute(query).fetchall()

    def __enter__(self) -> "FreshInstallation":
        self.database.start()
        return self

    def __exit__(self, *exception) -> None:
        self.database.stop()


@pytest.fixture
def at_work(cast, run_jobs, tmp_path):
    """Two slides that are ready, one that waits for its check, and one of which a part has arrived."""
    kept = slide_of(send(cast, made(tmp_path / "kept.tif", 1), "A1"))
    leaving = slide_of(send(cast, made(tmp_path / "leaving.tif", 2), "A2"))
    run_jobs("ingest")
    waiting = slide_of(send(cast, made(tmp_path / "waiting.tif", 3), "A3"))
    begun_file = made(tmp_path / "begun.tif", 4)
    begun = send(cast, begun_file, "A4", length=400)
    regions.add_region(cast.reader, Slide.objects.get(pk=kept.pk), "before", SQUARE)
    return kept, leaving, waiting, begun, begun_file


@pytest.mark.django_db(transaction=True)
def test_a_backup_taken_during_work_comes_back_with_nothing_lost_and_nothing_twice(
    cast, at_work, run_jobs, tmp_path, settings
):
    kept, leaving, waiting, begun, begun_file = at_work

    def go_on_working(text: str) -> None:
        """Behind the snapshot: a region is drawn, an upload ends and both are checked, a slide is erased."""
        if text.startswith("Database"):
            beside(lambda: regions.add_region(cast.reader, Slide.objects.get(pk=kept.pk), "after", SQUARE))
            beside(lambda: finish(begun, begun_file))
            beside(lambda: run_jobs("ingest"))
            beside(lambda: erase.erase_slide(cast.lead, Slide.objects.get(pk=leaving.pk)))
            beside(lambda: run_jobs("erase"))

    manifest = make_backup(tmp_path / "backup", go_on_working)
    assert manifest.erased == [str(leaving.pk)]
    assert Slide.objects.filter(state="ready").count() == 3, "the work beside the backup did not go on"
    sent = hashlib.sha256(begun_file.read_bytes()).hexdigest()

    with FreshInstallation(tmp_path / "fresh") as fresh:
        damaged = next((tmp_path / "backup" / "slides").rglob("slide.*"))
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        refused = fresh.manage("restore", str(tmp_path / "backup"))
        assert (refused.returncode, "damaged" in refused.stderr) == (1, True), refused.stderr
        assert not (fresh.var / "slides").exists(), "a damaged backup changed something"
        damaged.write_bytes(whole)

        done = fresh.manage("restore", str(tmp_path / "backup"))
        assert done.returncode == 0, done.stderr
        assert fresh.rows("SELECT label, state FROM slides_slide ORDER BY label") == [
            ("A1", "ready"),
            ("A3", "checking"),
        ]
        assert fresh.rows("SELECT name FROM slides_region") == [("before",)]
        assert fresh.rows("SELECT state FROM slides_upload WHERE label = 'A4'") == [("uploading",)]
        assert hashes_below(fresh.var / "slides" / kept.folder) == hashes_below(files.slide_folder(kept))
        [part] = (fresh.var / "uploads").iterdir()
        assert hashlib.sha256(part.read_bytes()).hexdigest() == sent, "what had arrived is not what was sent"
        assert list(hashes_below(fresh.var / "slides" / waiting.folder).values()) == [waiting_hash(waiting)]
        assert not (fresh.var / "slides" / leaving.folder).exists()
        again = fresh.manage("restore", str(tmp_path / "backup"))
        assert (again.returncode, "fresh" in again.stderr) == (1, True)


def finish(upload: Upload, path: Path) -> None:
    with path.open("rb") as file:
        file.seek(400)
        uploads.receive_piece(Upload.objects.get(pk=upload.pk), 400, file, path.stat().st_size - 400)


def waiting_hash(slide: Slide) -> str:
    [original] = files.sealed_folder(Slide.objects.get(pk=slide.pk)).iterdir()
    return hashlib.sha256(original.read_bytes()).hexdigest()


@pytest.mark.django_db(transaction=True)
def test_a_backup_that_did_not_end_leaves_nothing_that_could_be_taken_for_one(tmp_path):
    with pytest.raises(ZeroDivisionError):
        make_backup(tmp_path / "backup", lambda text: 1 / 0)
    assert not list(tmp_path.iterdir())
    (tmp_path / "backup").mkdir()
    with pytest.raises(BackupTrouble, match="there already"):
        make_backup(tmp_path / "backup")


@pytest.mark.django_db
def test_fsck_names_each_disagreement_and_mends_what_it_can(cast, run_jobs, tmp_path, settings):
    slide = slide_of(send(cast, made(tmp_path / "one.tif", 1), "A1"))
    run_jobs("ingest")
    assert said_by_fsck() == (0, "Database and files agree.")
    slide.refresh_from_db()
    files.thumbnail_path(slide).unlink()
    files.remove_tree(files.sealed_folder(slide))
    stray = settings.SLIDES_ROOT / str(uuid.uuid4())
    stray.mkdir()
    os.utime(stray, (0, 0))
    lost = send(cast, made(tmp_path / "two.tif", 2), "A2", length=400)
    files.part_path(lost).unlink()
    forgotten = slide_of(send(cast, made(tmp_path / "three.tif", 3), "A3"))
    Job.objects.filter(pk=forgotten.job_id).delete()
    empty = SlideFactory(case=cast.case, state="ready", folder=str(uuid.uuid4()), files=["slide.tiff"])
    status, text = said_by_fsck("--mend")
    assert status == 1
    for word in ("no overview", "sealed original", str(stray), f"Upload {lost.pk}", "no job does it", str(empty.pk)):
        assert word in text, f"fsck says nothing of: {word}"
    status, text = said_by_fsck()
    assert (status, text.count("\n")) == (1, 0), text
    assert f"{empty.pk}: slide.tiff is missing" in text
    run_jobs("ingest")
    assert Slide.objects.get(pk=forgotten.pk).state == "ready"
    assert Region.objects.count() == 0
    lost.refresh_from_db()
    assert (lost.state, lost.expires > timezone.now() - timedelta(days=30)) == ("cancelled", True)


def said_by_fsck(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("fsck", *words, stdout=out)
    except CommandError:
        return 1, out.getvalue().strip()
    return 0, out.getvalue().strip()


def test_a_backup_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BackupTrouble, match="cannot be made: Not a directory"):
        make_backup(tmp_path / "file" / "backup")


def size_of(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_fills_up_leaves_no_backup_and_says_so(cast, at_work, tmp_path, monkeypatch):
    """The kernel ends each write behind so many bytes, as a full disk does: more than the dump, less than a slide."""
    make_backup(tmp_path / "whole", lambda text: None)
    dump, largest = (tmp_path / "whole" / DUMP).stat().st_size, max(size_of(tmp_path / "whole"))
    assert largest > 1.1 * dump, "no file is larger than the dump, so its own write would be cut"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((dump + largest) // 2, before[1]))
    try:
        with pytest.raises(BackupTrouble, match="so there is none: File too large"):
            make_backup(tmp_path / "backup", lambda text: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.glob("backup*"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"files": {}}, "names no database.dump"),
        ({"files": {DUMP: {"bytes": 1}}}, "not what a backup writes"),
        ({"files": {DUMP: ENTRY, "slides/../../x": ENTRY}}, "no backup holds"),
        ({"files": {DUMP: ENTRY, "/etc/passwd": ENTRY}}, "no backup holds"),
        ({"files": {DUMP: ENTRY, "other/x": ENTRY}}, "no backup holds"),
        ({"files": {DUMP: ENTRY, "": ENTRY}}, "no backup holds"),
        ({"files": []}, "not what a backup writes"),
        ({"version": 2}, "^The backup is of another kind .2.; this program reads 1.$"),
        ({"made": None}, "not what a backup writes"),
    ],
)
def test_what_names_the_files_wrongly_is_refused_before_anything_is_changed(tmp_path, change, sentence):
    facts = {"made": "2026", "program": "1", "files": {DUMP: ENTRY}}
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    assert Manifest.read(tmp_path).files == {DUMP: Entry(1, "0")}
    (tmp_path / "manifest.json").write_text(json.dumps(facts | change))
    with pytest.raises(BackupTrouble, match=sentence):
        Manifest.read(tmp_path)
    for text in ("", "[" * 9000, "null"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(BackupTrouble, match="not what a backup writes"):
            Manifest.read(tmp_path)


@pytest.mark.django_db
def test_what_a_killed_attempt_left_may_be_overwritten_until_somebody_works_with_it(tmp_path, settings, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(restore.database, "other_sessions", lambda: 0)  # the tests' own
    person = UserFactory()
    (tmp_path / restore.MARK).touch()
    restore._refuse_used_installation()
    record_change(person, None, "sign_in.done", "", "signed in")
    with pytest.raises(BackupTrouble, match="has users already"):
        restore._refuse_used_installation()


def test_files_come_back_into_folders_that_are_disks_of_their_own(tmp_path, settings):
    """Here links to other places, which cannot be removed and made anew either."""
    for name in ("slides", "sealed", "uploads", "models"):
        (tmp_path / "disks" / name / "lost+found").mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / "disks" / name)
        setattr(settings, f"{name.upper()}_ROOT", tmp_path / name)
    (tmp_path / "slides" / "of a killed attempt").mkdir()
    kept = tmp_path / "backup" / "slides" / "one" / "slide.tif"
    entry = copy_file(made(tmp_path / "a.tif", 1), kept)
    assert kept.parents[1].stat().st_mode & 0o077 == 0

    restore._bring_files(tmp_path / "backup", Manifest("2026", "1", {"slides/one/slide.tif": entry}))
    assert list(hashes_below(tmp_path / "disks")) == ["slides/one/slide.tif"]
    assert sorted(path.name for path in (tmp_path / "slides").iterdir()) == ["lost+found", "one"]
