"""What ends with a password. Django calls this for every new one, whoever sets it and in which way."""

from mitoweb.people.audit import record_change
from mitoweb.people.models import User


class EndTokens:
    """A password is changed when somebody else may know it, and then may have made tokens: all of them end.

    Listed among settings.AUTH_PASSWORD_VALIDATORS, which is where Django looks for it.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Every password will do."""

    def password_changed(self, password: str, user: User | None = None) -> None:
        ended, _ = user.auth_token_set.all().delete()
        if ended:
            text = f"{user} has a new password; tokens removed: {ended}."
            record_change(None, None, "token.ended", f"user {user.pk}", text)

    def get_help_text(self) -> str:
        return "A new password ends the other sessions and the API tokens of the account."
