"""The product's own settings with a var/ of this run's own: several runs and a running MitoWeb do not meet.

Processes that tests start inherit both variables and so find the same database.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _remove(folder: str, made_by: int) -> None:
    if os.getpid() == made_by:  # not in a fork
        shutil.rmtree(folder, ignore_errors=True)


# Of two pytest processes beside each other (xdist) each has its own; what a test starts inherits its test's.
_RUN = f"run {os.environ.get('PYTEST_XDIST_WORKER', '')}"
if os.environ.get("MITOWEB_TEST_RUN") != _RUN:
    os.environ["MITOWEB_TEST_RUN"] = _RUN
    os.environ["MITOWEB_VAR"] = tempfile.mkdtemp(prefix="mitoweb-test-")
    atexit.register(_remove, os.environ["MITOWEB_VAR"], os.getpid())
# Here and in all that tests start, before a library reads it: networks of two processes that both take all cores wait
# for each other by spinning, at four times the work.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("DATABASE_URL", None)
os.environ.setdefault("SECRET_KEY", "for-tests-only")
os.environ["MITOWEB_EXTRA_TASKS"] = "tests.lib.job_tasks"
os.environ["MITOWEB_TILE_PX"] = "1024"  # so that small slides have several

from mitoweb.settings import *  # noqa: E402, F403
from mitoweb.settings import DATABASE_OWNER, DATABASES, LOGGING, STATIC_ROOT  # noqa: E402

STATIC_ROOT.mkdir(parents=True, exist_ok=True)
DECODERS_SEE = [Path(tempfile.gettempdir())]  # each test keeps its slides in a folder of its own below it

# Tests make and empty databases, so they are the owner; what the application may do has tests of its own.
DATABASES["default"] |= DATABASE_OWNER
DATABASE_OWNER = {}
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}  # child processes connect by the same name
DATABASES["default"]["CONN_MAX_AGE"] = 1  # what goes wrong when connections age shall do so here
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of sign-ins; Argon2 has its own test
LOGGING["root"]["level"] = "WARNING"
