from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mitoweb.lib.embedded_db import DatabaseTrouble
from mitoweb.lib.errors import Refused
from slides.services.backup import make_backup
from slides.services.backup.database import running_database


class Command(BaseCommand):
    help = (
        "Write database and files, as they are at one moment, to a new folder, while people work; what was written is "
        "read again and compared. Put the folder's disk aside: it holds all data on people that the slides' rows hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet")

    def handle(self, *, folder: Path, **options) -> None:
        try:
            with running_database():
                manifest = make_backup(folder.resolve(), self.stdout.write)
        except (Refused, DatabaseTrouble) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(
            f"{folder}: {len(manifest.files)} files, {manifest.bytes / 1e9:.2f} GB, written and compared."
        )
        if manifest.erased:
            self.stdout.write(f"{len(manifest.erased)} slides were erased meanwhile and are not in it.")
