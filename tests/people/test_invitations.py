"""An invitation is one link for one person, once."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people import services
from mitoweb.people.models import AuditEntry, Invitation, Role, User
from tests.factories import PASSWORD, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db
GOOD = {"username": "new.reader", "password1": "violet mitosis 7", "password2": "violet mitosis 7"}


@pytest.fixture
def team():
    return TeamFactory(name="Breast")


@pytest.fixture
def lead(team):
    return member(team, "lead")


def path_of(key):
    return f"/invitation/?key={key}"


def test_a_lead_makes_a_link_that_is_shown_once_and_kept_as_a_digest(client, lead, team):
    client.force_login(lead)
    client.post("/team/invitations/", {"role": "reader", "email": "ada@example.org"})
    page = client.get("/team/").content.decode()
    key = re.search(r"/invitation/\?key=([\w-]+)", page)[1]
    assert "/invitation/?key=" not in client.get("/team/").content.decode()
    invitation = Invitation.objects.get()
    assert (invitation.team, invitation.role, invitation.email) == (team, "reader", "ada@example.org")
    assert key not in invitation.token_digest
    assert services.open_invitation(key) == invitation


def test_accepting_makes_account_and_membership_and_signs_in(client, lead, team):
    _, key = services.create_invitation(team, Role.READER, lead)
    assert "Join Breast" in client.get(path_of(key)).content.decode()
    answer = client.post(path_of(key), GOOD)
    assert answer.url == "/cases/"
    user = User.objects.get(username="new.reader")
    assert user.check_password("violet mitosis 7")
    assert [(row.team, row.role) for row in user.memberships.all()] == [(team, "reader")]
    assert client.get("/account/").status_code == 200
    assert not user.is_superuser


def test_a_link_works_once(client, lead, team):
    _, key = services.create_invitation(team, Role.READER, lead)
    client.post(path_of(key), GOOD)
    client.logout()
    answer = client.post(path_of(key), GOOD | {"username": "second"})
    assert answer.status_code == 404
    assert not User.objects.filter(username="second").exists()


def test_withdrawn_old_and_unknown_links_answer_alike(client, lead, team):
    withdrawn, withdrawn_key = services.create_invitation(team, Role.READER, lead)
    services.revoke_invitation(withdrawn, lead)
    old, old_key = services.create_invitation(team, Role.READER, lead)
    Invitation.objects.filter(pk=old.pk).update(expires=timezone.now() - timedelta(seconds=1))
    answers = [client.get(path_of(key)) for key in (withdrawn_key, old_key, "nonsense", "")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_weak_or_mistyped_password_makes_no_account(client, lead, team):
    _, key = services.create_invitation(team, Role.READER, lead)
    for wrong in ({"password2": "something else"}, {"password1": "short", "password2": "short"}, {"username": ""}):
        assert client.post(path_of(key), GOOD | wrong).status_code == 200
    assert client.post(path_of(key), {"username": "x", "password1": "password1234", "password2": "password1234"})
    assert User.objects.count() == 1
    assert services.open_invitation(key)


def test_a_name_that_is_taken_is_refused(client, lead, team):
    _, key = services.create_invitation(team, Role.READER, lead)
    UserFactory(username="new.reader")
    page = client.post(path_of(key), GOOD).content.decode()
    assert "already exists" in page
    assert services.open_invitation(key)


def test_a_person_with_an_account_joins_with_it(client, lead, team):
    other = member(TeamFactory(), "observer")
    _, key = services.create_invitation(team, Role.RESEARCHER, lead)
    client.force_login(other)
    assert "You are signed in as" in client.get(path_of(key)).content.decode()
    client.post(path_of(key))
    assert other.memberships.get(team=team).role == "researcher"
    assert services.open_invitation(key) is None


def test_joining_twice_is_refused_and_the_link_stays_open(lead, team):
    _, key = services.create_invitation(team, Role.READER, lead)
    with pytest.raises(Refused, match="belongs to Breast already"):
        services.accept_invitation(key, user=lead)
    assert services.open_invitation(key)
    assert lead.memberships.get().role == "lead"


@pytest.mark.parametrize("role", ["reader", "technician", "observer", "researcher"])
def test_only_leads_invite(client, team, role):
    client.force_login(member(team, role))
    assert client.post("/team/invitations/", {"role": "lead"}).status_code == 403
    assert not Invitation.objects.exists()


def test_a_lead_of_another_team_cannot_withdraw(client, lead, team):
    invitation, key = services.create_invitation(team, Role.READER, lead)
    client.force_login(member(TeamFactory(), "lead"))
    assert client.post(f"/team/invitations/{invitation.pk}/revoke/").status_code == 404
    assert services.open_invitation(key)


def test_inviting_and_joining_are_in_the_audit(client, lead, team):
    _, key = services.create_invitation(team, Role.READER, lead, "ada@example.org")
    client.post(path_of(key), GOOD)
    lines = list(AuditEntry.objects.filter(team=team).order_by("pk").values_list("action", flat=True))
    assert lines == ["invitation.made", "member.joined"]
    assert not AuditEntry.objects.filter(text__contains="ada@").exists()


def test_the_command_line_invites_the_first_lead_of_a_new_team(capsys):
    User.objects.create_superuser("root", password=PASSWORD)
    call_command("invite", "Pathology", "lead", "--by", "root", "--site", "https://slides.example.org/")
    link = capsys.readouterr().out.strip()
    assert link.startswith("https://slides.example.org/invitation/?key=")
    assert services.open_invitation(link.split("key=")[1]).team.name == "Pathology"
    with pytest.raises(CommandError, match="no administrator"):
        call_command("invite", "Pathology", "lead", "--by", "nobody")


@pytest.mark.django_db(transaction=True)
def test_two_people_with_the_same_link_at_once_make_one_account():
    team = TeamFactory()
    _, key = services.create_invitation(team, Role.READER, member(team, "lead"))

    def accept(name):
        try:
            return services.accept_invitation(key, username=name, password="violet mitosis 7").username
        except Refused:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = [name for name in pool.map(accept, ["a", "b", "c", "d"]) if name]
    assert len(made) == 1
    assert team.memberships.filter(role="reader").count() == 1


def test_a_link_lives_for_seven_days(client, lead, team):
    invitation, key = services.create_invitation(team, Role.READER, lead)
    assert invitation.expires - invitation.created == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))
    Invitation.objects.update(expires=timezone.now() + timedelta(minutes=1))
    assert services.open_invitation(key) == invitation
    Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert services.open_invitation(key) is None
