"""The Django admin: administrators only, nothing that would undo an audit."""

import pytest
from django.contrib import admin

from mitoweb.people.models import AuditEntry, Membership, Team, User
from tests.factories import TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client):
    user = User.objects.create_superuser("root", password="violet mitosis 7")
    client.force_login(user)
    return user


def test_every_list_and_form_of_the_admin_opens(client, administrator):
    member(TeamFactory(), "reader")
    for model, options in admin.site._registry.items():
        place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(place).status_code == 200, place
        assert client.get(f"{place}?q=x").status_code == 200, place
        expected = 200 if options.has_add_permission(_request(administrator)) else 403
        assert client.get(f"{place}add/").status_code == expected, place


def test_other_peoples_admins_show_nothing_that_carries_secrets_or_pickles():
    apps = {model._meta.app_label for model in admin.site._registry}
    assert not apps & {"knox", "django_q", "account", "auth"}


@pytest.mark.parametrize("role", ["reader", "technician", "observer", "lead", "researcher"])
def test_no_role_opens_the_admin_not_even_with_the_staff_flag(client, role):
    client.force_login(member(TeamFactory(), role, is_staff=True))
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get("/admin/people/user/", follow=True).status_code == 403


def test_switching_an_account_off_removes_its_tokens_and_is_in_the_audit(client, administrator):
    reader = member(TeamFactory(), "reader")
    from mitoweb.people import services

    services.make_token(reader, "x", 1)
    data = {"username": reader.username, "first_name": "", "last_name": "", "email": ""}
    forms = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    assert client.post(f"/admin/people/user/{reader.pk}/change/", data | forms).status_code == 302
    assert not User.objects.get(pk=reader.pk).is_active
    assert not reader.auth_token_set.exists()
    assert AuditEntry.objects.filter(action="user.deactivated", actor=administrator).exists()


def test_a_membership_made_in_the_admin_is_in_the_audit(client, administrator):
    team, user = TeamFactory(), UserFactory()
    data = {"name": team.name, "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0}
    data |= {"memberships-0-user": user.pk, "memberships-0-role": "lead"}
    assert client.post(f"/admin/people/team/{team.pk}/change/", data).status_code == 302
    assert Membership.objects.get().role == "lead"
    assert AuditEntry.objects.filter(action="admin.changed", subject=f"team {team.pk}").exists()


def test_people_and_teams_are_not_deleted_and_the_audit_not_changed(client, administrator):
    team, reader = TeamFactory(), UserFactory()
    line = AuditEntry.objects.create(action="x", text="y")
    for place in (f"user/{reader.pk}", f"team/{team.pk}", f"auditentry/{line.pk}"):
        assert client.post(f"/admin/people/{place}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/people/auditentry/{line.pk}/change/", {"text": "z"}).status_code == 403
    assert User.objects.filter(pk=reader.pk).exists() and Team.objects.filter(pk=team.pk).exists()


def _request(user):
    from django.test import RequestFactory

    request = RequestFactory().get("/admin/")
    request.user = user
    return request
