import os
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people.models import User
from slides.services.importing import Outcome
from slides.services.watching import FolderWatch


class Command(BaseCommand):
    help = (
        "Import what is laid into DIR/TEAM/ACCESSION/ as soon as it has come to rest, and move it to DIR/done/ or, "
        "with a .txt that says why, to DIR/failed/. Runs until it is stopped; may be killed at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        default = settings.WATCH_DIR or None
        parser.add_argument("folder", nargs="?", type=Path, default=default, metavar="DIR", help="or MITOWEB_WATCH_DIR")
        parser.add_argument("--by", required=True, metavar="USER", help="who brings them, for rights and audit")
        parser.add_argument(
            "--settle", type=float, default=30, metavar="SECONDS", help="how long a file must stand still"
        )
        parser.add_argument("--every", type=float, default=5, metavar="SECONDS", help="how often to look")
        parser.add_argument(
            "--labels-from-names",
            action="store_true",
            help="label slides by the names of their files, which the whole team then sees; only where those name no "
            "patient. Otherwise they are numbered.",
        )
        parser.add_argument("--rounds", type=int, metavar="N", help="look so many times, then end")

    def handle(
        self, *, folder: Path | None, by: str, settle: float, every: float, rounds: int | None, **options
    ) -> None:
        if folder is None:
            raise CommandError("Name a folder, or set MITOWEB_WATCH_DIR.")
        person = User.objects.filter(username=by, is_active=True).first()
        if person is None:
            raise CommandError("There is no such person.")
        watch = FolderWatch(Path(folder), person, settle, labels_from_names=options["labels_from_names"])
        self.reported, self.trouble = [], ""
        try:
            with watch.hold_folder():
                while rounds is None or rounds > 0:
                    self._run_round(watch)
                    rounds = None if rounds is None else rounds - 1
                    time.sleep(every)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except Refused as refusal:
            raise CommandError(str(refusal)) from None

    def _run_round(self, watch: FolderWatch) -> None:
        """A database that restarts or a folder that is away for a while ends the round, not the watch."""
        trouble = ""
        try:
            for row in watch.run_round():
                if row in self.reported:  # what could not be taken is tried each round, and said once
                    continue
                if row.outcome == Outcome.FAILED:
                    self.reported.append(row)
                words = f"{row.case}/{row.name}: {row.outcome}{f' ({row.reason})' if row.reason else ''}"
                self._write_line(words)
        except (OperationalError, InterfaceError):
            close_old_connections()
            trouble = "The database does not answer"
        except OSError as error:
            trouble = f"The folder cannot be worked on ({os.strerror(error.errno or 0)})"
        if trouble and trouble != self.trouble:  # said once, not each round
            self._write_line(f"{trouble}; the next round tries again.")
        self.trouble = trouble

    def _write_line(self, words: str) -> None:
        self.stdout.write(f"{timezone.localtime():%H:%M:%S} {words}")
        self.stdout.flush()
