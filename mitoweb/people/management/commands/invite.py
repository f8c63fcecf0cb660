from django.core.management import BaseCommand, CommandError
from django.urls import reverse

from mitoweb.people import services
from mitoweb.people.models import Role, Team, User


class Command(BaseCommand):
    help = "Invite a person into a team; prints the link once. The team is made when there is none of that name."

    def add_arguments(self, parser) -> None:
        parser.add_argument("team", help="name of the team")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--by", required=True, help="administrator who invites")
        parser.add_argument("--email", default="", help="to remember who it is for; nothing is sent")
        parser.add_argument("--site", default="http://localhost:8000", help="address of the site, for the link")

    def handle(self, *, team: str, role: str, by: str, email: str, site: str, **options) -> None:
        administrator = User.objects.filter(username=by, is_superuser=True, is_active=True).first()
        if administrator is None:
            raise CommandError(f"There is no administrator {by}: make one with manage.py createsuperuser.")
        place = Team.objects.filter(name=team).first() or services.make_team(team, administrator)
        _, key = services.create_invitation(place, role, administrator, email)
        self.stdout.write(f"{site.rstrip('/')}{reverse('invitation')}?key={key}")
