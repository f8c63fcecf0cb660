"""Erasing a case or a slide leaves nothing of it: not in rows, files or caches, and only ids in the audit (P3)."""

import uuid
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.core.cache import cache

from analysis.models import Analysis, Explanation, Verdict
from analysis.services import comments
from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides import files
from slides.files import tile_cache
from slides.models import Case, Erasure, Region, Slide, Upload
from slides.services import erase, sweep
from slides.tiles import pictures
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import comment_on, judge
from tests.factories import CaseFactory, RegionFactory, SlideFactory, UploadFactory
from tests.slides.database_bytes import everything_in_the_database

pytestmark = pytest.mark.django_db
MARK = "ZQX7"  # in every planted identifier


def planted(what: str) -> str:
    return f"{MARK}-{what}-Doe"


@pytest.fixture
def case(cast):
    """A case that names a patient wherever a person or a file can do so."""
    case = CaseFactory(
        team=cast.team, accession=planted("accession"), tumour_type=planted("tumour"), note=planted("note")
    )
    slide = SlideFactory(
        case=case,
        label=planted("label"),
        hints=[planted("hint")],
        reason=planted("reason"),
        mpp_note=planted("size"),
        privacy={"unknown": [planted("key")]},
        sealed_files=["original.svs"],
    )
    RegionFactory(slide=slide, name=planted("region"))
    for path in (
        files.slide_folder(slide) / slide.files[0],
        files.thumbnail_path(slide),
        files.levels_path(slide),
        files.sealed_folder(slide) / "original.svs",
        files.work_folder(slide, files.UNPACKED) / "inside.svs",
        tile_cache.tile_path(slide, 10, 0, 0),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(planted("bytes").encode())
    for state in ("uploading", "waiting"):
        upload = UploadFactory(
            case=case, user=cast.tech, name=planted("name.svs"), label=planted("stem"), state=state, path=planted("p")
        )
        part = files.part_path(upload)
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(planted("part").encode())
    Upload.objects.filter(state="waiting").update(slide=slide)
    _analyse(slide, cast)
    return case


def _analyse(slide, cast) -> None:
    analysis = make_analysis(slide)
    detection = add_detection(analysis)
    judge(detection, cast.reader, "not_mitosis", "other")
    said = comment_on(detection, cast.reader, planted("talk"))
    comment_on(detection, cast.lead, planted("answer"), reply_to=said.pk)
    comments.withdraw_comment(analysis, cast.reader, uuid.uuid4(), said.pk)
    Verdict.objects.create(
        analysis=analysis,
        detection=detection,
        reader=cast.lead,
        label="unsure",
        comment=planted("comment"),
        revision=analysis.revision + 100,
    )
    Explanation.objects.create(
        detection=detection,
        mitosis_png=planted("map").encode(),
        other_png=b"\x89PNG",
        target_layer="blocks.8",
        revision=detection.revision,
    )
    Job.objects.filter(pk=analysis.job_id).update(message=planted("message"), log=planted("log"))
    for kind, target in (("slide.check", slide.pk), ("explanation.make", uuid.UUID(int=detection.pk))):
        Job.objects.create(
            kind=kind, object_id=target, lane="ingest", team=cast.team, state="failed", message=planted("error")
        )


def everything_on_the_disk(*roots: Path) -> list[str]:
    """Names of files and folders that hold the mark, in their name or in their bytes."""
    found = []
    for root in roots:
        for path in root.rglob("*"):
            if MARK in path.name or (path.is_file() and MARK.encode() in path.read_bytes()):
                found.append(str(path))
    return found


def roots(settings) -> list[Path]:
    places = ["SLIDES_ROOT", "SEALED_ROOT", "UPLOADS_ROOT", "TILE_CACHE_ROOT", "MODELS_ROOT", "STATIC_ROOT"]
    return [Path(getattr(settings, name)) for name in places]


def traces_in_rows() -> list[bytes]:
    dump = everything_in_the_database()
    return [sign for sign in (MARK.encode(), MARK.encode().hex().encode()) if sign in dump]


def test_of_an_erased_case_nothing_is_left_but_ids(case, cast, run_jobs, settings):
    assert len(traces_in_rows()) == 2
    assert len(everything_on_the_disk(*roots(settings))) == 8
    pk, slide = case.pk, Slide.objects.get()
    assert cast.as_(cast.lead).delete(f"/api/cases/{pk}/").status_code == 204
    assert not Case.objects.filter(pk=pk).exists()
    run_jobs("erase")
    assert traces_in_rows() == []
    assert everything_on_the_disk(*roots(settings)) == []
    assert not (settings.TILE_CACHE_ROOT / str(slide.pk)).exists()
    assert cache.get(str(pk)) is None
    assert not Erasure.objects.exists()
    entry = AuditEntry.objects.get(action="case.erase")
    assert (entry.subject, entry.text, entry.actor) == (f"case {pk}", "Case erased with 1 slide", cast.lead)
    assert set(Job.objects.values_list("kind", flat=True)) == {erase.ERASE}
    assert live_settings.SLIDES_ROOT.is_dir()


def test_an_erased_slide_takes_what_was_made_from_it_and_leaves_the_others(case, cast, run_jobs):
    slide, other = Slide.objects.get(), SlideFactory(case=case, label="B1")
    _analyse(other, cast)
    assert cast.as_(cast.lead).delete(f"/api/slides/{slide.pk}/").status_code == 204
    run_jobs("erase")
    assert list(Slide.objects.all()) == [other]
    assert set(Analysis.objects.values_list("slide", flat=True)) == {other.pk}
    assert Verdict.objects.count() == 2
    assert not Region.objects.exists()
    assert list(Upload.objects.values_list("state", flat=True)) == ["uploading"]
    assert files.slide_paths(other)[0].exists()
    assert Job.objects.filter(kind="analysis.run").count() <= 1


def test_other_cases_keep_all_they_have(case, cast, run_jobs):
    bystander = SlideFactory(case__team=cast.team)
    erase.erase_case(cast.lead, case)
    run_jobs("erase")
    assert pictures.get_thumbnail(bystander).body
    assert Case.objects.filter(pk=bystander.case_id).exists()


def test_an_erasure_waits_behind_no_check(case, cast, run_jobs, settings):
    waiting = [Job(kind="slide.check", object_id=uuid.uuid4(), lane="ingest", team=cast.team) for _ in range(200)]
    Job.objects.bulk_create(waiting)
    erase.erase_case(cast.lead, case)
    assert run_jobs("erase") == 1
    assert everything_on_the_disk(*roots(settings)) == []
    assert Job.objects.filter(state="queued", kind="slide.check").count() == 200


def test_a_job_that_still_runs_is_stopped_and_waited_for(case, cast, run_jobs, monkeypatch):
    slide = Slide.objects.get()
    job = Job.objects.filter(kind="slide.check").first()
    Job.objects.filter(pk=job.pk).update(state="queued", lane="compute")
    claimed = claims.claim("compute", "test")
    if claimed is None or claimed.pk != job.pk:
        claims_of = Job.objects.filter(pk=job.pk)
        claims_of.update(state="running", claim=uuid.uuid4(), lease_until="2100-01-01T00:00Z")
        claimed = claims_of.get()
    erase.erase_case(cast.lead, case)
    claimed.refresh_from_db()
    assert claimed.cancel_requested
    waits = []

    def end_of_the_other_job(seconds: float) -> None:
        waits.append(files.slide_folder(slide).exists())
        Job.objects.filter(pk=job.pk).update(state="cancelled", lease_until=None)

    monkeypatch.setattr(erase.time, "sleep", end_of_the_other_job)
    run_jobs("erase")
    assert waits == [True]
    assert not files.slide_folder(slide).exists()
    assert not Job.objects.filter(pk=job.pk).exists()


def test_an_erasure_that_was_killed_is_finished_by_the_sweeper(case, cast, run_jobs, settings):
    erase.erase_case(cast.lead, case)
    Job.objects.filter(kind=erase.ERASE).update(state="failed")
    assert everything_on_the_disk(*roots(settings))
    sweep.sweep_leftovers()
    run_jobs("erase")
    assert everything_on_the_disk(*roots(settings)) == []
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("lead", 204), ("admin", 204), ("tech", 403), ("reader", 403)])
def test_leads_and_administrators_erase(cast, who, status):
    assert cast.as_(getattr(cast, who)).delete(f"/api/cases/{cast.case.pk}/").status_code == status
    assert Case.objects.filter(pk=cast.case.pk).exists() == (status != 204)


def test_a_case_of_another_team_is_not_there_to_be_erased(cast):
    assert cast.as_(cast.stranger).delete(f"/api/cases/{cast.case.pk}/").status_code == 404
    assert Case.objects.filter(pk=cast.case.pk).exists()


def test_what_goes_is_named_before(case):
    words = erase.describe_erasure(case.slides.all(), case.uploads.all())
    assert words == ["1 slide (0.0 GB)", "1 analysis", "2 verdicts", "2 comments", "1 upload on the way"]
