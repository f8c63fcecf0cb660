"""How cases and slides are deleted: the question, naming what goes, as the inside of a dialog; then the deed."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may
from slides.models import Case, Slide
from slides.services import erase


@require_http_methods(["GET", "HEAD", "POST"])
def erase_case(request, pk):
    """The question, naming what goes, as the inside of a dialog; then the deed."""
    case = get_visible(Case.objects.select_related("team"), request.user, pk=pk)
    refuse_unless(may(request.user, "case.erase", case.team_id))
    if request.method == "POST":
        erase.erase_case(request.user, case)
        messages.success(request, "The case is deleted; its files are being removed.")
        return redirect("cases")
    if not request.htmx:
        return redirect("case", pk)  # the question is a part of that page and is not asked without it
    context = {"what": "case", "name": case.accession, "action": reverse("case-erase", args=[pk])}
    context["goes"] = erase.describe_erasure(case.slides.all(), case.uploads.all())
    return render(request, "slides/_erase.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def erase_slide(request, pk):
    slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=pk)
    refuse_unless(may(request.user, "case.erase", slide.case.team_id))
    if request.method == "POST":
        erase.erase_slide(request.user, slide)
        messages.success(request, "The slide is deleted; its files are being removed.")
        to_quarantine = request.POST.get("next") == reverse("quarantine")
        return redirect("quarantine") if to_quarantine else redirect("case", slide.case_id)
    if not request.htmx:
        return redirect("case", slide.case_id)
    context = {"what": "slide", "name": slide.label, "action": reverse("slide-erase", args=[pk])}
    context |= {"goes": erase.describe_erasure([slide], slide.uploads.all()), "next": request.GET.get("next", "")}
    return render(request, "slides/_erase.html", context)
