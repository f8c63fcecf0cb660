"""JSON logs, one object a line, with the request's id and without anything that could name a patient.

Only paths are logged, never query strings or bodies: what people type stays in the database.
"""

import json
import logging
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
logger = logging.getLogger("mitoweb.requests")


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := getattr(record, "request_id", ""):
            line["request_id"] = identity
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class RequestIdMiddleware:
    """Gives each request an id, answers it back, and logs one line for what went wrong."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        identity = uuid.uuid4().hex[:12]
        token = request_id.set(identity)
        request.request_id = identity
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = identity
            if response.status_code >= 500:
                logger.error("%s %s answered %d", request.method, request.path, response.status_code)
            return response
        finally:
            request_id.reset(token)
