"""Pages of the protocols. Everybody reads them; administrators make versions and switch them. What a case and a team
have of them is changed here too, by those who may.
"""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analysis.models import TeamProtocol
from analysis.pipeline.count.protocols import describe_shape
from analysis.protocol_facts import describe_state, find_chosen, list_boxes
from analysis.services import protocol_changes, protocol_documents, protocols
from analysis.views.protocol_form import ProtocolForm, TextForm
from analysis.views.protocol_numbers import list_numbers
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.refusals import do_or_say
from mitoweb.people.rights import may
from mitoweb.people.teams import require_team
from slides.models import Case

ADMINISTRATORS = "Protocols are managed by administrators."


@require_safe
def protocols_page(request):
    used = protocols.count_cases(request.user)
    table = [_describe_row(version) | {"cases": used.get(version.key, 0)} for version in protocols.list_protocols()]
    return render(request, "analysis/protocols.html", {"table": table, "manages": _manages(request.user)})


@require_safe
def protocol_page(request, name: str, version: int):
    found = _get_version(name, version)
    everything = protocols.list_protocols()
    newest = protocols.find_newest(everything, name)
    context = _describe_row(found) | {
        "manages": _manages(request.user),
        "numbers": list_numbers(found.protocol),
        "versions": [_describe_row(each) for each in everything if each.key[0] == name],
        "newer": newest if newest and newest.key[1] > version else None,
        "switches": protocols.list_switches(found),
        "cases": protocols.count_cases(request.user).get(found.key, 0),
    }
    return render(request, "analysis/protocol.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def copy_protocol(request, name: str, version: int):
    """A version as a form, to be changed and kept as a new one."""
    found = _get_version(name, version)
    refuse_unless(_manages(request.user), ADMINISTRATORS)
    newest = max(each.key[1] for each in protocols.list_protocols() if each.key[0] == name)
    form = ProtocolForm.of_protocol(found.protocol, newest + 1)
    if request.method == "POST":
        form = ProtocolForm.of_answers(request.POST)
        try:
            made = protocol_changes.add_version(form.read_document(), request.user, found)
        except Refused as refusal:
            form.show_refusal(refusal)
        else:
            return _tell_made(request, made)
    return render(request, "analysis/protocol_copy.html", {"form": form, "version": found})


@require_http_methods(["GET", "HEAD", "POST"])
def new_protocol(request):
    """A version from the content of a file."""
    refuse_unless(_manages(request.user), ADMINISTRATORS)
    form = TextForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            document = protocol_documents.read_text(form.cleaned_data["text"])
            return _tell_made(request, protocol_changes.add_version(document, request.user))
        except Refused as refusal:
            form.show_refusal(refusal)
    return render(request, "analysis/protocol_new.html", {"form": form})


def _tell_made(request, made: protocols.Version):
    off = "" if made.on else " It is off until it is switched on."
    messages.success(request, f"Made: {made}.{off}")
    return redirect("protocol", *made.key)


@require_POST
def switch_protocol(request, name: str, version: int):
    found = _get_version(name, version)
    refuse_unless(_manages(request.user), ADMINISTRATORS)
    on = request.POST.get("on") == "on"
    do_or_say(request, lambda: protocol_changes.switch_version(found, on, request.POST.get("reason", ""), request.user))
    return redirect("protocol", *found.key)


@require_POST
def choose_for_case(request, pk):
    case = get_visible(Case.objects.select_related("team"), request.user, pk=pk)
    refuse_unless(may(request.user, "protocol.choose", case.team_id))
    do_or_say(request, lambda: protocol_changes.choose_for_case(case, _read_chosen(request), request.user))
    return redirect("case", case.pk)


@require_POST
def set_team_default(request):
    team = require_team(request)
    refuse_unless(may(request.user, "protocol.default", team))
    tumour = request.POST.get("tumour", "")

    def change():
        version = _read_chosen(request)
        if version is None:
            raise Refused("No protocol is named.", "no_protocol")
        protocol_changes.set_team_default(team, tumour, version, request.user)

    do_or_say(request, change)
    return redirect("team")


@require_POST
def remove_team_default(request, pk):
    default = get_visible(TeamProtocol.objects.select_related("team", "version"), request.user, pk=pk)
    refuse_unless(may(request.user, "protocol.default", default.team_id))
    protocol_changes.remove_team_default(default, request.user)
    return redirect("team")


def _read_chosen(request) -> protocols.Version | None:
    return find_chosen(request.POST.get("protocol", ""))


def _manages(user) -> bool:
    return may(user, "protocol.manage", None)


def _get_version(name: str, number: int) -> protocols.Version:
    version = protocols.find_version(name, number)
    if version is None:
        raise Http404
    return version


def _describe_row(version: protocols.Version) -> dict:
    protocol = version.protocol
    row = {"version": version, "state": describe_state(version), "boxes": list_boxes(protocol)}
    return row | {"shape": describe_shape(protocol.shape), "area": f"{protocol.shape.area_mm2:.4g}"}


urlpatterns = [
    path("protocols/", protocols_page, name="protocols"),
    path("protocols/new/", new_protocol, name="protocol-new"),
    path("protocols/<str:name>/<int:version>/", protocol_page, name="protocol"),
    path("protocols/<str:name>/<int:version>/copy/", copy_protocol, name="protocol-copy"),
    path("protocols/<str:name>/<int:version>/switch/", switch_protocol, name="protocol-switch"),
    path("cases/<uuid:pk>/protocol/", choose_for_case, name="case-protocol"),
    path("team/protocols/", set_team_default, name="team-protocol"),
    path("team/protocols/<uuid:pk>/remove/", remove_team_default, name="team-protocol-remove"),
]
