"""The product as a lab starts it, in a process of its own: what is mistyped or unsafe stops the start and is named."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

KEY = "kV3-0aQ9zP7mXb2LwR8tYc5NdF1sHgJ4uEoI6pA-Zq0123456789"
LAB = {
    "DATABASE_URL": "postgresql://lab@localhost/lab",
    "DATABASE_OWNER_URL": "postgresql://owner@localhost/lab",
    "SECRET_KEY": KEY,
    "MITOWEB_HOSTS": "slides.example.org",
    "MITOWEB_ALLOW_UNCONFINED": "1",  # what a machine of tests has is not asked here
}
# What every server runs before it answers, without the rest of Django.
CHECK = "import sys; from mitoweb import checks, settings; sys.exit(' '.join(checks.unsafe_settings(settings)) or 0)"


def start(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess:
    """Run Python with nothing of this test's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = command or ("-c", CHECK)
    given = kept | {"MITOWEB_VAR": str(settings.VAR_DIR / "none")} | environment
    return subprocess.run(
        [sys.executable, "-W", "ignore", *command], env=given, cwd=settings.BASE_DIR, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"MITOWEB_DEBUG": "maybe"}, "MITOWEB_DEBUG"),
        ({"MITOWEB_DEBUG": "yes"}, "MITOWEB_DEBUG"),
        ({"MITOWEB_HTTPS": "of course"}, "MITOWEB_HTTPS"),
        ({"MITOWEB_HTTPS": "no"}, "MITOWEB_HTTPS"),
        ({"MITOWEB_PROXIES": "one"}, "MITOWEB_PROXIES"),
        ({"MITOWEB_PROXIES": "-1"}, "MITOWEB_PROXIES"),
        ({"MITOWEB_IDLE_MINUTES": "0"}, "MITOWEB_IDLE_MINUTES"),
        ({"MITOWEB_IDLE_MINUTES": "100000"}, "MITOWEB_IDLE_MINUTES"),
        ({"MITOWEB_HOSTS": "*"}, "MITOWEB_HOSTS"),
        ({"MITOWEB_HOSTS": ""}, "MITOWEB_HOSTS"),
        ({"MITOWEB_ORIGINS": "http://slides.example.org"}, "MITOWEB_ORIGINS"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere/key"}, "SECRET_KEY_FILE"),
        ({"SECRET_KEY_FILE": __file__}, "SECRET_KEY_FILE"),
        ({"DATABASE_URL": "sqlite:///lab.db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "lab"}, "DATABASE_URL must be"),
        ({"DATABASE_OWNER_URL": "postgres://owner:secret@host:port/lab"}, "DATABASE_OWNER_URL must be"),
        ({"MITOWEB_UPLOAD_MAX_BYTES": "-5"}, "MITOWEB_UPLOAD_MAX_BYTES"),
        ({"MITOWEB_DECODERS": "0"}, "MITOWEB_DECODERS"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(f"{name}={text}" for name, text in value.items()),
)
def test_nothing_starts_and_the_setting_is_named(change, named):
    done = start(LAB | change)
    assert done.returncode != 0
    assert named in done.stderr.strip().splitlines()[-1]


def test_the_web_server_comes_up_in_a_lab_with_everything_set_and_not_without():
    done = start(LAB, "-c", "import mitoweb.wsgi")
    assert done.returncode == 0, done.stderr
    done = start(LAB | {"MITOWEB_HOSTS": "*"}, "-c", "import mitoweb.wsgi")
    assert done.returncode != 0
    assert "MITOWEB_HOSTS" in done.stderr.strip().splitlines()[-1]


def test_the_secrets_may_lie_in_files(tmp_path):
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    environment = LAB | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(key)}
    done = start(environment, "-c", "from mitoweb import settings; print(settings.SECRET_KEY)")
    assert done.stdout.strip() == KEY


def test_the_check_for_deployment_finds_nothing():
    done = start(LAB, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_the_worker_and_the_command_line_refuse_too():
    done = start(LAB | {"MITOWEB_HOSTS": "*"}, "manage.py", "check")
    assert done.returncode != 0
    assert "MITOWEB_HOSTS" in done.stderr


def test_over_https_cookies_are_bound_to_the_host_and_http_is_sent_to_https():
    done = start(
        LAB,
        "-c",
        "from mitoweb import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
        " s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS >= 31_536_000)",
    )
    assert done.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True", "True", "True"]


def test_the_demo_has_a_key_that_nobody_knows_even_before_its_first_start():
    keys = {start({}, "-c", "from mitoweb import settings; print(settings.SECRET_KEY)").stdout for _ in range(2)}
    assert len(keys) == 2
    assert all(len(key) > 50 for key in keys)
