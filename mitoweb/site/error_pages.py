"""What is shown when a page is refused, missing or failed; the API gets the same as JSON."""

import logging
import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.template.defaultfilters import filesizeformat

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


def page_400(request, exception=None):
    """A request that no browser of ours sends: a forged host, a form with thousands of fields."""
    return _say(request, 400, "That cannot be read", "No page here sends such a request. Nothing was changed.")


def page_411(request):
    sentence = "What is sent here says its length first (Content-Length). Nothing was changed."
    return _say(request, 411, "That has no length", sentence, "length")


def page_413(request):
    most = filesizeformat(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    sentence = f"At most {most} can be sent here at once; slides go by Uploads. Nothing was changed."
    return _say(request, 413, "That is too much", sentence, "too_large")


def page_500(request):
    """What nobody expected. A database that does not answer passes, so who asked may ask again."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        sentence = "The database does not answer. What you did last may not be saved: try again in a moment."
        response = _say(request, 503, "Not available just now", sentence, "unavailable")
        response["Retry-After"] = 5
        return response
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Something failed on the server.", "code": "error"}, status=500)
    sentence = "What was saved before is kept. The error is in the server's log."
    return _say(request, 500, "Something failed on the server", sentence)


def _say(request, status: int, heading: str, sentence: str, code: str = "error") -> HttpResponse:
    """Without context processors: they ask the database, which may be what failed."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": sentence, "code": code}, status=status)
    page = loader.render_to_string("failed.html", {"heading": heading, "sentence": sentence})
    return HttpResponse(page, status=status)
