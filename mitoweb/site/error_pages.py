"""What is shown when a page is refused, missing or failed; the API gets the same as JSON."""

import logging

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader

from mitoweb.people.sign_ins import note_lock_out

logger = logging.getLogger(__name__)


def page_403(request, exception=None):
    logger.warning("%s %s refused to user %s", request.method, request.path, request.user.pk)
    sentence = str(exception) or "Your role in this team does not allow this."
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": sentence, "code": "permission_denied"}, status=403)
    return render(request, "403.html", {"sentence": sentence}, status=403)


def page_404(request, exception=None):
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Not found, or not your team's.", "code": "not_found"}, status=404)
    return render(request, "404.html", status=404)


def page_429(request):
    """allauth's limits of sign-ins and passwords, of which the longest is a minute."""
    note_lock_out(request, request.user.get_username())
    response = render(request, "429.html", status=429)
    response["Retry-After"] = 60
    return response


def page_500(request):
    """Without context processors: they ask the database, which may be what failed."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Something failed on the server.", "code": "error"}, status=500)
    return HttpResponse(loader.render_to_string("500.html"), status=500)
