from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mitoweb.lib.embedded_db import DatabaseTrouble
from mitoweb.lib.errors import Refused
from slides.services.backup import restore_backup
from slides.services.backup.database import running_database


class Command(BaseCommand):
    requires_system_checks = []  # the database may be empty yet
    help = "Bring a backup back into a fresh installation, which must be stopped. A damaged backup changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="what manage.py backup wrote")

    def handle(self, *, folder: Path, **options) -> None:
        try:
            with running_database():
                manifest = restore_backup(folder.resolve(), self.stdout.write)
        except (Refused, DatabaseTrouble) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"Brought back: {len(manifest.files)} files of {manifest.made}. Start MitoWeb as before.")
