"""Whether a slide is like the training slides: found by the job, kept with the analysis, told by API and export."""

import pytest
from rest_framework.test import APIClient

from analysis.models import Analysis
from analysis.services import counting, explanations, results, runs
from analysis.services.exports import Export
from mitoweb.lib.jobs import core
from tests.analysis.makers import add_detection, make_analysis, model_with_network
from tests.factories import SlideFactory, UserFactory, member

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

CAUTION = {"grade": "caution", "reasons": ["The file is strongly compressed."], "measures": {"jpeg_quality": 21.0}}


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture(autouse=True)
def no_strip(monkeypatch):
    """Grad-CAM takes most of the time of these tests."""
    monkeypatch.setattr(explanations, "STRIP", 0)


@pytest.fixture
def network_is_known(monkeypatch):
    """Limits for the network that these tests make: no candidate is far from anything, so its part is measured."""
    import numpy as np

    from analysis.pipeline.ood import limits
    from analysis.pipeline.ood.features import Gaussian

    everything = Gaussian(np.zeros(256), np.eye(256)[:2], np.ones(2), 1.0)
    ranges = {"candidates_per_mm2": (0.0, 1000.0), "mitoses_per_mm2": (0.0, 50.0)}
    known = limits.NetworkLimits("random", "", "tests", ranges, 0.02, everything, 1e9)
    monkeypatch.setattr(limits, "load_network_limits", lambda sha256: known)


def fresh(analysis: Analysis) -> Analysis:
    return Analysis.objects.with_facts().get(pk=analysis.pk)


def test_the_job_stores_grade_reasons_and_measures(nine_tiles, user, run_jobs, network_is_known):
    model_with_network()
    analysis = runs.start_analysis(SlideFactory(file=nine_tiles), user)
    assert analysis.validity is None
    run_jobs("compute")
    analysis = fresh(analysis)
    assert runs.analysis_state(analysis) == "done"
    assert analysis.validity["grade"] in {"ok", "caution", "not valid"}
    measures = analysis.validity["measures"]
    assert (measures["mpp_x"], measures["mpp_y"]) == (0.25, 0.25)
    assert (measures["candidates"], measures["mitoses"]) == (
        analysis.candidates,
        analysis.detections.filter(mitosis=True).count(),
    )
    unsure = analysis.detections.filter(probability__gt=0.3, probability__lt=0.7).count()
    assert measures["unsure_share"] == pytest.approx(unsure / analysis.candidates, rel=1e-3)
    assert measures["far_of"] == min(128, analysis.candidates)


def test_a_stopped_analysis_ends_with_the_verdict_of_an_undisturbed_one(
    nine_tiles, user, run_jobs, monkeypatch, network_is_known
):
    model_with_network()
    slide = SlideFactory(file=nine_tiles)
    whole = runs.start_analysis(slide, user)
    run_jobs("compute")

    broken, keep_tile, kept = runs.start_analysis(slide, user), results.keep_tile, []

    def keep_and_cancel(analysis_id, *args) -> None:
        keep_tile(analysis_id, *args)
        kept.append(analysis_id)
        if len(kept) == 4:
            runs.cancel_analysis(fresh(broken), user)

    monkeypatch.setattr(core, "BEAT_EVERY_S", 0)
    monkeypatch.setattr(results, "keep_tile", keep_and_cancel)
    run_jobs("compute")
    assert fresh(broken).validity is None
    monkeypatch.setattr(results, "keep_tile", keep_tile)
    runs.retry_analysis(fresh(broken), user)
    run_jobs("compute")
    assert fresh(broken).validity == fresh(whole).validity is not None


def test_a_verdict_that_is_there_is_not_made_again(nine_tiles, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(SlideFactory(file=nine_tiles), user)
    Analysis.objects.filter(pk=analysis.pk).update(validity=CAUTION)
    run_jobs("compute")
    assert fresh(analysis).validity == CAUTION


def test_limits_that_cannot_be_read_leave_the_analysis_done_and_not_checked(
    bare_glass, user, run_jobs, monkeypatch, tmp_path
):
    from analysis.pipeline.ood import limits

    monkeypatch.setattr(limits, "FOLDER", tmp_path)
    model_with_network()
    analysis = runs.start_analysis(SlideFactory(file=bare_glass), user)
    run_jobs("compute")
    assert (runs.analysis_state(fresh(analysis)), fresh(analysis).validity) == ("done", None)


def test_a_slide_without_tissue_is_not_valid(bare_glass, user, run_jobs):
    model_with_network()
    analysis = runs.start_analysis(SlideFactory(file=bare_glass), user)
    run_jobs("compute")
    assert fresh(analysis).validity["grade"] == "not valid"
    assert "No tissue was found" in fresh(analysis).validity["reasons"][0]


def test_the_api_tells_the_verdict_and_null_for_an_analysis_from_before(user):
    analysis = make_analysis()
    client = APIClient()
    client.force_authenticate(member(analysis.slide.case.team, "reader"))
    assert client.get(f"/api/analyses/{analysis.pk}/").data["validity"] is None
    Analysis.objects.filter(pk=analysis.pk).update(validity=CAUTION)
    assert client.get(f"/api/analyses/{analysis.pk}/").json()["validity"] == CAUTION
    assert client.get(f"/api/analyses/{analysis.pk}/changes/").json()["analysis"]["validity"] == CAUTION


def test_an_export_names_the_verdict(user):
    analysis = make_analysis()
    add_detection(analysis)
    count = counting.count_mitoses(analysis, user)
    said = Export(analysis, count, user).describe_provenance()
    assert (said["slide_check"], said["slide_check_reasons"]) == ("not checked", "")
    analysis.validity = CAUTION
    said = Export(analysis, count, user).describe_provenance()
    assert (said["slide_check"], said["slide_check_reasons"]) == ("caution", "The file is strongly compressed.")
