"""Who came in, who did not, and from where: a line in the log and one in the audit, for every way to sign in.

What was typed as a name is kept only where an account has it: people type passwords there by mistake.
"""

import logging

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.dispatch import receiver

from mitoweb.lib.client_address import find_client_address, group_of_address
from mitoweb.people.audit import record_change
from mitoweb.people.models import User

log = logging.getLogger(__name__)
TOLD_EVERY_S = 300  # of a lock-out that goes on: one line for each name and address


@receiver(user_logged_in)
def note_sign_in(request, user, **kwargs) -> None:
    _record(request, user, user, "sign_in.done", "signed in")


@receiver(user_logged_out)
def note_sign_out(request, user, **kwargs) -> None:
    if user is not None:
        _record(request, user, user, "sign_in.ended", "signed out")


@receiver(user_login_failed)
def note_failure(credentials, request=None, **kwargs) -> None:
    _record(
        request,
        None,
        _find_account(credentials.get("username")),
        "sign_in.failed",
        "did not sign in: wrong name or password",
    )


@receiver([password_changed, password_reset])
def note_new_password(request, user, **kwargs) -> None:
    _record(request, user, user, "password.changed", "chose a new password")


def note_lock_out(request, username: str = "") -> None:
    """Too many tries for the name, or from the address: told once in a while, however often it is tried."""
    account = _find_account(username)
    whom = account.pk if account else group_of_address(find_client_address(request.META))
    if cache.add(f"lock-out-told:{whom}", True, TOLD_EVERY_S):
        _record(request, None, account, "sign_in.locked", "is kept from signing in for some minutes: too many tries")


def _find_account(username: str | None) -> User | None:
    return User.objects.filter(username__iexact=username).first() if username else None


def _record(request, actor: User | None, account: User | None, action: str, what: str) -> None:
    address = find_client_address(request.META) if request is not None else ""
    who = str(account) if account else "Somebody without an account"
    subject = f"user {account.pk}" if account else ""
    record_change(actor, None, action, subject, f"{who} {what}, from {address or 'this machine'}.")
    level = logging.INFO if actor else logging.WARNING
    fields = {"action": action, "user": account.pk if account else None, "address": address}
    log.log(level, "%s", action, extra={"fields": fields})
