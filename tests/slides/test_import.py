"""A folder of this machine is brought in: everything in it once, whatever happens in between."""

import json
import shutil
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from slides.files import part_path
from slides.models import Case, Slide, Upload
from slides.services import importing, uploads
from tests.factories import SlideFactory, UploadFactory, member, small_slide, tissue_pixels, write_tiff
from tests.wsi.makers import dicom, svs
from tests.wsi.makers_parts import mirax

# A check that broke off is queued again after a pause, and the clock of a transaction stands still.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "scans"
    (made / "more").mkdir(parents=True)
    shutil.copy(small_slide(), made / "A1.tif")
    write_tiff(made / "more" / "A2.tif", tissue_pixels(512, 512, seed=2), mpp=(0.5, 0.5))
    return made


def run(cast, folder, *more, bad=False, **options) -> tuple[str, list[dict]]:
    """What was printed, and the lines of the JSON report."""
    out, report = StringIO(), folder.parent / "report.json"
    where = () if "--case-per-folder" in more else ("--case", "26-04417")
    words = (str(folder), *where, "--team", cast.team.name, "--by", cast.tech.username, "--report", str(report), *more)
    if bad:
        with pytest.raises(CommandError, match="Some were not taken"):
            call_command("import_slides", *words, stdout=out, stderr=StringIO(), **options)
    else:
        call_command("import_slides", *words, stdout=out, stderr=StringIO(), **options)
    return out.getvalue(), json.loads(report.read_text())["slides"]


def outcomes(lines: list[dict]) -> dict[str, str]:
    return {line["name"]: line["outcome"] for line in lines}


def test_every_slide_of_a_folder_comes_in_and_a_repeat_brings_nothing(cast, folder):
    printed, lines = run(cast, folder)
    assert outcomes(lines) == {"A1.tif": "imported", "more/A2.tif": "imported"}
    assert "2 found: 2 imported." in printed
    assert set(cast.case.slides.values_list("label", "state")) == {("Slide 1", "ready"), ("Slide 2", "ready")}
    assert not Upload.objects.exists()
    printed, lines = run(cast, folder)
    assert set(outcomes(lines).values()) == {"already here"}
    assert cast.case.slides.count() == 2


def test_names_of_files_become_labels_where_that_is_asked_for(cast, folder):
    run(cast, folder, "--labels-from-names")
    assert set(cast.case.slides.values_list("label", flat=True)) == {"A1", "A2"}


@pytest.mark.parametrize(("state", "outcome"), [("checking", "failed"), (None, "failed"), ("ready", "already here")])
def test_a_file_is_not_done_with_because_of_a_slide_that_may_come_to_nothing(cast, folder, state, outcome):
    found = importing.scan_folder(folder).slides[0]
    slide = SlideFactory(case=cast.case, state=state) if state else None
    upload = UploadFactory(case=cast.case, user=cast.tech, state="refused", step="already here", duplicate_of=slide)
    line = importing._fill_outcome(importing.ReportRow(found.name, "", importing.Outcome.WOULD), cast.tech, upload)
    assert line.outcome == outcome
    assert (importing.LATER if outcome == "failed" else "") == line.reason


def test_bad_files_are_reported_and_passed_over(cast, folder):
    (folder / "B1.svs").write_text("only text\n" * 20)
    (folder / "empty.svs").touch()
    (folder / "B3.mrxs").write_bytes(b"\xff\xd8\xff")
    (folder / "readme.txt").write_text("not a slide")
    printed, lines = run(cast, folder, bad=True)
    assert outcomes(lines) == {
        "readme.txt": "left out",
        "A1.tif": "imported",
        "B1.svs": "refused",
        "B3.mrxs": "refused",
        "empty.svs": "refused",
        "more/A2.tif": "imported",
    }
    reasons = {line["name"]: line["reason"] for line in lines}
    assert "text file" in reasons["B1.svs"]
    assert "zero bytes" in reasons["empty.svs"]
    assert "folder of the same name" in reasons["B3.mrxs"]
    assert "readme" in printed
    run(cast, folder, bad=True)
    assert Upload.objects.filter(state="refused").count() == 1  # one row however often it is tried


def test_a_dry_run_says_what_would_be_done_and_does_nothing(cast, folder):
    _, lines = run(cast, folder, "--dry-run")
    assert set(outcomes(lines).values()) == {"would be imported"}
    assert not Upload.objects.exists()
    assert not Slide.objects.exists()
    shutil.rmtree(folder / "more")
    run(cast, folder)
    assert outcomes(run(cast, folder, "--dry-run")[1]) == {"A1.tif": "already here"}


def test_each_folder_is_a_case_where_that_is_asked_for(cast, folder):
    (folder / "26-00001").mkdir()
    shutil.move(folder / "more" / "A2.tif", folder / "26-00001" / "A2.tif")
    _, lines = run(cast, folder, "--case-per-folder")
    assert outcomes(lines) == {"A1.tif": "left out", "A2.tif": "imported"}
    assert Case.objects.get(team=cast.team, accession="26-00001").slides.get().label == "Slide 1"
    assert not Case.objects.filter(accession="more").exists()


def test_an_import_that_was_stopped_goes_on_where_it_was(cast, folder):
    found = importing.scan_folder(folder).slides[0]
    sha256 = importing._hash_file(found.paths[0], lambda count: None)
    wanted = uploads.UploadRequest("A1.tif", found.bytes, "A1", sha256)
    begun = uploads.create_upload(cast.tech, cast.case, wanted)
    part_path(begun).write_bytes(found.paths[0].read_bytes()[:1000])
    line = importing.import_slide(cast.tech, cast.case, found)
    assert line.outcome == "imported"
    assert cast.case.slides.count() == 1
    assert not Upload.objects.exists()


def test_a_slide_that_an_earlier_run_sent_whole_is_waited_for_and_not_sent_again(cast, folder):
    found = importing.scan_folder(folder).slides[0]
    sha256 = importing._hash_file(found.paths[0], lambda count: None)
    uploads.send_file(cast.tech, cast.case, found.paths[0], uploads.UploadRequest("A1.tif", found.bytes, "A1", sha256))
    assert importing.import_slide(cast.tech, cast.case, found).outcome == "imported"
    assert cast.case.slides.count() == 1


def test_several_files_that_make_one_slide_come_as_one(cast, tmp_path):
    parts = {"B2.mrxs": b"\xff\xd8\xff", "B2/Slidedat.ini": b"[GENERAL]", "B2/Index.dat": b"1", "B2/Data0000.dat": b"2"}
    for name, content in parts.items():
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (found,) = importing.scan_folder(tmp_path / "scans").slides
    assert len(found.paths) == 4
    hashes = {path: importing._hash_file(path, lambda count: None) for path in found.paths}
    first, *rest = found.paths
    bundle = importing._send_files(
        cast.tech, cast.case, importing.SlideFiles(found.name, found.kind, found.paths), hashes, "", int
    )
    slide = bundle.slide or Slide.objects.get()
    assert slide.files[0] == f"{slide.folder}.mrxs"
    assert sorted(slide.files[1:]) == [
        f"{slide.folder}/{name}" for name in ("Data0000.dat", "Index.dat", "Slidedat.ini")
    ]
    assert rest and first.suffix == ".mrxs"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("make", "name"), [(mirax, "MIRAX"), (dicom, "DICOM"), (svs, "Aperio SVS")])
def test_sets_come_in_as_folders_and_as_zips(cast, tmp_path, make, name, packed):
    scans = tmp_path / "scans"
    (scans / "S1").mkdir(parents=True)
    make(scans / "S1")
    if packed:
        shutil.make_archive(str(tmp_path / "A1"), "zip", scans)
        shutil.rmtree(scans)
        scans.mkdir()
        shutil.move(tmp_path / "A1.zip", scans / "A1.zip")
    (line,) = run(cast, scans)[1]
    assert (line["outcome"], line["reason"]) == ("imported", "")
    assert cast.case.slides.get().format == name
    assert outcomes(run(cast, scans)[1]) == {line["name"]: "already here"}


def test_links_are_not_followed(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "A1.tif").symlink_to(small_slide())
    (tmp_path / "scans" / "inner").symlink_to(small_slide().parent)
    assert importing.scan_folder(tmp_path / "scans") == importing.FolderContents()


@pytest.mark.parametrize("who", ["reader", "stranger"])
def test_only_who_may_upload_may_import(cast, folder, who):
    by = getattr(cast, who)
    words = (str(folder), "--case", "26-04417", "--team", cast.team.name, "--by", by.username)
    with pytest.raises(CommandError):
        call_command("import_slides", *words, stdout=StringIO(), stderr=StringIO())
    assert not Upload.objects.exists()


def test_a_full_quota_is_a_failure_and_not_the_files_fault(cast, folder, settings):
    settings.UPLOAD_QUOTA_BYTES = 10
    _, lines = run(cast, folder, bad=True)
    assert set(outcomes(lines).values()) == {"failed"}
    assert "room is used up" in lines[0]["reason"]
    settings.UPLOAD_QUOTA_BYTES = 0
    assert set(outcomes(run(cast, folder)[1]).values()) == {"imported"}


def test_the_same_file_in_another_case_is_taken_there_too(cast, folder):
    run(cast, folder)
    other = member(cast.team, "technician")
    case = importing.find_or_create_case(other, cast.team, "26-09999")
    (found, _) = importing.scan_folder(folder).slides
    assert importing.import_slide(other, case, found).outcome == "imported"
