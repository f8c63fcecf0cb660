"""How a version stands: checked, approved by a second administrator, retired with a reason; and the way back."""

import pytest
from django.db import IntegrityError, transaction

from analysis.models import ModelStanding, ModelVersion
from analysis.services import model_standing, model_versions, runs
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import AuditEntry
from tests.analysis.makers import ModelVersionFactory, make_analysis
from tests.analysis.review_makers import client
from tests.factories import PASSWORD, SlideFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return UserFactory(is_superuser=True, username="admin")


@pytest.fixture
def admin2():
    return UserFactory(is_superuser=True, username="admin2")


@pytest.fixture
def team():
    return TeamFactory()


@pytest.fixture
def checked(admin):
    return ModelVersionFactory(shipped=False, name="ours-1", state="validated", created_by=admin)


def post(user, model, what, body=None):
    return client(user).post(f"/api/models/{model.pk}/{what}/", body or {}, format="json")


def put_to_use(model, team, admin, admin2):
    return model_versions.approve_activation(model_versions.activate_model(model, team, "test", admin), admin2)


def test_a_second_administrator_approves_a_checked_version_and_then_it_can_be_used(admin, admin2, team, checked):
    answer = client(admin).post(f"/api/models/{checked.pk}/activate/", {"reason": "better"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "model_not_approved")
    assert "waits for an administrator's approval" in answer.json()["detail"]
    assert not model_standing.may_be_used(checked)
    assert post(admin, checked, "approve").status_code == 403
    approved = post(admin2, checked, "approve")
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert model_standing.may_be_used(checked)
    assert AuditEntry.objects.first().action == "model.approved"
    assert post(admin2, checked, "approve").status_code == 409
    put_to_use(checked, team, admin, admin2)
    assert model_versions.find_active_model(team) == checked


def test_a_lab_with_one_administrator_may_switch_the_second_one_off(admin, team, checked):
    team.activation_needs_second_admin = False
    team.save()
    assert post(admin, checked, "approve").status_code == 200


@pytest.mark.parametrize("state", ["uploaded", "validated", "candidate", "retired"])
def test_what_is_not_approved_is_not_used_whatever_was_activated(admin, admin2, team, state):
    ModelVersionFactory(name="shipped")
    model = ModelVersionFactory(shipped=False, name="ours", state=state)
    with pytest.raises(Refused, match=f"ours {model_standing.UNUSABLE[state]}"):
        model_versions.activate_model(model, team, "test", admin)
    model.activations.create(team=team, reason="before", approved="2026-01-01T00:00Z")
    assert model_versions.find_active_model(team).name == "shipped"
    assert not ModelVersion.objects.usable_by(team).filter(pk=model.pk).exists()
    with pytest.raises(Refused, match="not activated"):
        runs.start_analysis(SlideFactory(case__team=team), admin, model=model)


def test_a_candidate_is_approved_on_its_gate_alone(admin2):
    answer = post(admin2, ModelVersionFactory(shipped=False, state="candidate"), "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "gate_missing")


def test_steps_follow_each_other_and_none_is_taken_twice_changed_or_deleted(checked):
    for state in ("validated", "uploaded", "candidate"):
        with pytest.raises(Refused, match="ours-1 is validated; it cannot become"):
            model_standing.take_step(checked, state)
    for change in (lambda rows: rows.update(reason="other"), lambda rows: rows.delete()):
        with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
            change(ModelStanding.objects.filter(model=checked))


def test_a_version_that_a_second_one_approved_while_it_was_retired_stays_retired(admin, admin2, team):
    model = ModelVersionFactory(shipped=False)
    waiting = model_versions.activate_model(model, team, "test", admin)
    assert "waits for a second" in post(admin, model, "retire", {"reason": "blind to rings"}).json()["detail"]
    ModelStanding.objects.create(model=model, state="retired", reason="blind to rings")
    with pytest.raises(Refused, match="is retired"):
        model_versions.approve_activation(waiting, admin2)


def test_a_version_is_retired_with_a_reason_when_nobody_uses_it_and_keeps_its_analyses(admin, admin2, team):
    old, new = ModelVersionFactory(name="old", shipped=False), ModelVersionFactory(name="new", shipped=False)
    put_to_use(old, team, admin, admin2)
    running = make_analysis(SlideFactory(case__team=team), Job.State.RUNNING, model=old)
    refused = post(admin, old, "retire", {"reason": "blind to rings"})
    assert (refused.status_code, refused.json()["code"]) == (409, "model_in_use")
    assert team.name in refused.json()["detail"]
    put_to_use(new, team, admin, admin2)
    assert post(admin, old, "retire", {"reason": "  "}).status_code == 400
    assert post(admin, old, "retire", {"reason": "blind to rings"}).json()["state"] == "retired"
    assert AuditEntry.objects.first().text == "old is retired: blind to rings"
    running.refresh_from_db()
    assert (running.model, running.job.state) == (old, Job.State.RUNNING)
    assert post(admin, old, "approve").status_code == 409


def test_one_click_brings_the_version_before_back_for_every_team_that_used_this_one(admin, admin2, team):
    other = TeamFactory()
    first, bad = ModelVersionFactory(name="first", shipped=False), ModelVersionFactory(name="bad", shipped=False)
    skipped = ModelVersionFactory(name="skipped", shipped=False)
    put_to_use(first, None, admin, admin2)
    put_to_use(skipped, team, admin, admin2)
    ModelStanding.objects.create(model=skipped, state="retired", reason="made in a test")
    put_to_use(bad, team, admin, admin2)
    put_to_use(bad, None, admin, admin2)
    assert post(admin, bad, "roll-back").status_code == 200
    assert [model_versions.find_active_model(each) for each in (team, other, None)] == [first] * 3
    said = AuditEntry.objects.filter(action="activation.roll_back")
    assert said.count() == 2 and "first is in force" in said.first().text
    again = post(admin, bad, "roll-back")
    assert (again.status_code, again.json()["code"]) == (409, "not_in_use")
    nothing = post(admin, first, "roll-back")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_before")
    assert model_versions.find_active_model(team) == first


def test_the_page_says_how_it_stands_and_offers_what_may_be_done(client, admin, admin2, team, checked):
    def page(model):
        return " ".join(client.get(f"/models/{model.pk}/").content.decode().split())

    client.login(username="admin", password=PASSWORD)
    assert "another administrator approves it" in page(checked) and "Checked waits for an approval" in page(checked)
    assert f"/api/models/{checked.pk}/approve/" not in page(checked)
    client.login(username="admin2", password=PASSWORD)
    assert f"/api/models/{checked.pk}/approve/" in page(checked) and "Activate…" not in page(checked)
    model_standing.take_step(checked, "approved", admin2)
    assert "Activate…" in page(checked) and "Retire…" in page(checked)
    first = ModelVersionFactory(name="first", shipped=False)
    put_to_use(first, None, admin, admin2)
    put_to_use(checked, None, admin, admin2)
    assert "Roll back to first" in page(checked) and "Retire…" not in page(checked)
    model_versions.withdraw_activation(checked.activations.get(), admin)
    model_standing.take_step(checked, "retired", admin, "blind to rings")
    shown = page(checked)
    assert "blind to rings" in shown and "Activate…" not in shown and "Retired" in shown
