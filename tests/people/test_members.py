"""Roles change and people leave at once; a team keeps a lead."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from mitoweb.lib.errors import Refused
from mitoweb.people import services
from mitoweb.people.models import AuditEntry, Membership
from mitoweb.people.rights import RIGHTS, list_rights, may
from tests.factories import MembershipFactory, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return TeamFactory()


@pytest.fixture
def lead(team):
    return member(team, "lead")


def test_a_new_role_holds_from_the_next_request(client, team, lead):
    membership = MembershipFactory(team=team, role="reader")
    client.force_login(membership.user)
    assert client.get("/api/whoami/").json()["memberships"][0]["may"]["verdict_give"]
    services.change_role(membership, "observer", lead)
    assert not client.get("/api/whoami/").json()["memberships"][0]["may"]["verdict_give"]


def test_a_removed_person_sees_the_team_no_more_by_session_and_token(client, team, lead):
    membership = MembershipFactory(team=team, role="reader")
    _, token = services.make_token(membership.user, "script", 1)
    client.force_login(membership.user)
    by_token = {"headers": {"Authorization": f"Token {token}"}}
    assert client.get(f"/api/teams/{team.pk}/").status_code == 200
    services.remove_member(membership, lead)
    assert client.get(f"/api/teams/{team.pk}/").status_code == 404
    client.logout()
    assert client.get(f"/api/teams/{team.pk}/", **by_token).status_code == 404
    assert client.get("/api/teams/", **by_token).json()["results"] == []


def test_a_deactivated_person_is_out_at_the_next_request_and_has_no_tokens(client, team, lead):
    reader = member(team, "reader")
    _, token = services.make_token(reader, "script", 1)
    client.force_login(reader)
    assert client.get("/api/whoami/").status_code == 200
    services.deactivate_user(reader, lead)
    assert client.get("/api/whoami/").status_code == 401
    assert client.get("/team/").status_code == 302
    assert not reader.auth_token_set.exists()
    client.logout()
    assert client.get("/api/whoami/", headers={"Authorization": f"Token {token}"}).status_code == 401


def test_the_last_lead_cannot_be_demoted_or_removed(client, team, lead):
    membership = lead.memberships.get()
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/role/", {"role": "reader"})
    client.post(f"/team/members/{membership.pk}/remove/")
    assert Membership.objects.get(pk=membership.pk).role == "lead"
    assert "keeps at least one lead" in client.get("/team/").content.decode()


def test_a_deactivated_lead_does_not_count_as_one(team, lead):
    services.deactivate_user(member(team, "lead"), lead)
    with pytest.raises(Refused):
        services.remove_member(lead.memberships.get(), lead)


def test_one_of_two_leads_may_go(team, lead):
    second = MembershipFactory(team=team, role="lead")
    services.change_role(second, "reader", lead)
    assert Membership.objects.get(pk=second.pk).role == "reader"


@pytest.mark.django_db(transaction=True)
def test_two_leads_who_demote_each_other_at_once_leave_one():
    team = TeamFactory()
    rows = [MembershipFactory(team=team, role="lead") for _ in range(2)]

    def demote(row):
        try:
            services.change_role(Membership.objects.get(pk=row.pk), "reader", row.user)
        except Refused:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, rows)) == ["done", "refused"]
    assert team.memberships.filter(role="lead").count() == 1


@pytest.mark.parametrize("role", ["reader", "technician", "observer", "researcher"])
def test_only_leads_change_members(client, team, lead, role):
    client.force_login(member(team, role))
    pk = lead.memberships.get().pk
    assert client.post(f"/team/members/{pk}/role/", {"role": "observer"}).status_code == 403
    assert client.post(f"/team/members/{pk}/remove/").status_code == 403
    assert Membership.objects.get(pk=pk).role == "lead"


def test_members_of_another_team_do_not_exist_for_a_lead(client, team, lead):
    foreign = MembershipFactory(role="reader")
    client.force_login(lead)
    assert client.post(f"/team/members/{foreign.pk}/role/", {"role": "observer"}).status_code == 404
    assert client.get(f"/api/teams/{foreign.team.pk}/members/").status_code == 404


def test_an_unknown_role_changes_nothing(client, team, lead):
    membership = MembershipFactory(team=team, role="reader")
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/role/", {"role": "king"})
    assert Membership.objects.get(pk=membership.pk).role == "reader"


def test_changes_of_members_are_in_the_audit_with_who_made_them(team, lead):
    membership = MembershipFactory(team=team, role="reader", user=UserFactory(username="ada"))
    services.change_role(membership, "technician", lead)
    services.remove_member(membership, lead)
    lines = AuditEntry.objects.filter(team=team, actor=lead).order_by("pk")
    assert [line.text for line in lines] == [
        "ada: reader is now technician.",
        "ada is no longer in the team (was technician).",
    ]


def test_the_table_of_rights_is_what_the_design_says(team):
    by_role = {
        role: list_rights(member(team, role), team) for role in ("reader", "technician", "observer", "researcher")
    }
    assert by_role["reader"]["verdict_give"] and not by_role["reader"]["slide_upload"]
    assert by_role["technician"]["analysis_run"] and not by_role["technician"]["verdict_give"]
    assert [right for right, yes in by_role["observer"].items() if yes] == ["view"]
    assert all(by_role[role]["comment_give"] for role in ("reader", "technician", "researcher"))
    assert by_role["researcher"]["export"] and not by_role["researcher"]["verdict_give"]
    assert all(list_rights(UserFactory(is_superuser=True), team).values())
    assert not any(list_rights(UserFactory(), team).values())


def test_an_unknown_right_is_an_error_and_not_a_no(team, lead):
    with pytest.raises(KeyError):
        may(lead, "case.delete", team)
    assert "case.delete" not in RIGHTS


def undo(client):
    return client.post("/team/undo/", follow=True).content.decode()


def test_a_change_of_a_role_is_shown_after_a_reload_too_and_undone(client, team, lead):
    membership = MembershipFactory(team=team, role="reader", user=UserFactory(username="ada"))
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/role/", {"role": "lead"})
    for _ in range(2):
        assert "ada: reader is now team lead." in client.get("/team/").content.decode().partition("<table")[0]
    assert "Undone." in undo(client)
    assert Membership.objects.get(pk=membership.pk).role == "reader"
    assert "nothing to undo" in undo(client)
    assert AuditEntry.objects.filter(action="member.role", actor=lead).count() == 2


def test_a_removed_member_and_a_withdrawn_invitation_come_back(client, team, lead):
    membership = MembershipFactory(team=team, role="technician")
    invitation, link = services.create_invitation(team, "reader", lead)
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/remove/")
    assert "Undone." in undo(client)
    assert team.memberships.get(user=membership.user).role == "technician"
    client.post(f"/team/invitations/{invitation.pk}/revoke/")
    assert services.open_invitation(link) is None
    assert "Undone." in undo(client)
    assert services.open_invitation(link) == invitation
    assert {"member.restored", "invitation.restored"} <= {*AuditEntry.objects.values_list("action", flat=True)}


def test_what_another_lead_has_changed_since_is_not_undone(client, team, lead):
    membership = MembershipFactory(team=team, role="reader")
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/role/", {"role": "observer"})
    services.change_role(membership, "technician", lead)
    assert "changed again since" in undo(client)
    assert Membership.objects.get(pk=membership.pk).role == "technician"
    client.post(f"/team/members/{membership.pk}/remove/")
    MembershipFactory(team=team, role="reader", user=membership.user)
    assert "changed again since" in undo(client)


def test_only_who_manages_members_undoes_and_only_in_that_team(client, team, lead):
    other = MembershipFactory(user=lead, role="lead").team
    membership = MembershipFactory(team=team, role="reader")
    client.force_login(lead)
    client.post(f"/team/members/{membership.pk}/role/", {"role": "observer"})
    client.post("/team/switch/", {"team": other.pk})
    assert "nothing to undo" in undo(client)
    client.post("/team/switch/", {"team": team.pk})
    client.post(f"/team/members/{membership.pk}/role/", {"role": "reader"})
    MembershipFactory(team=team, role="lead")
    lead.memberships.filter(team=team).update(role="reader")
    assert client.post("/team/undo/").status_code == 403


def test_choosing_a_role_does_nothing_until_it_is_saved(client, team, lead):
    """The page has a button to save for each role, and no script that sends the form by itself."""
    MembershipFactory(team=team, role="reader")
    client.force_login(lead)
    page = client.get("/team/").content.decode()
    assert page.count("data-save aria-label") == page.count('name="role" aria-label') == 2
    assert "submit-on-change" not in page
    before = AuditEntry.objects.filter(action="member.role").count()
    client.post(f"/team/members/{lead.memberships.get().pk}/role/", {"role": "lead"})
    assert AuditEntry.objects.filter(action="member.role").count() == before
