"""Asking for an analysis: what is refused with which words, what is pinned, what a double click does."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from analysis.models import Activation, Analysis, ModelVersion
from analysis.services import runs
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from slides.models import Slide
from tests.analysis.makers import ModelVersionFactory, make_analysis
from tests.factories import RegionFactory, SlideFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def model():
    return ModelVersionFactory()


def activate(model: ModelVersion, team=None, **values) -> Activation:
    return Activation.objects.create(model=model, team=team, reason="test", approved=timezone.now(), **values)


def refusal(slide: Slide, **values) -> str:
    """The sentence of the refusal; nothing may have been written."""
    with pytest.raises(Refused) as caught:
        runs.start_analysis(slide, None, **values)
    assert not Analysis.objects.exists()
    assert not Job.objects.exists()
    return str(caught.value)


def test_all_that_decides_the_result_is_pinned_with_the_job(user, model):
    slide = SlideFactory()
    analysis = runs.start_analysis(slide, user)
    analysis.refresh_from_db()
    assert (analysis.model, analysis.model_sha256) == (model, model.sha256)
    assert (analysis.mpp_x, analysis.mpp_y, analysis.mpp_source) == (slide.mpp_x, slide.mpp_y, "file")
    assert (analysis.threshold, analysis.floor, analysis.normaliser) == (0.5, 0.0, "none")
    assert analysis.slide_sha256 == slide.sha256
    assert analysis.software
    job = analysis.job
    assert (job.kind, job.object_id, job.team, job.state) == ("analysis.run", analysis.pk, slide.case.team, "queued")
    entry = AuditEntry.objects.get(action="analysis.start")
    assert (entry.actor, entry.subject) == (user, f"slide {slide.pk}")


def test_the_region_is_pinned_as_it_was(user, model):
    region = RegionFactory()
    polygon = region.polygon
    analysis = runs.start_analysis(region.slide, user, region=region)
    region.delete()
    analysis.refresh_from_db()
    assert analysis.region is None
    assert analysis.polygon == polygon


@pytest.mark.parametrize(("state", "words"), [("checking", "still being checked"), ("refused", "was refused")])
def test_a_slide_that_is_not_ready_is_not_analysed(model, state, words):
    assert words in refusal(SlideFactory(state=state))


def test_without_a_pixel_size_the_refusal_says_to_set_it(model):
    slide = SlideFactory(mpp_x=None, mpp_y=None, mpp_source="unknown")
    assert "set its pixel size first" in refusal(slide)


def test_a_slide_too_coarse_for_nuclei_is_not_analysed(model):
    assert "too coarse" in refusal(SlideFactory(mpp_x=4.0, mpp_y=4.0, mpp_source="hand"))


def test_a_region_of_another_slide_is_refused(model):
    assert "another slide" in refusal(SlideFactory(), region=RegionFactory())


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        ([], "empty"),
        ([[0, 0], [100, 100]], "empty"),
        ([[0, 0], [400, 400], [400, 0], [0, 400]], "itself"),
        ([[5000, 5000], [5400, 5000], [5400, 5400]], "outside the slide"),
    ],
)
def test_a_region_that_holds_nothing_of_the_slide_is_refused(model, polygon, words):
    region = RegionFactory(polygon=polygon)
    assert words in refusal(region.slide, region=region)


def test_the_teaching_sheet_may_be_analysed(user, model):
    assert runs.start_analysis(SlideFactory(kind="sheet"), user).job.state == "queued"


def test_without_any_model_the_refusal_says_who_adds_one():
    assert "administrator" in refusal(SlideFactory())


def test_the_newest_approved_activation_of_the_team_is_in_use(user, model):
    slide = SlideFactory()
    newer, newest, elsewhere, asked, withdrawn = ModelVersionFactory.create_batch(5, shipped=False)
    activate(newer)
    activate(newest, team=slide.case.team)
    activate(elsewhere, team=TeamFactory())
    Activation.objects.create(model=asked, team=slide.case.team, reason="not approved yet")
    activate(withdrawn, team=slide.case.team, withdrawn=timezone.now())
    assert runs.start_analysis(slide, user).model == newest
    assert {row["name"] for row in runs.list_usable_models(slide.case.team)} == {model.name, newer.name, newest.name}
    assert [row["name"] for row in runs.list_usable_models(slide.case.team) if row["active"]] == [newest.name]


def test_a_model_that_was_never_activated_for_the_team_is_refused(model):
    assert "not activated" in refusal(SlideFactory(), model=ModelVersionFactory(shipped=False))


def test_unknown_modes_and_normalisers_are_refused(model):
    slide = SlideFactory()
    assert "no mode dense" in refusal(slide, mode="dense")
    assert "no normaliser reinhart" in refusal(slide, normaliser="reinhart")


def test_a_double_click_is_one_analysis(user, model):
    slide = SlideFactory()
    first = runs.start_analysis(slide, user, idempotency_key="one click")
    assert runs.start_analysis(slide, user, idempotency_key="one click") == first
    assert runs.start_analysis(slide, user, idempotency_key="another click") != first
    assert runs.start_analysis(slide, UserFactory(), idempotency_key="one click") != first
    assert runs.start_analysis(SlideFactory(), user, idempotency_key="one click") != first
    assert Job.objects.count() == Analysis.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_are_one_analysis(user, model):
    slide = SlideFactory()
    begin = threading.Barrier(4)
    found = []

    def click() -> None:
        begin.wait()
        found.append(runs.start_analysis(slide, user, idempotency_key="k").pk)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(found) == {Analysis.objects.get().pk}
    assert Job.objects.count() == 1


def test_cancelling_a_waiting_analysis_ends_it_at_once(user):
    analysis = runs.cancel_analysis(make_analysis(state="queued"), user)
    assert runs.analysis_state(analysis) == "cancelled"
    assert AuditEntry.objects.filter(action="analysis.cancel", actor=user).count() == 1


def test_cancelling_what_has_ended_changes_nothing(user):
    analysis = runs.cancel_analysis(make_analysis(state="done"), user)
    assert runs.analysis_state(analysis) == "done"
    assert not AuditEntry.objects.filter(action="analysis.cancel").exists()


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_stopped_analysis_goes_on_as_the_same_one(user, state):
    analysis = make_analysis(state=state)
    assert runs.analysis_state(runs.retry_analysis(analysis, user)) == "queued"
    assert Analysis.objects.count() == Job.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_only_a_stopped_analysis_can_go_on(user, state):
    with pytest.raises(Refused):
        runs.retry_analysis(make_analysis(state=state), user)


def test_time_left_follows_the_speed_so_far():
    analysis = make_analysis(state="running")
    assert runs.seconds_left(analysis) is None
    analysis.job.done, analysis.job.total, analysis.seconds = 4, 10, 8.0
    assert runs.seconds_left(analysis) == 12.0


def test_a_run_that_found_no_tissue_says_so():
    analysis = make_analysis(state="done")
    analysis.area_mm2 = 0
    assert runs.analysis_message(analysis).startswith("No tissue was found on the slide")
