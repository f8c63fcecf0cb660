"""One JSON object a line, with the id of the request it belongs to.

Nothing of a patient is logged: no file names, labels or form contents. Access lines say who asked from where, and carry
the path, whose ids are random, and never its query.
"""

import json
import logging
import os
import re
import shutil
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.utils.functional import SimpleLazyObject

from mitoweb.lib.client_address import find_client_address

request_id: ContextVar[str] = ContextVar("request_id", default="")
access = logging.getLogger("mitoweb.access")
LOG_BYTES = 20 * 2**20
LOGS_KEPT = 5

# What PostgreSQL adds to the first line of an error quotes values, over several lines where a value has several.
ADDED_BY_DATABASE = re.compile(
    r"\n[ |]*(?:DETAIL|CONTEXT|LINE \d+):.*?(?=\n\s*\n[ |]*(?:The above exception was|During handling of)|\Z)",
    re.DOTALL,
)


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, request, and what the call gave as `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _without_values(record.getMessage()),
        }
        if getattr(record, "request_id", ""):
            line["request"] = record.request_id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = _without_values(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class RequestIdMiddleware:
    """Gives each request an id, returned as X-Request-ID, and writes its access line. Takes no id from outside."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        request.request_id = uuid.uuid4().hex
        token = request_id.set(request.request_id)
        started = time.monotonic()
        try:
            response = self.get_response(request)
            fields = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "ms": round(1000 * (time.monotonic() - started)),
                "user": _find_user_id(request),
                "token": str(token_id) if (token_id := _find_token_id(request)) else None,
                "address": find_client_address(request.META),
            }
            access.info("request", extra={"fields": fields})
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = request.request_id
        return response


def _find_user_id(request) -> int | None:
    """Whom the request was answered for, by session or by token. Asks nothing: a 404 of a stranger costs no query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):  # of the session; looked up only where somebody asked for it
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None)


def _find_token_id(request) -> object:
    """Which of the person's tokens was shown: the id on the account page, nothing of its text."""
    return getattr(getattr(request, "auth", None), "public_id", None)


def open_private(path: Path, mode: str) -> IO:
    """Open a log that its owner alone may read; one from before that is closed to the others, too.

    All that is written goes to the end, also after `rotate_log` has emptied it.
    """

    def open_as_owner(name: str, flags: int) -> int:
        opened = os.open(name, flags | os.O_APPEND, 0o600)
        os.fchmod(opened, 0o600)
        return opened

    return open(path, mode, opener=open_as_owner)


def rotate_log(path: Path, most_bytes: int = LOG_BYTES, kept: int = LOGS_KEPT) -> bool:
    """Set a log aside that has grown over `most_bytes` (path.1 is the newest of `kept`); whether there was one.

    Several processes hold it open and write on, so it is copied and emptied and not renamed. A line that comes between
    the two is lost: what must not be is in the audit.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return False
    aside = [path.with_name(f"{path.name}.{number}") for number in range(1, kept + 1)]
    for older, newer in zip(aside[:0:-1], aside[-2::-1], strict=True):
        if newer.exists():
            newer.replace(older)
    with path.open("rb") as grown, open_private(aside[0], "wb") as copy:
        shutil.copyfileobj(grown, copy)
    os.truncate(path, 0)
    return True


def _without_values(text: str) -> str:
    return ADDED_BY_DATABASE.sub("", text)
