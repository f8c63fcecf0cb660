"""Pages about people: team, account, invitations."""

from dataclasses import asdict

from allauth.account.views import LoginView
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.people import services, team_parts
from mitoweb.people.forms import AcceptForm, InviteForm, NameForm, RoleForm, TeamForm, TokenForm
from mitoweb.people.models import AuditEntry, Invitation, Membership, Role, Team
from mitoweb.people.rights import may
from mitoweb.people.teams import choose_team, current_team, list_teams, require_team

ABOUT_PEOPLE = r"^(team|invitation|member|demo\.accounts)"
LOCKED_OUT_S = 300  # the longer of the limits of a sign-in (settings.ACCOUNT_RATE_LIMITS)
CHANGED = "rights_changed"  # session key of the last change of rights, which the team page offers to undo
UNDO_WITHIN_S = 3600
SHOWN_ONCE = "shown_once"  # session key of what the next page shows and then forgets


class SignIn(LoginView):
    """allauth's sign-in; too many failures answer 429, as its other limits do."""

    def form_invalid(self, form):
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"):
            response.status_code = 429
            response["Retry-After"] = LOCKED_OUT_S
        return response


# Team --------------------------------------------------------------------------------------------------------
@require_safe
def team_page(request):
    team = current_team(request)
    context = {"team": team, "manages": may(request.user, "members.manage", team), "team_form": TeamForm()}
    if team is not None:
        context["memberships"] = team.memberships.select_related("user").order_by("user__username")
        context["parts"] = [describe(request.user, team) for describe in team_parts.PARTS]
    if team is not None and context["manages"]:
        context["invitations"] = team.invitations.open().select_related("invited_by")
        of_people = AuditEntry.objects.filter(team=team, action__regex=ABOUT_PEOPLE)
        context["happened"] = of_people.select_related("actor")[:20]
        context["invite_form"] = InviteForm()
        context["roles"] = Role.choices
        context["link"] = request.session.pop(SHOWN_ONCE, None)
        context["change"] = _last_change(request, team)
    return render(request, "people/team.html", context)


@require_POST
def switch_team(request):
    number = request.POST.get("team", "")
    choose_team(request, get_visible(Team, request.user, pk=int(number) if number.isdecimal() else None))
    after = request.POST.get("next", "")
    return redirect(after if url_has_allowed_host_and_scheme(after, {request.get_host()}) else "/cases/")


@require_POST
def new_team(request):
    refuse_unless(request.user.is_superuser, "Administrators make teams.")
    form = TeamForm(request.POST)
    if form.is_valid():
        team = services.make_team(form.cleaned_data["name"], request.user)
        choose_team(request, team)
        messages.success(request, f"Team {team} made.")
    else:
        _show_errors(request, form)
    return redirect("team")


@require_POST
def change_arrival(request):
    team = require_team(request)
    refuse_unless(may(request.user, "members.manage", team))
    services.set_analyse_on_arrival(team, request.POST.get("analyse") == "on", request.user)
    return redirect("team")


@require_POST
def invite_member(request):
    team = require_team(request)
    refuse_unless(may(request.user, "members.manage", team))
    form = InviteForm(request.POST)
    if form.is_valid():
        _, link = services.create_invitation(team, form.cleaned_data["role"], request.user, form.cleaned_data["email"])
        request.session[SHOWN_ONCE] = request.build_absolute_uri(f"{reverse('invitation')}?key={link}")
    else:
        _show_errors(request, form)
    return redirect("team")


@require_POST
def revoke_invitation(request, pk):
    invitation = get_visible(Invitation, request.user, pk=pk)
    refuse_unless(may(request.user, "members.manage", invitation.team))
    _change_rights(request, services.revoke_invitation, invitation, request.user)
    return redirect("team")


@require_POST
def change_role(request, pk):
    membership = get_visible(Membership, request.user, pk=pk)
    refuse_unless(may(request.user, "members.manage", membership.team))
    form = RoleForm(request.POST)
    if not form.is_valid():
        _show_errors(request, form)
    elif form.cleaned_data["role"] != membership.role:
        _change_rights(request, services.change_role, membership, form.cleaned_data["role"], request.user)
    return redirect("team")


@require_POST
def remove_member(request, pk):
    membership = get_visible(Membership, request.user, pk=pk)
    refuse_unless(may(request.user, "members.manage", membership.team))
    _change_rights(request, services.remove_member, membership, request.user)
    return redirect("team")


@require_POST
def undo_change(request):
    """Take back the last change of rights that this session made in the team."""
    team = require_team(request)
    refuse_unless(may(request.user, "members.manage", team))
    change = _last_change(request, team)
    if change is None:
        messages.error(request, "There is nothing to undo here.")
    elif _run_service(request, services.undo_change, change, request.user):
        messages.success(request, "Undone.")
    request.session.pop(CHANGED, None)
    return redirect("team")


# Invitation --------------------------------------------------------------------------------------------------
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request):
    """Opened by the invited person, with or without an account. The key is in the query: paths are logged."""
    link = request.GET.get("key", "")
    invitation = services.open_invitation(link)
    if invitation is None:
        return render(request, "people/invitation_closed.html", status=404)
    form = AcceptForm(request.POST or None)
    if request.method == "POST" and request.user.is_authenticated:
        _run_service(request, services.accept_invitation, link, user=request.user)
        return redirect("team")
    if request.method == "POST" and form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["password1"]
        try:
            user = services.accept_invitation(link, username=name, password=password)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            login(request, user)
            return redirect("/cases/")
    return render(request, "people/invitation.html", {"invitation": invitation, "form": form})


# Account -----------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
def account_page(request):
    form = NameForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Name saved.")
        return redirect("account")
    context = {
        "form": form,
        "memberships": request.user.memberships.select_related("team"),
        "tokens": request.user.auth_token_set.all(),
        "may_have_tokens": _may_have_tokens(request),
        "token_form": TokenForm(),
        "token": request.session.pop(SHOWN_ONCE, None),
    }
    return render(request, "people/account.html", context)


@require_POST
def new_token(request):
    refuse_unless(_may_have_tokens(request), "Your role has no tokens.")
    form = TokenForm(request.POST)
    if form.is_valid():
        _, text = services.make_token(request.user, form.cleaned_data["name"], form.cleaned_data["days"])
        request.session[SHOWN_ONCE] = text
    else:
        _show_errors(request, form)
    return redirect("account")


@require_POST
def revoke_token(request, pk):
    token = get_object_or_404(request.user.auth_token_set, public_id=pk)
    services.revoke_token(token, request.user)
    messages.success(request, f"Token “{token.name}” revoked.")
    return redirect("account")


def _may_have_tokens(request) -> bool:
    return any(may(request.user, "token.own", team) for team in list_teams(request)) or request.user.is_superuser


def _change_rights(request, service, *arguments) -> None:
    """Run a service that changes rights; the next pages say what it did and offer to undo it."""
    try:
        change = service(*arguments)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        request.session[CHANGED] = asdict(change) | {"at": timezone.now().timestamp()}


def _last_change(request, team) -> services.Change | None:
    """What this session changed last in the team, for as long as a slip is noticed."""
    kept = dict(request.session.get(CHANGED) or {"at": 0})
    is_fresh = timezone.now().timestamp() - kept.pop("at") < UNDO_WITHIN_S
    return services.Change(**kept) if is_fresh and team is not None and kept["team"] == team.pk else None


def _run_service(request, service, *arguments, **named) -> bool:
    """Run a service; what it refuses is shown on the next page. Whether it was done."""
    try:
        service(*arguments, **named)
    except Refused as refused:
        messages.error(request, str(refused))
        return False
    return True


def _show_errors(request, form) -> None:
    for field, errors in form.errors.items():
        label = form.fields[field].label or field.capitalize() if field in form.fields else ""
        messages.error(request, f"{label}: {errors[0]}".removeprefix(": "))
