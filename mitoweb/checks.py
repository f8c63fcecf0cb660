"""What an installation must not be run with. In the demo, which only this machine can reach, all of it is allowed."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 40


def unsafe_settings(settings) -> list[str]:
    """One sentence for each setting that is missing or unsafe."""
    if settings.DEMO:
        return _check_reach(settings)
    return [
        *_check_secret_key(settings),
        *_check_hosts(settings),
        *_check_transport(settings),
        *_check_debug(settings),
        *_check_database(settings),
    ]


def stop_if_unsafe() -> None:
    """Called by every server before it answers."""
    troubles = unsafe_settings(settings)
    if troubles:
        raise ImproperlyConfigured(" ".join(troubles))


@register(Tags.security)
def check_settings(app_configs, **kwargs) -> list[CheckMessage]:
    return [Error(text, id=f"mitoweb.E{number:03d}") for number, text in enumerate(unsafe_settings(settings), start=1)]


def _check_secret_key(settings) -> list[str]:
    key = settings.SECRET_KEY
    if key.startswith("unsafe") or len(key) < SHORTEST_KEY or len(set(key)) < 10:
        return [f"Set SECRET_KEY (or SECRET_KEY_FILE) to at least {SHORTEST_KEY} random characters."]
    return []


def _check_hosts(settings) -> list[str]:
    if not settings.ALLOWED_HOSTS:
        return ["Name the hosts that people use for this installation in MITOWEB_HOSTS."]
    if any("*" in host or host.startswith(".") for host in settings.ALLOWED_HOSTS):
        return ["MITOWEB_HOSTS must name hosts one by one, without wildcards."]
    return []


def _check_transport(settings) -> list[str]:
    local = bool(settings.ALLOWED_HOSTS) and all(_is_local(host) for host in settings.ALLOWED_HOSTS)
    if not settings.HTTPS and not local:
        return ["MITOWEB_HTTPS is off, but MITOWEB_HOSTS names other hosts than this machine: passwords would be read."]
    plain = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if urlsplit(origin).scheme != "https"]
    return [f"MITOWEB_ORIGINS must be https addresses, unlike {plain[0]}."] if settings.HTTPS and plain else []


def _check_debug(settings) -> list[str]:
    return ["MITOWEB_DEBUG shows settings and code to everyone: switch it off."] if settings.DEBUG else []


def _check_database(settings) -> list[str]:
    engine = settings.DATABASES["default"]["ENGINE"]
    return [] if engine == "django.db.backends.postgresql" else ["DATABASE_URL must be a postgres:// address."]


def _check_reach(settings) -> list[str]:
    if all(_is_local(host) for host in settings.ALLOWED_HOSTS) or settings.HTTPS:
        return []
    return ["The demo speaks plain http and is for this machine only: set DATABASE_URL for an installation others use."]


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
