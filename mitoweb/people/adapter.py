"""What allauth asks this project."""

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError

from mitoweb.lib.client_address import find_client_address
from mitoweb.people.sign_ins import note_lock_out


class ClosedAdapter(DefaultAccountAdapter):
    """Nobody makes an account of their own: people are invited into a team (services.accept_invitation)."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "Name or password is wrong.",
        "too_many_login_attempts": "Too many tries. Nothing was changed; wait a few minutes.",
    }

    def is_open_for_signup(self, request) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request, **credentials) -> str:
        """Failures count for the name alone. allauth adds the Host header, whose port anyone may vary for new tries."""
        return credentials.get("username", "").lower()

    def get_client_ip(self, request) -> str:
        """What the limits count by is what the log and the audit name."""
        return find_client_address(request.META) or "nowhere"

    def pre_authenticate(self, request, **credentials) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            note_lock_out(request, credentials.get("username", ""))
            raise
