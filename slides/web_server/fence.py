"""Whether the parts of this package that rest on names which other projects do not promise may be used."""

from functools import cache
from importlib import import_module
from importlib.metadata import version
from operator import attrgetter

from django.conf import settings

# What this was tested with. gunicorn may change its insides at any time; the others keep to theirs within a series.
TESTED = {"gunicorn": "27.0.1", "django": "5.2", "psycopg": "3.3"}
NEEDED = {
    "gunicorn.workers.gthread": "_DEFER TConn.init ThreadWorker.handle ThreadWorker.handle_request "
    "ThreadWorker.finish_request",
    "gunicorn.http.unreader": "SocketUnreader.chunk SocketUnreader.take_buffered SocketUnreader.unread",
    "gunicorn.http.body": "Body.read LengthReader.read",
    "psycopg.pq": "PGconn.prepare PGconn.exec_prepared",
}


@cache
def why_plain() -> str:
    """Why gunicorn's own worker and Django alone do the work, in words; "" where this package takes part."""
    if settings.PLAIN_WEB_SERVER:
        return "MITOWEB_PLAIN_WEB_SERVER is set"
    return untested_version() or missing_name()


def untested_version() -> str:
    """The first library whose version this was not tested with, in words; "" where there is none."""
    for library, tested in TESTED.items():
        installed = version(library)
        if not f"{installed}.".startswith(f"{tested}."):
            return f"{library} is {installed} and not {tested}"
    return ""


def missing_name() -> str:
    """The first name that is not where it was, in words; "" where there is none."""
    for module, names in NEEDED.items():
        try:
            attrgetter(*names.split())(import_module(module))
        except (ImportError, AttributeError) as error:
            return f"{module} has changed ({error})"
    return ""
