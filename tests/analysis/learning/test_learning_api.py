"""The API of data sets and of the locked set, and the file that an export is."""

import io
import json
import zipfile

import pytest
from django.core.management import call_command

from analysis.lab.datasets.faults import Faults
from analysis.lab.datasets.readers import midog
from analysis.models import DataSet
from analysis.services.learning import data_sets
from analysis.services.learning.choice import Choice
from mitoweb.lib.jobs.child import run_queued
from mitoweb.people.models import AuditEntry
from slides.models import Case
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, frozen, judged_slide
from tests.analysis.review_makers import client
from tests.factories import SlideFactory, member

pytestmark = pytest.mark.django_db
THREE = [[MITOSIS, MITOSIS], [OTHER, OTHER], [MITOSIS, OTHER]]


@pytest.fixture
def api():
    return client(administrator())


def test_what_is_previewed_is_what_is_frozen(api):
    judged_slide(THREE)
    shown = api.post("/api/data_sets/preview/", {"disputed": "left_out"}, format="json").json()
    assert (shown["balance"]["places"], shown["left_out"]) == (2, [{"why": "readers differ", "count": 1}])
    assert len(shown["readers"]) == 2
    assert not DataSet.objects.exists()
    made = api.post("/api/data_sets/", {"name": "Spring", "choice": {"disputed": "left_out"}}, format="json")
    assert made.status_code == 201
    assert made.json()["balance"] == shown["balance"]
    assert (made.json()["ready"], made.json()["choice"]["disputed"]) == (False, "left_out")
    run_queued()
    row = api.get(f"/api/data_sets/{made.json()['id']}/").json()
    assert row["ready"]
    assert [each["id"] for each in api.get("/api/data_sets/").json()["results"]] == [row["id"]]


def test_what_cannot_be_is_refused_with_its_field(api):
    judged_slide(THREE)
    for body, field in (
        ({}, "name"),
        ({"name": "x", "choice": {"cap": "NaN"}}, "choice"),
        ({"name": "x", "choice": {"since": "2026-13-01"}}, "choice"),
        ({"name": "x", "choice": {"since": "1026-01-01"}}, "since"),
        ({"name": "x", "choice": {"teams": ["a"]}}, "choice"),
        ({"name": "x" * 101}, "name"),
    ):
        answer = api.post("/api/data_sets/", body, format="json")
        assert (answer.status_code, [*answer.json()["fields"]]) == (400, [field]), body
        assert not DataSet.objects.exists()


def test_nan_is_no_number_in_json(api):
    answer = api.post("/api/data_sets/preview/", '{"cap": NaN}', content_type="application/json")
    assert answer.status_code == 400


def test_nothing_to_freeze_is_told(api):
    answer = api.post("/api/data_sets/", {"name": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "empty")


def test_an_export_is_read_as_midog_by_the_laboratory(api, tmp_path):
    judged_slide(THREE, scanner="Aperio CS2")
    data_set = frozen()
    answer = api.get(f"/api/data_sets/{data_set.pk}/export.zip")
    assert answer["Content-Disposition"] == f'attachment; filename="Spring-{data_set.hash[:8]}.zip"'
    zipfile.ZipFile(io.BytesIO(b"".join(answer))).extractall(tmp_path)
    faults = Faults(tmp_path / "MIDOG.json")
    images = midog.parse(tmp_path / "MIDOG.json", faults)
    assert not faults.found, faults.found
    assert [(i.labels[0].kind, len(i.labels[0].votes), i.scanner, i.width) for i in images] == [
        ("mitosis", 2, "Aperio CS2", 160), ("look_alike", 2, "Aperio CS2", 160), ("look_alike", 2, "Aperio CS2", 160),
    ]  # fmt: skip
    assert all(image.path is not None and image.path.is_file() for image in images)
    assert AuditEntry.objects.filter(action="data_set.export").count() == 1
    api.head(f"/api/data_sets/{data_set.pk}/export.zip")
    assert AuditEntry.objects.filter(action="data_set.export").count() == 1, "a HEAD, which takes nothing, is audited"


def test_an_export_names_nobody(api):
    analysis, readers = judged_slide(THREE)
    Case.objects.filter(pk=analysis.slide.case_id).update(accession="26-SECRET")
    content = b"".join(api.get(f"/api/data_sets/{frozen().pk}/export.zip"))
    told = [analysis.slide.label, "26-SECRET", str(analysis.slide_id), str(analysis.slide.case_id)]
    table = zipfile.ZipFile(io.BytesIO(content)).read("MIDOG.json").decode()
    assert [word for word in told + [reader.username for reader in readers] if f'"{word}"' in table] == []
    assert len(json.loads(table)["annotations"]) == 3


def test_what_is_not_cut_yet_is_not_exported(api):
    judged_slide(THREE)
    data_set = data_sets.freeze_data_set("Spring", Choice(), administrator())
    answer = api.get(f"/api/data_sets/{data_set.pk}/export.zip")
    assert (answer.status_code, answer.json()["code"]) == (409, "data_set_not_ready")
    assert api.get(f"/api/data_sets/{data_set.pk}/patches/1.png").status_code == 404


def test_a_patch_is_a_png_and_those_that_are_not_there_are_missing(api):
    judged_slide(THREE)
    data_set = frozen()
    answer = api.get(f"/api/data_sets/{data_set.pk}/patches/1.png")
    assert b"".join(answer)[:8] == b"\x89PNG\r\n\x1a\n"
    assert api.get(f"/api/data_sets/{data_set.pk}/patches/9.png").status_code == 404
    assert api.get(f"/api/data_sets/{data_set.pk}/patches/{10**30}.png").status_code == 404


def test_slides_are_locked_and_taken_out(api):
    slide = SlideFactory()
    made = api.post("/api/locked_set/", {"slide": str(slide.pk), "reason": "Kept."}, format="json")
    assert made.status_code == 201
    told = api.get("/api/locked_set/").json()
    assert (told["may_decide"], len(told["slides"]), told["looks"]) == (False, 1, [])
    again = api.post("/api/locked_set/", {"slide": str(slide.pk), "reason": "Kept."}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "locked_already")
    address = f"/api/locked_set/{made.json()['id']}/withdraw/"
    assert api.post(address, {"reason": "x"}, format="json").status_code == 204
    assert api.post(address, {"reason": "x"}, format="json").status_code == 409
    assert api.get("/api/locked_set/").json()["slides"] == []


def test_a_lead_withdraws_a_case_and_gives_it_back():
    analysis, _ = judged_slide(THREE)
    case = analysis.slide.case
    lead, address = client(member(case.team, "lead")), f"/api/cases/{case.pk}/learning/"
    assert lead.get(address).json() == {"on": True, "switches": []}
    told = lead.post(address, {"on": False, "reason": "Asked for."}, format="json").json()
    assert (told["on"], told["switches"][0]["reason"]) == (False, "Asked for.")
    again = lead.post(address, {"on": False, "reason": "x"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "learning_so_already")
    assert lead.post(address, {"on": True, "reason": "x"}, format="json").json()["on"]
    assert lead.post(address, {"on": "yes", "reason": "x"}, format="json").status_code == 400


def test_fsck_has_lost_patches_cut_again(capsys):
    judged_slide(THREE)
    data_set = frozen()
    (data_sets.folder_of(data_set.pk) / "data_set.json").unlink()
    call_command("fsck", "--mend")
    assert "Data set Spring: its patches are gone. (mended)" in capsys.readouterr().out
