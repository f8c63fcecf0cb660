"""What an installation must not be run with. In the demo, which only this machine can reach, all of it is allowed."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 40


def unsafe_settings(settings) -> list[str]:
    """One sentence for each setting that is missing or unsafe."""
    hosts = settings.ALLOWED_HOSTS
    is_local = all(_is_local(host) for host in hosts)
    if settings.DEMO:
        if is_local or settings.HTTPS:
            return []
        return [
            "The demo speaks plain http and is for this machine only: set DATABASE_URL for an installation others use."
        ]
    troubles, key = [], _secret_key(settings)
    if key.startswith("unsafe") or len(key) < SHORTEST_KEY or len(set(key)) < 10:
        troubles.append(f"Set SECRET_KEY (or SECRET_KEY_FILE) to at least {SHORTEST_KEY} random characters.")
    if not hosts:
        troubles.append("Name the hosts that people use for this installation in MITOWEB_HOSTS.")
    elif any("*" in host or host.startswith(".") for host in hosts):
        troubles.append("MITOWEB_HOSTS must name hosts one by one, without wildcards.")
    if settings.HTTPS:
        plain = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if urlsplit(origin).scheme != "https"]
        if plain:
            troubles.append(f"MITOWEB_ORIGINS must be https addresses, unlike {plain[0]}.")
    elif not (hosts and is_local):
        troubles.append(
            "MITOWEB_HTTPS is off, but MITOWEB_HOSTS names other hosts than this machine: passwords would be read."
        )
    if settings.DEBUG:
        troubles.append("MITOWEB_DEBUG shows settings and code to everyone: switch it off.")
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        troubles.append("DATABASE_URL must be a postgres:// address.")
    return troubles


def stop_if_unsafe() -> None:
    """Called by every server before it answers."""
    troubles = unsafe_settings(settings)
    if troubles:
        raise ImproperlyConfigured(" ".join(troubles))


@register(Tags.security)
def check_settings(app_configs, **kwargs) -> list[CheckMessage]:
    return [Error(text, id=f"mitoweb.E{number:03d}") for number, text in enumerate(unsafe_settings(settings), start=1)]


@register(Tags.security)
def check_roles(app_configs, **kwargs) -> list[CheckMessage]:
    """No reason not to start: triggers still keep audit lines and verdicts from all that the program does itself."""
    database = settings.DATABASES["default"]
    if settings.DEMO or settings.DATABASE_OWNER.get("USER", database["USER"]) != database["USER"]:
        return []
    text = (
        "The role of DATABASE_URL owns its tables, so it could empty audit and verdicts past the triggers that keep "
        "them: name another role, which owns them, in DATABASE_OWNER_URL."
    )
    return [Warning(text, id="mitoweb.W001")]


def _secret_key(settings) -> str:
    """Django's settings refuse to hand out an empty one."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
