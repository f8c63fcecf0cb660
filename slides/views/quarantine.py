"""Pages of slides that wait for an administrator, and of how slide files are opened on this machine."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.people.rights import may
from slides.api.quarantine import ADMINISTRATORS, describe_protection
from slides.models import Slide
from slides.services import quarantine


@require_safe
def show_quarantine(request):
    refuse_unless(may(request.user, "slide.release", None), ADMINISTRATORS)
    context = {"rows": quarantine.list_quarantined(request.user), "protection": describe_protection(request.user)}
    return render(request, "slides/quarantine.html", context)


@require_POST
def release_from_quarantine(request, pk):
    slide = get_visible(Slide, request.user, pk=pk)
    refuse_unless(may(request.user, "slide.release", slide.case.team_id), ADMINISTRATORS)
    try:
        quarantine.release_slide(request.user, slide, request.POST.get("reason", ""))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Released: the slide is being made ready.")
    return redirect("quarantine")
