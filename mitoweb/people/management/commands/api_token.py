from django.core.management import BaseCommand, CommandError

from mitoweb.lib.errors import Refused
from mitoweb.people import services
from mitoweb.people.models import User


class Command(BaseCommand):
    help = "Make a token for the REST API. It is printed once: send it as “Authorization: Token …”."

    def add_arguments(self, parser) -> None:
        parser.add_argument("user", help="name of the account")
        parser.add_argument("--name", default="command line", help="what uses the token")
        parser.add_argument("--days", type=int, default=services.TOKEN_DAYS, help="how long it lives (default 90)")

    def handle(self, *, user: str, name: str, days: int, **options) -> None:
        try:
            account = User.objects.get(username=user, is_active=True)
            _, text = services.make_token(account, name, days)
        except User.DoesNotExist:
            raise CommandError(f"There is no active account {user}.") from None
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(text)
