"""Which model version is in use: asked for, approved by a second administrator, withdrawn; cards are for everyone."""

import threading

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from analysis.models import Activation, ModelVersion
from analysis.services import model_versions
from mitoweb.people.models import AuditEntry, Role
from tests.analysis.makers import ModelVersionFactory
from tests.analysis.review_makers import client
from tests.factories import TeamFactory, UserFactory, member

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
def model():
    return ModelVersionFactory(shipped=False)


def ask(user, model, **body):
    body = {"reason": "better on our scanner"} | body
    return client(user).post(f"/api/models/{model.pk}/activate/", body, format="json")


def settle(user, activation, what):
    return client(user).post(f"/api/activations/{activation.pk}/{what}/")


def approved(model, team, admin, admin2) -> Activation:
    return model_versions.approve_activation(model_versions.activate_model(model, team, "test", admin), admin2)


def test_an_activation_is_in_force_once_a_second_administrator_approves(admin, admin2, team, model):
    answer = ask(admin, model, team=team.pk)
    assert (answer.status_code, answer.json()["state"]) == (201, "waiting")
    assert model_versions.find_active_model(team) is None
    activation = Activation.objects.get()
    done = settle(admin2, activation, "approve")
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    assert done.json()["approved_by"]["username"] == "admin2"
    assert model_versions.find_active_model(team) == model
    said = list(AuditEntry.objects.order_by("pk").values_list("action", "actor__username"))
    assert said == [("activation.ask", "admin"), ("activation.approve", "admin2")]


def test_the_one_who_asked_cannot_approve(admin, team, model):
    ask(admin, model, team=team.pk)
    answer = settle(admin, Activation.objects.get(), "approve")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You asked for this activation; another administrator approves it."
    assert model_versions.find_active_model(team) is None


def test_a_lab_may_switch_the_second_administrator_off_and_that_is_written_down(admin, team, model):
    team.activation_needs_second_admin = False
    team.save()
    assert ask(admin, model, team=team.pk).json()["state"] == "approved"
    assert model_versions.find_active_model(team) == model
    assert "without a second administrator" in AuditEntry.objects.get().text


def test_every_team_at_once_needs_two_people_if_one_team_does(admin, team, model):
    TeamFactory(activation_needs_second_admin=False)
    assert ask(admin, model).json()["state"] == "waiting"
    team.activation_needs_second_admin = False
    team.save()
    assert ask(admin, ModelVersionFactory()).json()["state"] == "approved"


def test_the_newest_approval_counts_for_one_team_or_all(admin, admin2, team, model):
    second, other_team = ModelVersionFactory(shipped=False), TeamFactory()
    approved(model, None, admin, admin2)
    approved(second, team, admin, admin2)
    assert (model_versions.find_active_model(team), model_versions.find_active_model(other_team)) == (second, model)


def test_withdrawing_brings_the_one_before_back(admin, admin2, team, model):
    second = ModelVersionFactory(shipped=False)
    approved(model, team, admin, admin2)
    activation = approved(second, team, admin, admin2)
    assert settle(admin, activation, "withdraw").json()["state"] == "withdrawn"
    assert model_versions.find_active_model(team) == model
    assert AuditEntry.objects.first().action == "activation.withdraw"


@pytest.mark.parametrize(
    ("before", "then"), [("approve", "approve"), ("withdraw", "approve"), ("withdraw", "withdraw")]
)
def test_what_is_settled_cannot_be_settled_again(admin, admin2, team, model, before, then):
    activation = model_versions.activate_model(model, team, "test", admin)
    assert settle(admin2, activation, before).status_code == 200
    assert settle(admin2, activation, then).status_code == 409


def test_the_same_wish_twice_is_refused_while_it_waits(admin, admin2, team, model):
    ask(admin, model, team=team.pk)
    assert ask(admin2, model, team=team.pk).status_code == 409
    assert Activation.objects.count() == 1


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "  "}, {"reason": "x" * 1001}, {"purpose": "staging"}])
def test_an_activation_needs_a_reason_and_a_known_purpose(admin, team, model, body):
    assert ask(admin, model, **body).status_code == 400
    assert not Activation.objects.exists()


def test_a_team_that_is_not_there_is_a_404(admin, model):
    assert ask(admin, model, team=10**6).status_code == 404


@pytest.mark.parametrize("role", Role.values)
def test_everyone_reads_cards_and_only_administrators_change_anything(admin, team, model, role):
    person = member(team, role)
    activation = model_versions.activate_model(model, team, "test", admin)
    assert client(person).get("/api/models/").json()["results"][0]["name"] == model.name
    assert client(person).get(f"/api/models/{model.pk}/").json()["card"]["licence"] == "made in a test"
    assert ask(person, model, team=team.pk).status_code == 403
    assert settle(person, activation, "approve").status_code == 403
    assert settle(person, activation, "withdraw").status_code == 403


def test_activations_of_other_teams_do_not_exist(admin, team, model):
    activation, stranger = model_versions.activate_model(model, team, "test", admin), member(TeamFactory(), Role.LEAD)
    assert client(stranger).get(f"/api/activations/{activation.pk}/").status_code == 404
    assert settle(stranger, activation, "approve").status_code == 404
    assert client(stranger).get("/api/activations/").json()["count"] == 0


def test_without_signing_in_there_is_nothing(model):
    assert client().get("/api/models/").status_code == 401
    assert ask(None, model).status_code == 401


def test_the_list_says_which_of_my_teams_use_a_version(admin, admin2, team, model):
    approved(model, team, admin, admin2)
    foreign = TeamFactory()
    approved(model, foreign, admin, admin2)
    (row,) = client(member(team)).get("/api/models/").json()["results"]
    assert row["in_use_by"] == [team.pk]
    (row,) = client(admin).get("/api/models/").json()["results"]
    assert sorted(row["in_use_by"]) == sorted([team.pk, foreign.pk])


def test_what_is_in_use_agrees_for_one_team_and_for_many(admin, admin2, team):
    shipped, teams = ModelVersionFactory(), [team, TeamFactory(), TeamFactory()]
    approved(ModelVersionFactory(shipped=False), teams[1], admin, admin2)
    withdrawn = approved(ModelVersionFactory(shipped=False), teams[2], admin, admin2)
    model_versions.withdraw_activation(withdrawn, admin)
    model_versions.activate_model(withdrawn.model, teams[2], "waits", admin)
    in_use = {one.pk: pk for pk, users in model_versions.map_active_models(teams).items() for one in users}
    for one in teams:
        assert in_use[one.pk] == model_versions.find_active_model(one).pk
    assert model_versions.find_active_model(teams[2]) == shipped


def test_the_list_costs_the_same_with_more_versions_and_teams(admin, team):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client(admin).get("/api/models/")
        return len(queries)

    ModelVersionFactory()
    few = cost()
    for _ in range(3):
        ModelVersionFactory()
        TeamFactory()
    assert cost() == few


def test_the_database_refuses_to_change_a_version(model):
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        ModelVersion.objects.filter(pk=model.pk).update(threshold=0.1)


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_are_one():
    admins = [UserFactory(is_superuser=True) for _ in range(5)]
    activation = model_versions.activate_model(ModelVersionFactory(), TeamFactory(), "test", admins[0])
    codes = []

    def send(user) -> None:
        try:
            codes.append(settle(user, activation, "approve").status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(user,)) for user in admins[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 409, 409, 409]
