"""What allauth asks this project."""

from allauth.account.adapter import DefaultAccountAdapter


class ClosedAdapter(DefaultAccountAdapter):
    """Nobody makes an account of their own: people are invited into a team (services.accept)."""

    def is_open_for_signup(self, request) -> bool:
        return False
