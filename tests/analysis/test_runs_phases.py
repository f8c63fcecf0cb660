"""An analysis step by step: done when its tiles are in, what follows, and what an interruption or an update costs."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from analysis.models import Analysis, Detection, Explanation, NucleiSample
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import Seen
from analysis.services import explanations, first_looks, follow_ups, runs
from mitoweb.lib.jobs import claims, core
from mitoweb.lib.jobs.child import run_claimed
from mitoweb.lib.jobs.models import Job
from tests.analysis.makers import NUCLEI_SEED, make_analysis, model_with_network, network_file
from tests.analysis.test_runs_api import client_of, person
from tests.factories import SlideFactory, UserFactory, tissue_pixels, write_tiff

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def three_tiles() -> Path:
    path = Path(settings.VAR_DIR) / "test-slides" / "three-tiles.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_tiff(path, tissue_pixels(2200, 700), mpp=(0.25, 0.25))


@pytest.fixture
def slide(three_tiles):
    return SlideFactory(file=three_tiles)


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture(autouse=True)
def few_explanations(monkeypatch):
    monkeypatch.setattr(core, "BEAT_EVERY_S", 0)
    monkeypatch.setattr(explanations, "STRIP", 2)
    monkeypatch.setattr(explanations, "BATCH", 2)


@pytest.fixture
def steps(monkeypatch) -> list[tuple[str, int, int]]:
    """Every step that a job told, with how far it was."""
    told, renew = [], claims.renew

    def listen(job_id, claim_id, lease_s, **progress):
        renew(job_id, claim_id, lease_s, **progress)
        if "step" in progress:
            told.append((progress["step"], progress["step_done"], progress["step_total"]))

    monkeypatch.setattr(claims, "renew", listen)
    return told


def names(steps: list[tuple[str, int, int]]) -> list[str]:
    return list(dict.fromkeys(name for name, _, _ in steps))


def run_one() -> Job:
    """The next job of the lane, run here."""
    Job.objects.update(not_before=None)
    job = claims.claim("compute", "test")
    run_claimed(job.pk, job.claim)
    job.refresh_from_db()
    return job


def fresh(analysis: Analysis) -> Analysis:
    return Analysis.objects.with_facts().get(pk=analysis.pk)


def found(analysis: Analysis) -> list[tuple]:
    return list(analysis.detections.values_list("number", "tile_index", "x_l0", "y_l0", "probability", "mitosis"))


def test_it_is_done_when_the_tiles_are_in_and_check_and_explanations_follow_in_its_turn(slide, user, steps):
    model = model_with_network(NUCLEI_SEED)
    analysis = runs.start_analysis(slide, user)
    waiting = SlideFactory(case__team=slide.case.team)
    other = make_analysis(waiting, state="queued", model=model)  # asked for before anything follows

    assert run_one().object_id == analysis.pk
    analysis = fresh(analysis)
    assert (runs.analysis_state(analysis), analysis.job.done, analysis.job.total) == ("done", 3, 3)
    assert analysis.detection_count > 0
    assert (analysis.validity, follow_ups.follow_up_state(analysis)) == (None, "queued")
    assert not Explanation.objects.exists()
    assert names(steps) == [
        *("Opening slide and model", "Looking for tissue", "First look at the nuclei", "Looking for mitoses")
    ]
    looks = [(done, of) for name, done, of in steps if name.startswith("First look") and of]
    assert looks == [(1, 3), (2, 3), (3, 3)]

    steps.clear()
    job = run_one()
    assert (job.kind, job.object_id, job.state) == (follow_ups.KIND, analysis.pk, "done")
    assert fresh(analysis).validity["grade"] in {"ok", "caution", "not valid"}
    assert names(steps)[1:] == ["Comparing with the training slides", "Making explanations"]
    assert any(of for name, _, of in steps if name.startswith("Comparing")), "the check tells how far it is"
    made = Explanation.objects.order_by("revision", "pk").values_list("detection__probability", flat=True)
    distances = [abs(probability - analysis.threshold) for probability in made]
    assert len(distances) > 2
    assert distances == sorted(distances), "nearest the threshold first"
    assert (job.done, job.total) == (len(distances), len(distances))
    assert run_one().object_id == other.pk


def test_the_api_names_the_step_with_what_is_left_of_it(slide):
    analysis = make_analysis(slide, state="running")
    now = timezone.now()
    step = {
        "step": "First look at the nuclei",
        "step_done": 4,
        "step_total": 16,
        "step_began": now - timedelta(seconds=9),
    }
    Job.objects.filter(pk=analysis.job_id).update(**step, heartbeat=now, total=36)
    client = client_of(person("observer", slide.case.team))
    shown = client.get(f"/api/analyses/{analysis.pk}/changes/").json()["analysis"]
    assert shown["step"] == {"name": "First look at the nuclei", "done": 4, "total": 16, "eta_s": 27.0}
    assert (shown["eta_s"], shown["done"], shown["total"]) == (27.0, 0, 36)
    Job.objects.filter(pk=analysis.job_id).update(state="done")
    assert client.get(f"/api/analyses/{analysis.pk}/").json()["step"] is None


class Killed(BaseException):
    """Stands for a kill of the process: nothing catches it."""


@pytest.fixture
def kill(monkeypatch):
    """kill(3): run the next job until its third write or sign of life, which is not made, and put it back."""

    def run_until(calls: int) -> Job:
        Job.objects.update(not_before=None)
        job = claims.claim("compute", "test")
        left = [calls]

        def count_down(original):
            def wrapped(*args, **kwargs):
                left[0] -= 1
                if left[0] <= 0:
                    raise Killed
                return original(*args, **kwargs)

            return wrapped

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(core.Run, "step", count_down(core.Run.step))
            patch.setattr(core.Run, "save", count_down(core.Run.save))
            run_claimed(job.pk, job.claim)
        claims.put_back(job.pk, job.claim, "Its worker was stopped.", interrupted=True)
        job.refresh_from_db()
        return job

    return run_until


def test_an_analysis_that_is_killed_twenty_times_finds_what_it_would_have_found(slide, user, kill, monkeypatch):
    model_with_network(NUCLEI_SEED)
    whole = runs.start_analysis(slide, user)
    run_one()
    NucleiSample.objects.all().delete()
    Job.objects.filter(kind=follow_ups.KIND).delete()

    looked, look = [], Detector._nuclei_margins
    monkeypatch.setattr(
        Detector, "_nuclei_margins", lambda self, *args, **kwargs: looked.append(1) or look(self, *args, **kwargs)
    )
    broken = runs.start_analysis(slide, user)
    # 1 opening, 2 tissue, 3 its start, 4 first look, 5 and 6 one of its tiles, …
    for calls in (*[1] * 9, 2, 2, 2, 3, 3, 6, 6, 7):
        job = kill(calls)
        assert (job.state, job.attempts, job.done) == ("queued", 0, 0)
    assert broken.tiles_done.count() == 0
    assert NucleiSample.objects.count() == 3
    before = len(looked)
    for tiles in (1, 1, 2):  # from here on nothing is looked at again
        job = kill(7 if tiles > broken.tiles_done.count() else 6)
        assert (job.state, job.attempts, broken.tiles_done.count()) == ("queued", 0, tiles)
    assert run_one().state == "done"
    assert len(looked) == before
    assert found(broken) == found(whole)
    assert len(found(broken)) > 5


def test_another_analysis_by_the_same_model_does_not_look_again(slide, user, steps):
    model_with_network(NUCLEI_SEED)
    whole = runs.start_analysis(slide, user)
    run_one()
    Job.objects.filter(kind=follow_ups.KIND).delete()
    steps.clear()
    again = runs.start_analysis(slide, user)
    run_one()
    assert not [of for name, _, of in steps if name.startswith("First look") and of]
    assert found(again) == found(whole)


CPU = "CPU, 2 threads, float32"


@pytest.mark.parametrize(
    ("changes", "device", "same"),
    [
        ({}, "CPU, 8 threads, float32", True),
        ({"threshold": 0.9, "polygon": [[0, 0], [9, 0], [9, 9]], "mode": "grid"}, CPU, True),
        ({"software": "1.0; 2.0"}, CPU, True),
        ({}, "CPU, 2 threads, bfloat16", False),
        ({}, "GPU H200, bfloat16", False),
        ({"mpp_y": 0.5}, CPU, False),
        ({"slide_sha256": "other"}, CPU, False),
        ({"model_sha256": "other"}, CPU, False),
        ({"normaliser": "macenko"}, CPU, False),
        ({"software": "2.0"}, CPU, False),
    ],
)
def test_what_was_seen_counts_where_the_same_would_be_seen(changes, device, same):
    analysis = make_analysis()
    analysis.software = "1.0"
    key = first_looks.make_key(analysis, CPU)
    for name, value in changes.items():
        setattr(analysis, name, value)
    assert (first_looks.make_key(analysis, device) == key) == same


def test_colours_fitted_to_a_region_are_of_that_region():
    analysis = make_analysis()
    analysis.normaliser = "macenko"
    key = first_looks.make_key(analysis, CPU)
    analysis.polygon = [[0, 0], [9, 0], [9, 9]]
    assert first_looks.make_key(analysis, CPU) != key


def test_what_was_seen_comes_back_bit_for_bit_and_peaks_may_come_later(slide):
    import numpy as np

    analysis = make_analysis(slide)
    margins, peaks = np.random.default_rng(1).normal(size=(2, 40)).astype(np.float32)
    first_looks.keep_seen(analysis, "k", 3, Seen(margins))
    first_looks.keep_seen(analysis, "k", 3, Seen(margins[:5], peaks))
    first_looks.keep_seen(analysis, "k", 3, Seen(margins[:5], peaks[:5]))
    [(index, back)] = first_looks.load_seen(analysis, "k").items()
    assert (index, back.margins.dtype, back.peak_logits.dtype) == (3, np.float32, np.float32)
    assert (back.margins == margins).all()
    assert (back.peak_logits == peaks).all()


@pytest.fixture
def begun(slide, user, kill) -> Analysis:
    """One that another version of the product began: two of its three tiles are there."""
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    kill(7)  # 1 opening, 2 tissue, 3 its start, 4 and then the tiles
    assert analysis.tiles_done.count() == 2
    Analysis.objects.update(software="0.0.1")
    return analysis


def test_an_update_in_the_middle_costs_nothing(begun, slide, user):
    assert run_one().state == "done"
    assert fresh(begun).software == f"0.0.1; {settings.VERSION}"
    Job.objects.filter(kind=follow_ups.KIND).delete()
    whole = runs.start_analysis(slide, user)
    run_one()
    assert found(begun) == found(whole)
    assert fresh(whole).software == settings.VERSION


def test_after_an_update_that_lays_tiles_otherwise_a_new_analysis_takes_its_place(begun):
    Analysis.objects.update(area_mm2=0.01)
    kept = found(begun)
    job = run_one()
    assert job.state == "cancelled"
    assert job.message == "MitoWeb was updated in the middle of this analysis; a new one was begun in its place."
    [new] = Analysis.objects.exclude(pk=begun.pk)
    assert [getattr(new, name) for name in runs.PINNED] == [getattr(begun, name) for name in runs.PINNED]
    assert found(begun) == kept
    assert run_one().object_id == new.pk
    assert runs.analysis_state(fresh(new)) == "done"
    core.retry(job)
    assert {run_one().state, run_one().state} == {"done", "cancelled"}
    assert Analysis.objects.count() == 2, "asked again it is not begun a third time"


def test_one_that_had_all_its_tiles_is_done_whatever_this_version_would_plan(begun):
    Analysis.objects.update(area_mm2=0.01, tiles=2)
    assert run_one().state == "done"
    assert Analysis.objects.count() == 1
    assert follow_ups.follow_up_state(fresh(begun)) == "queued"


def map_state(pk: int) -> tuple[str, str]:
    return explanations.find_map_state(Detection.objects.get(pk=pk))


def test_explanations_that_fail_leave_the_analysis_done_and_are_asked_for_again(slide, user):
    path, _ = network_file(1)
    model_with_network()
    analysis = runs.start_analysis(slide, user)
    run_one()
    away = path.rename(path.with_suffix(".away"))
    try:
        assert run_one().state == "failed"
    finally:
        away.rename(path)
    client = client_of(person("reader", slide.case.team))
    shown = client.get(f"/api/analyses/{analysis.pk}/").json()
    assert (shown["state"], shown["follow_up"]["state"], shown["follow_up"]["step"]) == ("done", "failed", None)
    assert "weights" in shown["follow_up"]["message"]
    call = analysis.detections.filter(mitosis=True).first().pk
    state, message = map_state(call)
    assert (state, "weights" in message) == ("none", True)

    address = f"/api/analyses/{analysis.pk}/explanations/"
    for _ in range(2):  # asking twice asks once
        answer = client.post(address)
        assert (answer.status_code, answer.json()["follow_up"]["state"]) == (202, "queued")
    assert map_state(call) == ("queued", "")
    assert run_one().state == "done"
    answer = client.post(address)
    assert (answer.status_code, answer.json()["follow_up"]["state"]) == (200, "done")
    assert Job.objects.filter(kind=follow_ups.KIND).count() == 1
    assert map_state(call) == ("ready", "")


def test_an_analysis_from_before_gets_what_it_lacks_and_one_that_runs_is_told_to_wait(slide):
    old, running = make_analysis(slide), make_analysis(slide, state="running")
    client = client_of(person("reader", slide.case.team))
    assert client.get(f"/api/analyses/{old.pk}/").json()["follow_up"]["state"] == "none"
    assert client.post(f"/api/analyses/{old.pk}/explanations/").status_code == 202
    refused = client.post(f"/api/analyses/{running.pk}/explanations/")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_done")


def test_a_card_from_before_an_entry_had_a_default_says_the_same():
    from analysis.pipeline.cards.card import StandardUse, decisive_parts
    from tests.analysis.makers import card

    old = card(standard={"level": -3.0, "worth": 5})
    new = card(standard={"level": -3.0, "worth": 5, "per_tile": StandardUse.per_tile}, finder=None)
    assert decisive_parts(old) == decisive_parts(new)
    assert decisive_parts(old) != decisive_parts(card(standard={"level": -3.0, "worth": 5, "per_tile": 16}))
    assert decisive_parts(old) != decisive_parts(card())
