"""What changes people, teams and tokens: each function is one transaction with its line in the audit."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people.audit import record_change
from mitoweb.people.demo import make_demo_accounts  # noqa: F401 one place to look for services
from mitoweb.people.models import ApiToken, Invitation, Membership, Role, Team, User

TOKEN_DAYS = 90
LONGEST_TOKEN_DAYS = 366


@dataclass(frozen=True)
class Change:
    """A change of rights in a team that can be undone, in plain values that a session keeps.

    role, was: of the person `user` now and before, "" for none. invitation: the id of one that was withdrawn.
    """

    text: str
    team: int
    user: int | None = None
    was: str = ""
    role: str = ""
    invitation: str = ""


def make_team(name: str, by: User) -> Team:
    with transaction.atomic():
        team = Team.objects.create(name=name)
        record_change(by, team, "team.made", f"team {team.pk}", f"Team {name} made.")
    return team


def set_analyse_on_arrival(team: Team, wanted: bool, by: User) -> None:
    """Whether tissue slides are analysed as soon as they are ready. Written once: the same again is no change."""
    with transaction.atomic():
        if Team.objects.filter(pk=team.pk).exclude(analyse_on_arrival=wanted).update(analyse_on_arrival=wanted):
            text = "Slides are analysed on arrival." if wanted else "Slides are no longer analysed on arrival."
            record_change(by, team, "team.analyse_on_arrival", f"team {team.pk}", text)


# Invitations -------------------------------------------------------------------------------------------------
def create_invitation(team: Team, role: str, by: User, email: str = "") -> tuple[Invitation, str]:
    """Make an invitation. Returns it with its link, which is shown once: only a digest is kept."""
    link = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            team=team, role=role, email=email, invited_by=by, token_digest=_hash_link(link)
        )
        record_change(
            by, team, "invitation.made", f"invitation {invitation.pk}", f"Invited a {invitation.get_role_display()}."
        )
    return invitation, link


def open_invitation(link: str) -> Invitation | None:
    """The invitation that the link opens; None when it is unknown, used, revoked or too old."""
    return Invitation.objects.open().select_related("team").filter(token_digest=_hash_link(link)).first()


def accept_invitation(link: str, *, username: str = "", password: str = "", user: User | None = None) -> User:
    """Use the invitation, once: a new account joins the team, or the signed-in `user` does."""
    with transaction.atomic():
        invitation = Invitation.objects.open().select_for_update().filter(token_digest=_hash_link(link)).first()
        if invitation is None:
            raise Refused("This link was used, withdrawn or is too old. Ask for a new one.", "link_closed")
        if user is None:
            user = _make_user(username, password, invitation.email)
        _, is_new = Membership.objects.get_or_create(
            user=user, team=invitation.team, defaults={"role": invitation.role}
        )
        if not is_new:
            raise Refused(f"{user} belongs to {invitation.team} already.", "member_already")
        invitation.accepted = timezone.now()
        invitation.save(update_fields=["accepted"])
        text = f"{user} joined as {invitation.get_role_display()}."
        record_change(user, invitation.team, "member.joined", f"user {user.pk}", text)
    return user


def _make_user(username: str, password: str, email: str) -> User:
    user = User(username=username, email=email)
    validate_password(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Refused("This name is taken.", "name_taken") from None
    return user


def revoke_invitation(invitation: Invitation, by: User) -> Change:
    text = "Withdrew an invitation."
    with transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(revoked=True)
        record_change(by, invitation.team, "invitation.revoked", f"invitation {invitation.pk}", text)
    return Change("Invitation withdrawn: its link no longer works.", invitation.team_id, invitation=str(invitation.pk))


def _reopen_invitation(team: Team, pk: str, by: User) -> None:
    if not Invitation.objects.filter(team=team, pk=pk, accepted__isnull=True, revoked=True).update(revoked=False):
        raise Refused("This was changed again since: nothing was undone.", "changed_since")
    record_change(by, team, "invitation.restored", f"invitation {pk}", "Took an invitation's withdrawal back.")


def _hash_link(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()


# Members -----------------------------------------------------------------------------------------------------
def change_role(membership: Membership, role: str, by: User) -> Change:
    """In force from the person's next request on: rights are read from the row each time."""
    with transaction.atomic():
        _keep_a_lead(membership, role)
        was, was_called = membership.role, membership.get_role_display()
        membership.role = role
        membership.save(update_fields=["role"])
        text = f"{membership.user}: {was_called} is now {membership.get_role_display()}."
        record_change(by, membership.team, "member.role", f"user {membership.user_id}", text)
    return Change(text, membership.team_id, user=membership.user_id, was=was, role=role)


def remove_member(membership: Membership, by: User) -> Change:
    with transaction.atomic():
        _keep_a_lead(membership, None)
        text = f"{membership.user} is no longer in the team (was {membership.get_role_display()})."
        record_change(by, membership.team, "member.removed", f"user {membership.user_id}", text)
        membership.delete()
    return Change(text, membership.team_id, user=membership.user_id, was=membership.role)


def undo_change(change: Change, by: User) -> None:
    """Bring back what was before, unless somebody has changed it since. It has a line of its own in the audit."""
    with transaction.atomic():
        team = Team.objects.select_for_update().get(pk=change.team)
        member = team.memberships.select_related("user").filter(user=change.user).first()
        if change.invitation:
            _reopen_invitation(team, change.invitation, by)
        elif (member.role if member else "") != change.role:
            raise Refused("This was changed again since: nothing was undone.", "changed_since")
        elif member:
            change_role(member, change.was, by)
        else:
            member = Membership.objects.create(team=team, user_id=change.user, role=change.was)
            text = f"{member.user} is in the team again, as {member.get_role_display()}."
            record_change(by, team, "member.restored", f"user {change.user}", text)


def _keep_a_lead(membership: Membership, role: str | None) -> None:
    """Refuse to take the lead from a team's last one. The team row is the lock: two leads cannot demote each other."""
    Team.objects.select_for_update().get(pk=membership.team_id)
    membership.refresh_from_db(fields=["role"])
    others = Membership.objects.filter(team=membership.team_id, role=Role.LEAD, user__is_active=True)
    if membership.role == Role.LEAD != role and not others.exclude(pk=membership.pk).exists():
        raise Refused("A team keeps at least one lead: make somebody else lead first.", "last_lead")


def deactivate_user(user: User, by: User) -> None:
    """Shut the person out from the next request on: sessions do not open any more, tokens are gone."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.is_active = False
        user.auth_token_set.all().delete()
        record_change(by, None, "user.deactivated", f"user {user.pk}", f"{user} may no longer sign in; tokens removed.")


def reactivate_user(user: User, by: User) -> None:
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        user.is_active = True
        record_change(by, None, "user.reactivated", f"user {user.pk}", f"{user} may sign in again.")


# Tokens ------------------------------------------------------------------------------------------------------
def make_token(user: User, name: str, days: int, by: User | None = None) -> tuple[ApiToken, str]:
    """Make a token for the REST API. Returns it with its text, which is shown once: only a digest is kept."""
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise Refused(f"A token lives 1 to {LONGEST_TOKEN_DAYS} days.", "token_life")
    with transaction.atomic():
        token, text = ApiToken.objects.create(user, expiry=timedelta(days=days), name=name)
        record_change(by or user, None, "token.made", f"user {user.pk}", f"Token “{name}” for {user}, {days} days.")
    return token, text


def revoke_token(token: ApiToken, by: User) -> None:
    with transaction.atomic():
        record_change(
            by, None, "token.revoked", f"user {token.user_id}", f"Token “{token.name}” of {token.user} revoked."
        )
        token.delete()
