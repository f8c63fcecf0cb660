"""One JSON object a line, with the id of the request it belongs to.

Nothing of a patient is logged: no file names, labels or form contents. Access lines carry the path, whose ids are
random, and never its query.
"""

import json
import logging
import os
import re
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

request_id: ContextVar[str] = ContextVar("request_id", default="")
access = logging.getLogger("mitoweb.access")

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
                # The key alone: `request.user` would query for the 404s of people without a session.
                "user": getattr(request, "_cached_user", None) and request._cached_user.pk,
            }
            access.info("request", extra={"fields": fields})
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = request.request_id
        return response


def open_private(path: Path, mode: str) -> IO:
    """Open a log that its owner alone may read; one from before that is closed to the others, too."""

    def open_as_owner(name: str, flags: int) -> int:
        opened = os.open(name, flags, 0o600)
        os.fchmod(opened, 0o600)
        return opened

    return open(path, mode, opener=open_as_owner)


def _without_values(text: str) -> str:
    return ADDED_BY_DATABASE.sub("", text)
