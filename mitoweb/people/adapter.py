"""What allauth asks this project."""

from allauth.account.adapter import DefaultAccountAdapter


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
