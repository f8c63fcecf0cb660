"""Pages of data sets and of the locked set, for administrators; and the switch by which a lead withdraws a case."""

import uuid

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analysis.api.data_sets import ADMINISTRATORS
from analysis.models import DataSet, DataSetRow, LockedSetLook, LockedSlide
from analysis.services.learning import data_sets, leaving, locked_set
from analysis.services.learning.choice import AGREEMENTS, DISPUTES, read_choice
from analysis.views.choice_form import ChoiceForm
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.lib.refusals import do_or_say
from mitoweb.people.models import Team
from mitoweb.people.rights import may
from mitoweb.site.jobs.kinds import Look, look_of
from slides.models import Case, Slide

SHOWN = 24  # patches of each kind on the page
READY = Look("Ready", "circle-check", "yes")
FOLLOWING = Look("Being brought up to date", "activity", "accent")
EMPTY = Look("Empty", "circle-alert", "warn")


@require_safe
def data_sets_page(request):
    _require_administrator(request)
    rows = DataSet.objects.visible_to(request.user).select_related("made_by", "job").order_by("-made")
    table = [{"data_set": row, "look": _look_of(row), "balance": data_sets.measure_standing(row)} for row in rows]
    return render(request, "analysis/data_sets.html", {"table": table})


@require_http_methods(["GET", "HEAD", "POST"])
def new_data_set(request):
    _require_administrator(request)
    form = ChoiceForm(request.POST or request.GET or None, request.user)
    if request.method == "POST":
        try:
            data_set = data_sets.freeze_data_set(form.name_given, form.read_choice(), request.user)
        except Refused as refusal:
            form.show_refusal(refusal)
        else:
            messages.success(request, "Frozen: its patches are being cut.")
            return redirect("data-set", data_set.pk)
    return render(request, "analysis/data_set_new.html", {"form": form, "preview": _preview(form, request.user)})


@require_safe
def preview_page(request):
    """The part of the form's page that tells what would be frozen."""
    _require_administrator(request)
    form = ChoiceForm(request.GET, request.user)
    return render(request, "analysis/_data_set_preview.html", {"preview": _preview(form, request.user)})


def _preview(form: ChoiceForm, user) -> dict:
    """{"refused": sentence} or what the choice would freeze, with names."""
    try:
        choice = form.read_choice() if form.is_bound else read_choice({})
    except Refused as refusal:
        return {"refused": form.tell_refusal(refusal)}
    found = data_sets.preview_data_set(choice, user)
    readers = [reader.as_json() for reader in found.readers]
    left_out = [{"why": why, "count": count} for why, count in found.left_out]
    told = {"balance": found.balance, "warnings": found.warnings, "left_out": left_out}
    return told | {"readers": name_readers(readers, choice.cap), "cap": choice.cap}


def name_readers(readers: list[dict], cap: float) -> list[dict]:
    """Shares as a data set keeps them, with what the table of readers shows beside them."""
    names = data_sets.map_names([reader["reader"] for reader in readers])
    return [
        row | {"name": names[row["reader"]], "percent": 100 * row["share"], "over": row["share"] > cap}
        for row in readers
    ]


@require_safe
def data_set_page(request, pk):
    _require_administrator(request)
    data_set = get_visible(DataSet.objects.select_related("made_by", "job"), request.user, pk=pk)
    choice = read_choice(data_set.choice)
    context = {
        "data_set": data_set,
        "look": _look_of(data_set),
        "balance": data_sets.measure_standing(data_set),
        "readers": name_readers(data_set.readers, choice.cap),
        "cap": choice.cap,
        "left_out": data_sets.list_left_out(data_set),
        "asked": _describe_choice(choice),
        "gallery": _choose_patches(data_set) if data_set.folder_revision else [],
        "stopped": data_set.job and data_set.job.state in (Job.State.FAILED, Job.State.CANCELLED),
    }
    return render(request, "analysis/data_set.html", context)


def _look_of(data_set: DataSet) -> Look:
    if data_set.is_ready:
        return READY if data_set.hash else EMPTY
    if data_set.folder_revision or data_set.job is None or data_set.job.state == Job.State.DONE:
        return FOLLOWING
    return look_of(data_set.job)


def _describe_choice(choice) -> list[tuple[str, str]]:
    teams = Team.objects.filter(pk__in=choice.teams).order_by("name").values_list("name", flat=True)
    without = data_sets.map_names(choice.without).values()
    days = " to ".join(f"{day:%-d %B %Y}" if day else "now" for day in (choice.since, choice.until))
    rows = [
        ("Rule", AGREEMENTS[choice.agreement]),
        ("Where readers differ", f"places {DISPUTES[choice.disputed]}"),
        ("Given", ", ".join(f"to {purpose}" for purpose in choice.purposes)),
        ("Teams", ", ".join(teams)),
        ("Verdicts from", days if choice.since or choice.until else ""),
        ("Tumours", ", ".join(choice.tumours)),
        ("Scanners", ", ".join(choice.scanners)),
        ("Without", ", ".join(without)),
    ]
    return [(word, value) for word, value in rows if value]


def _choose_patches(data_set: DataSet) -> list[dict]:
    """Some of each kind, spread over the set."""
    rows = data_set.rows.standing().order_by("number")
    groups = (("Mitosis", {"settled": True, "label": 1}), ("Not a mitosis", {"settled": True, "label": 0}))
    groups += (("Not settled", {"settled": False}),)
    found = []
    for title, wanted in groups:
        numbers = list(rows.filter(**wanted).values_list("pk", flat=True))
        step = max(1, len(numbers) // SHOWN)
        shown = DataSetRow.objects.filter(pk__in=numbers[::step][:SHOWN]).order_by("number")
        found.append({"title": title, "count": len(numbers), "rows": shown})
    return [group for group in found if group["count"]]


@require_http_methods(["GET", "HEAD", "POST"])
def locked_set_page(request):
    """Its slides; posted to, one more."""
    _require_administrator(request)
    if request.method == "POST":
        slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=_read_id(request, "slide"))
        do_or_say(request, lambda: locked_set.lock_slide(slide, request.POST.get("reason", ""), request.user))
        return redirect("locked-set")
    offered = locked_set.may_be_locked(Slide.objects.visible_to(request.user)).select_related("case__team")
    context = {
        "state": locked_set.review_locked_set(),
        "looks": LockedSetLook.objects.select_related("by")[:50],
        "look_count": locked_set.count_looks(),
        "worn_out_after": locked_set.WORN_OUT_AFTER,
        "offered": offered.order_by("case__accession", "label")[:500],
    }
    return render(request, "analysis/locked_set.html", context)


@require_POST
def withdraw_from_locked_set(request, pk):
    _require_administrator(request)
    lock = get_visible(LockedSlide.objects.select_related("slide__case__team"), request.user, pk=pk)
    do_or_say(request, lambda: locked_set.withdraw_lock(lock, request.POST.get("reason", ""), request.user))
    return redirect("locked-set")


@require_POST
def switch_case(request, pk):
    case = get_visible(Case.objects.select_related("team"), request.user, pk=pk)
    refuse_unless(may(request.user, "learning.withdraw", case.team_id))
    on = request.POST.get("on") == "on"
    do_or_say(request, lambda: leaving.switch_learning(case, on, request.POST.get("reason", ""), request.user))
    return redirect("case", case.pk)


def _read_id(request, name: str):
    """An id as sent, or one that nothing has: what is no id is missing."""
    try:
        return uuid.UUID(request.POST.get(name, ""))
    except ValueError:
        return uuid.UUID(int=0)


def _require_administrator(request) -> None:
    refuse_unless(may(request.user, "learning.manage", None), ADMINISTRATORS)


urlpatterns = [
    path("learning/", data_sets_page, name="data-sets"),
    path("learning/new/", new_data_set, name="data-set-new"),
    path("learning/preview/", preview_page, name="data-set-preview"),
    path("learning/<uuid:pk>/", data_set_page, name="data-set"),
    path("learning/locked/", locked_set_page, name="locked-set"),
    path("learning/locked/<uuid:pk>/withdraw/", withdraw_from_locked_set, name="locked-set-withdraw"),
    path("cases/<uuid:pk>/learning/", switch_case, name="case-learning"),
]
