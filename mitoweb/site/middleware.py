"""What holds for every request and every answer."""

import logging
import time

from django.conf import settings
from django.http import UnreadablePostError
from django.urls import Resolver404, resolve

from mitoweb.site.error_pages import page_411, page_413

MOST_DISCARDED = 32 * 2**20
DISCARD_WITHIN_S = 10
PIECE = 64 * 1024
log = logging.getLogger(__name__)


class BodyLimitMiddleware:
    """Refuses a body over the limit, by its declared length, before anything keeps it in memory.

    A body without one, sent in chunks, is refused too: Django reads nothing of it, and would take it for none. A view
    that reads bodies piece by piece under limits of its own names the methods that bring them in `long_bodies`.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_too_long = length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        has_chunks = "Transfer-Encoding" in request.headers
        if not (is_too_long or has_chunks) or request.method in _find_long_bodies(request.path_info):
            return self.get_response(request)
        if has_chunks:
            return page_411(request)
        _discard_body(request)
        return page_413(request)


def _find_long_bodies(path: str) -> frozenset[str]:
    try:
        view = resolve(path).func
    except Resolver404:
        return frozenset()
    return getattr(getattr(view, "cls", None), "long_bodies", frozenset())


def _discard_body(request) -> None:
    """Clients read an answer when they have sent all. Of more than MOST_DISCARDED the server gets rid by hanging up."""
    deadline, left = time.monotonic() + DISCARD_WITHIN_S, MOST_DISCARDED
    try:
        while left > 0 and time.monotonic() < deadline and (read := len(request.read(PIECE))):
            left -= read
    except UnreadablePostError:
        log.info("A body over the limit did not come whole")


class CacheControlMiddleware:
    """Nothing that a person was shown stays in a cache, unless the view said how (tiles: private)."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
