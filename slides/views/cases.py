"""Pages: the list of cases, one case with its slides and uploads."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.people.models import AuditEntry
from mitoweb.people.rights import list_rights, may
from mitoweb.people.teams import current_team, require_team
from slides.api.filters import CaseFilter
from slides.api.serializers import UploadSerializer
from slides.facts import facts
from slides.models import Case, Slide, Upload
from slides.services import cases as service
from slides.views import worklist
from slides.views.forms import CaseForm
from slides.views.uploads import UPLOADS_SHOWN
from slides.wsi.sets import TAKEN_SUFFIXES, grouping_rules

ROWS = 50
ROWS_OF_AUDIT = 20


@require_safe
def list_cases(request):
    team = current_team(request)
    all_cases = Case.objects.visible_to(request.user).filter(team=team)
    filtered = CaseFilter(request.GET, queryset=all_cases, request=request)
    sort = request.GET.get("sort") if request.GET.get("sort") in worklist.SORTS else "due"
    ordered = filtered.qs.order_by(*worklist.SORTS[sort]).prefetch_related("readers", *list_slides())
    page = Paginator(ordered, ROWS).get_page(request.GET.get("page"))
    rights = list_rights(request.user, team)
    chosen = {name: request.GET.get(name, "") for name in ("q", "show", "tumour")}
    context = {
        "team": team,
        "may": rights,
        "page": page,
        "groups": worklist.group_cases(page.object_list, request.user, grouped=sort == "due"),
        "heading": worklist.list_heading(request.GET),
        "tabs": worklist.list_tabs(all_cases, request.user, request.GET),
        "tumours": tumour_types(team),
        "sort": sort,
        "sorts": worklist.SORT_WORDS,
        "filter": chosen,
        "search_keeps": {name: value for name, value in {**chosen, "q": "", "sort": sort}.items() if value},
        "due_today": worklist.due_today(all_cases),
    }
    if rights["case_edit"] and rights["slide_upload"]:
        context |= {"drop_data": describe_drop(team), "drop_form": CaseForm(team=team, auto_id="drop-%s")}
    return render(request, "slides/cases.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_case(request):
    team = require_team(request)
    refuse_unless(may(request.user, "case.edit", team))
    form = CaseForm(request.POST or None, team=team, initial={"version": 1})
    if request.method == "POST" and form.is_valid():
        try:
            made = service.create_case(request.user, team, **form.service_values())
        except Refused as refusal:
            form.show_refusal(refusal)
        else:
            return redirect("case", made.pk)
    return render(request, "slides/case_form.html", {"form": form, "team": team, **form_choices(team)})


@require_http_methods(["GET", "HEAD", "POST"])
def edit_case(request, pk):
    case = get_visible(Case, request.user, pk=pk)
    refuse_unless(may(request.user, "case.edit", case.team_id))
    form = CaseForm(request.POST or None, instance=case, team=case.team)
    if request.method == "POST" and form.is_valid():
        try:
            service.edit_case(request.user, case, form.cleaned_data["version"], **form.service_values())
        except Refused as refusal:
            form.show_refusal(refusal)
        else:
            messages.success(request, "Case saved.")
            return redirect("case", case.pk)
    saved = Case.objects.get(pk=pk)  # the form has written its values into `case`
    return render(request, "slides/case_form.html", {"form": form, "case": saved, **form_choices(case.team)})


@require_safe
def show_case(request, pk):
    case = get_visible(Case.objects.select_related("team", "created_by"), request.user, pk=pk)
    rows = Upload.objects.filter(case=case).for_list()[:UPLOADS_SHOWN]
    may_do = list_rights(request.user, case.team)
    context = case_context(request, case, may_do) | {
        "accepted": ", ".join(sorted({suffix[1:].upper() for suffix in TAKEN_SUFFIXES})),
        "sealed_days": settings.SEALED_DAYS,
        "upload_data": {
            "case": str(case.pk),
            "may": may_do["slide_upload"],
            "rows": UploadSerializer(rows, many=True, context={"request": request}).data,
            "largest": settings.UPLOAD_MAX_BYTES,
            "grouping": grouping_rules(),
        },
    }
    return render(request, "slides/case.html", context)


@require_safe
def case_slides(request, pk):
    """The cards and facts alone, asked for when an upload has become a slide."""
    case = get_visible(Case.objects.select_related("team", "created_by"), request.user, pk=pk)
    return render(request, "slides/_slides.html", case_context(request, case, list_rights(request.user, case.team)))


def case_context(request, case: Case, may_do: dict[str, bool]) -> dict:
    slides = list(case.slides.kept().select_related("case__team", "job"))
    of_slides = facts.of_slides(slides, request.user)
    of_case = facts.of_cases([case], request.user).get(case.pk, {})
    audit = AuditEntry.objects.filter(team=case.team).select_related("actor")
    labels = {f"slide {slide.pk}": slide.label for slide in slides}  # as they are now, not as they were
    labels |= {subject: labels[f"slide {slide_id}"] for subject, slide_id in facts.subjects(slides).items()}
    subjects = [f"case {case.pk}", *labels]
    return {
        "case": case,
        "may": may_do,
        "cards": [{"slide": slide, "fact": of_slides.get(slide.pk, {})} for slide in slides],
        "fact": of_case,
        "plan": facts.plan(case, slides, request.user),
        "protocol": facts.protocol(case, request.user),
        "learning": facts.learning(case, request.user),
        "readers": of_case.get("readers", []),
        "happened": [
            {"entry": entry, "about": labels.get(entry.subject, "")}
            for entry in audit.filter(subject__in=subjects)[:ROWS_OF_AUDIT]
        ],
    }


@require_safe
def case_count(request, pk):
    """The cell of a count that the page left for later."""
    case = get_visible(Case.objects.select_related("team"), request.user, pk=pk)
    fact = facts.of_cases([case], request.user).get(case.pk, {})
    return render(request, "slides/_case_count.html", {"case": case, "fact": fact})


def list_slides() -> tuple[Prefetch, Prefetch]:
    """Of the cases of a list: the slides they have, and those of which only a refusal is left."""
    refused = Slide.objects.filter(state=Slide.State.REFUSED)
    return (
        Prefetch("slides", Slide.objects.kept(), to_attr="kept_slides"),
        Prefetch("slides", refused.only("case_id", "state"), to_attr="refused_slides"),
    )


def describe_drop(team) -> dict:
    """What a script needs to make a case of dropped files."""
    return {"team": team.pk, "largest": settings.UPLOAD_MAX_BYTES, "grouping": grouping_rules()}


def form_choices(team) -> dict:
    return {"tumours": tumour_types(team), "has_readers": service.possible_readers(team).exists()}


def tumour_types(team):
    """Those the team has used: offered while typing, and to filter by."""
    used = Case.objects.filter(team=team).exclude(tumour_type="").values_list("tumour_type", flat=True)
    return used.distinct().order_by("tumour_type")
