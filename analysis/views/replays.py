"""Pages of replays, for administrators: all of them with a new one, and one with its cases."""

from django.core.paginator import Paginator
from django.db.models import F
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from analysis.models import ModelVersion, Replay, ReplayedCase
from analysis.protocol_facts import find_chosen, list_for_form
from analysis.services import replays
from analysis.views.replay_rows import make_card
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.refusals import do_or_say
from mitoweb.people.rights import may
from mitoweb.site.jobs.kinds import Look

ADMINISTRATORS = "Replays go over the cases of all teams, so they are the administrators'."
LOOKS = {
    "done": Look("Done", "circle-check", "yes"),
    "waiting": Look("Waits for its turn", "clock"),
    "running": Look("Replaying", "activity", "accent"),
    "failed": Look("Ended", "circle-alert", "bad"),
}
CASES_SHOWN = 24  # on a page, since each has two pictures
LISTED = 100


def require_replayer(user) -> None:
    refuse_unless(may(user, "model.manage", None), ADMINISTRATORS)


@require_safe
def replays_page(request):
    require_replayer(request.user)
    rows = Replay.objects.visible_to(request.user).with_facts()[:LISTED]
    table = [{"replay": row, "look": LOOKS[row.state]} for row in rows]
    return render(request, "analysis/replays.html", {"table": table} | _list_choices(request.user))


def _list_choices(user) -> dict:
    models = ModelVersion.objects.visible_to(user).with_state().order_by("-created")
    usable = {state.value for state in replays.REPLAYED}
    offered = [option for option in list_for_form()["offered"] if option[0]]
    return {"models": [model for model in models if model.state in usable], "protocols": offered}


@require_POST
def new_replay(request):
    """`of` names which of the three fields is asked for."""
    user, said = request.user, request.POST
    require_replayer(user)
    replay = do_or_say(request, lambda: replays.ask_for_replay(user, **_read_question(said, user)))
    return redirect("replay", replay.pk) if replay else redirect("replays")


def _read_question(said, user) -> dict:
    of = said.get("of", "")
    if of == "threshold":
        try:
            return {"threshold": float(said.get("threshold", "").replace(",", "."))}
        except ValueError:
            raise Refused("A threshold is a number between 0 and 1.", "replay_question") from None
    if of == "protocol":
        return {"protocol": find_chosen(said.get("protocol", ""))}
    rows = {str(model.pk): model for model in _list_choices(user)["models"]}
    return {"model": rows.get(said.get("model", ""))}


@require_POST
def replay_model(request, pk):
    """From a version's gate or page."""
    model = get_visible(ModelVersion, request.user, pk=pk)
    require_replayer(request.user)
    replay = do_or_say(request, lambda: replays.ask_for_replay(request.user, model=model))
    return redirect("replay", replay.pk) if replay else redirect("model", model.pk)


@require_safe
def replay_page(request, pk):
    require_replayer(request.user)
    replay = get_visible(Replay.objects.with_facts(), request.user, pk=pk)
    rows = ReplayedCase.objects.visible_to(request.user).filter(replay=replay)
    shown = rows.by_change().select_related("case", "analysis__slide")
    page = Paginator(shown, CASES_SHOWN).get_page(request.GET.get("page"))
    context = {
        "replay": replay,
        "look": LOOKS[replay.state],
        "is_live": replay.is_live,
        "said": replay.job.message if replay.state == "failed" and replay.job else "",
        "page": page,
        "cards": [make_card(row, replay) for row in page],
        "other_count": rows.exclude(before_count=F("after_count")).filter(lacks="").count(),
        "lacking": rows.exclude(lacks="").count(),
    }
    return render(request, "analysis/replay.html", context)


def summarise(replay: Replay | None, user) -> dict | None:
    """What a gate's page tells of a version's newest replay, with the cases that change most."""
    if replay is None:
        return None
    rows = ReplayedCase.objects.visible_to(user).filter(replay=replay, lacks="")
    shown = rows.by_change().select_related("case", "analysis__slide")[:3]
    return {
        "replay": replay,
        "look": LOOKS[replay.state],
        "cards": [make_card(row, replay) for row in shown],
        "other_count": rows.exclude(before_count=F("after_count")).count(),
    }


urlpatterns = [
    path("replays/", replays_page, name="replays"),
    path("replays/new/", new_replay, name="replay-new"),
    path("replays/<uuid:pk>/", replay_page, name="replay"),
    path("models/<uuid:pk>/replay/", replay_model, name="replay-model"),
]
