"""The product's own settings with a var/ of this run's own: several runs and a running MitoWeb do not meet.

Processes that tests start inherit both variables and so find the same database.
"""

import os
import tempfile

if "MITOWEB_VAR" not in os.environ or "MITOWEB_TEST_RUN" not in os.environ:
    os.environ["MITOWEB_VAR"] = tempfile.mkdtemp(prefix="mitoweb-test-")
    os.environ["MITOWEB_TEST_RUN"] = str(os.getpid())
os.environ.pop("DATABASE_URL", None)
os.environ.setdefault("SECRET_KEY", "for-tests-only")
os.environ["MITOWEB_EXTRA_TASKS"] = "tests.lib.job_tasks"

from mitoweb.settings import *  # noqa: F403
from mitoweb.settings import DATABASES, LOGGING

DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}  # child processes connect by the same name
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of sign-ins; Argon2 has its own test
LOGGING["root"]["level"] = "WARNING"
