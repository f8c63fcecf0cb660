"""An installation refuses to start with what would be unsafe; the demo stays on its own machine."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from mitoweb import checks

SAFE = {
    "DEMO": False,
    "DEBUG": False,
    "SECRET_KEY": "kV3-0aQ9zP7mXb2LwR8tYc5NdF1sHgJ4uEoI6pA-Zq",
    "ALLOWED_HOSTS": ["slides.example.org"],
    "CSRF_TRUSTED_ORIGINS": ["https://slides.example.org"],
    "HTTPS": True,
    "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}},
}


def test_a_safe_installation_starts():
    assert checks.unsafe_settings(SimpleNamespace(**SAFE)) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": "unsafe-until-the-first-start"}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": []}, "MITOWEB_HOSTS"),
        ({"ALLOWED_HOSTS": ["*"]}, "MITOWEB_HOSTS"),
        ({"ALLOWED_HOSTS": [".example.org"]}, "MITOWEB_HOSTS"),
        ({"HTTPS": False}, "MITOWEB_HTTPS"),
        ({"CSRF_TRUSTED_ORIGINS": ["http://slides.example.org"]}, "MITOWEB_ORIGINS"),
        ({"DEBUG": True}, "MITOWEB_DEBUG"),
        ({"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}}}, "DATABASE_URL"),
        ({"DEMO": True, "HTTPS": False}, "DATABASE_URL"),
    ],
)
def test_each_unsafe_setting_is_named(change, named):
    [sentence] = checks.unsafe_settings(SimpleNamespace(**SAFE | change))
    assert named in sentence


def test_plain_http_is_allowed_on_this_machine_only():
    local = SAFE | {"HTTPS": False, "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"], "CSRF_TRUSTED_ORIGINS": []}
    assert checks.unsafe_settings(SimpleNamespace(**local)) == []
    assert checks.unsafe_settings(SimpleNamespace(**local | {"DEMO": True})) == []


def test_a_server_does_not_start_with_unsafe_settings(settings):
    settings.DEMO, settings.ALLOWED_HOSTS = False, ["*"]
    with pytest.raises(ImproperlyConfigured, match="MITOWEB_HOSTS"):
        checks.stop_if_unsafe()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [({}, "Set SECRET_KEY (or SECRET_KEY_FILE)"), ({"MITOWEB_PROXIES": "one"}, '"MITOWEB_PROXIES" invalid')],
    ids=["no secret", "no number"],
)
def test_what_cannot_be_used_is_said_in_a_sentence_before_the_first_start(tmp_path, setting, sentence):
    told = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
    told |= {"DATABASE_URL": "postgres://mitoweb@database.example/mitoweb", "MITOWEB_VAR": str(tmp_path)}
    check = [sys.executable, "manage.py", "check", "--deploy"]
    ended = subprocess.run(check, cwd=settings.BASE_DIR, env=told | setting, capture_output=True, text=True)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
