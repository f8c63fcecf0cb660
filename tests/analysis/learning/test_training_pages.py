"""Pages, API and command of training runs: what they show, and that they are the administrators' alone."""

import pytest
from django.core.management import CommandError, call_command

from analysis.models import TrainingRun
from analysis.services.learning import training_runs
from analysis.views.training_plots import LEFT_PX, WIDTH_PX, draw_curves
from mitoweb.lib.jobs.models import Job
from tests.analysis.learning.gate_makers import made_report
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, frozen, judged_slide
from tests.analysis.learning.training_makers import base_version, begun_run, make_run, trainable_data_set
from tests.analysis.makers import ModelVersionFactory
from tests.factories import TeamFactory, member

pytestmark = pytest.mark.django_db
LINES = [
    {"step": 0, "base_average_precision": 0.8, "base_validation_loss": 0.3},
    {"step": 20, "loss": 0.5, "lr": 1e-4},
    {"step": 25, "average_precision": 0.85, "validation_loss": 0.31, "f1": 0.7},
    {"step": 50, "average_precision": 0.83, "validation_loss": 0.33, "f1": 0.71},
]


@pytest.fixture
def admin(client):
    user = administrator()
    client.force_login(user)
    return user


def text_of(response) -> str:
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


def test_an_empty_list_says_what_will_be_here_and_a_form_without_data_sets_says_what_lacks(client, admin):
    assert "No training run yet" in text_of(client.get("/training/"))
    base_version()
    page = text_of(client.get("/training/new/"))
    assert "No data set is ready" in page
    assert "<select" not in page


def test_a_run_is_begun_from_the_form_and_the_same_again_is_refused_with_a_link(client, admin, monkeypatch):
    from tests.analysis.learning.training_makers import tiny_recipe

    recipe = tiny_recipe()
    monkeypatch.setattr(training_runs, "find_named_recipe", lambda name: recipe)
    base, data_set = base_version(), trainable_data_set()
    sent = {"base": base.pk, "data_set": data_set.pk, "recipe": "fine-tune", "replay_share": "", "seed": "7"}
    assert "fine-tune: Goes on from the base" in text_of(client.get("/training/new/"))
    assert client.post("/training/new/", sent).status_code == 302
    run = TrainingRun.objects.get()
    assert (run.seed, run.created_by, run.state) == (7, admin, TrainingRun.State.WAITING)
    again = text_of(client.post("/training/new/", sent))
    assert f'<a href="/training/{run.pk}/">Open run 1</a>' in again
    assert TrainingRun.objects.count() == 1
    assert "Run 1" in text_of(client.get("/training/"))


def test_the_page_of_a_run_tells_state_time_curves_lineage_and_what_is_kept(client, admin):
    run = make_run(trainable_data_set(), admin)
    TrainingRun.objects.update(curves=LINES, steps=100)
    Job.objects.filter(pk=run.job_id).update(done=50, total=100)
    page = text_of(client.get(f"/training/{run.pk}/"))
    for told in ("Step 50 of 100", "base hybrid-0.5: 0.800", "best 0.850 at 25", "held out 0.33", "goes on at step 50"):
        assert told in page, told
    assert 'hx-trigger="every 3s"' in page
    client.post(f"/training/{run.pk}/pause/")
    page = text_of(client.get(f"/training/{run.pk}/"))
    assert "Paused. Data set and checkpoint are kept" in page
    assert "every 3s" not in page
    client.post(f"/training/{run.pk}/go-on/")
    client.post(f"/training/{run.pk}/cancel/")
    page = text_of(client.get(f"/training/{run.pk}/"))
    assert "Cancelled. Data set and checkpoint are kept" in page
    assert "there is nothing to pause" in text_of(client.post(f"/training/{run.pk}/pause/", follow=True))
    Job.objects.filter(pk=run.job_id).update(state="failed", message="The GPU failed at step 3.")
    TrainingRun.objects.update(cancelled=None)
    assert "It ended: The GPU failed at step 3." in text_of(client.get(f"/training/{run.pk}/"))


def test_the_page_of_a_run_tells_each_readers_share_and_how_its_candidate_stands_with_the_gate(client, admin):
    _, readers = judged_slide([[MITOSIS, MITOSIS], [OTHER, OTHER], [MITOSIS, OTHER]])
    run = make_run(frozen("Autumn", cap=0.6), admin)
    page = text_of(client.get(f"/training/{run.pk}/"))
    assert "before the cap of 60 %" in page
    for reader in readers:
        assert f'aria-label="Share of {reader.username}"' in page
    assert "not yet, after the training" in page
    candidate = ModelVersionFactory(name="new", state="candidate")
    TrainingRun.objects.update(result=candidate)
    assert "not yet, asked for on the candidate" in text_of(client.get(f"/training/{run.pk}/"))
    report = made_report(candidate, run.base, "fail")
    page = text_of(client.get(f"/training/{run.pk}/"))
    assert "against hybrid-0.5 on the locked set" in page
    assert f'href="/models/gates/{report.pk}/">Gate report</a>' in page
    assert page.count('<li class="done">') == 7, "a step of the run is not done, though its gate is there"


def test_the_curves_have_the_whole_run_as_their_axis_and_shade_what_is_to_come():
    loss, precision = draw_curves(LINES, 100, "hybrid-0.5")
    assert [curve.words for curve in loss.curves] == ["held out 0.33", "training 0.50"]
    assert loss.now_px == precision.now_px == LEFT_PX + WIDTH_PX / 2
    assert precision.best.words == "best 0.850 at 25"
    assert precision.base.words == "base hybrid-0.5: 0.800"
    assert draw_curves([], 100, "x")[0].fact == "Nothing was measured yet."


def test_the_api_begins_shows_and_steers_a_run(client, admin):
    base, data_set = base_version(), trainable_data_set()
    asked = {"base": str(base.pk), "data_set": str(data_set.pk), "recipe": "fine-tune"}
    answer = client.post("/api/training_runs/", asked, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "too_few_places")
    answer = client.post("/api/training_runs/", asked | {"recipe": "fine"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "recipe")
    assert "fine-tune, from-scratch" in answer.json()["detail"]
    run = make_run(data_set, admin)
    shown = client.get(f"/api/training_runs/{run.pk}/").json()
    assert (shown["state"], shown["number"], shown["base"]) == ("waiting", 1, "hybrid-0.5")
    assert client.post(f"/api/training_runs/{run.pk}/pause/").json()["state"] == "paused"
    assert client.post(f"/api/training_runs/{run.pk}/go-on/").json()["state"] == "waiting"
    assert client.post(f"/api/training_runs/{run.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/api/training_runs/{run.pk}/cancel/").status_code == 409
    client.force_login(member(TeamFactory(), "lead"))
    assert client.get("/api/training_runs/").status_code == 403


def test_the_command_names_what_there_is_and_begins_a_run():
    admin, run = administrator(username="boss"), begun_run()
    with pytest.raises(CommandError, match=r"There is no data set Summer; there are Spring"):
        call_command("train_candidate", "hybrid-0.5", "Summer", by=admin.username)
    with pytest.raises(CommandError, match="nobody is no administrator"):
        call_command("train_candidate", "hybrid-0.5", "Spring", by="nobody")
    with pytest.raises(CommandError, match="fine-tune needs 10 of each"):
        call_command("train_candidate", "hybrid-0.5", "Spring", by=admin.username)
    with pytest.raises(CommandError, match="--replay is for --here"):
        call_command("train_candidate", "hybrid-0.5", "Spring", by=admin.username, replay="x")
    assert TrainingRun.objects.get() == run
