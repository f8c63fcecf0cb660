import uuid
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.services import imports
from mitoweb.lib.errors import Refused
from mitoweb.people.models import User
from mitoweb.people.rights import may
from slides.models import Slide
from slides.services.backup.database import running_database


class Command(BaseCommand):
    help = "Take in what another detector found on a slide: it is then reviewed and compared like an analysis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--slide", type=uuid.UUID, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="USER", help="who brings them, for rights and audit")
        parser.add_argument("--detector", default="", metavar="NAME", help="default: as the file says")
        parser.add_argument("--detector-version", default="", metavar="TEXT")
        parser.add_argument("--threshold", type=float, help="probability from which a place counts as called")
        parser.add_argument("--dry-run", action="store_true", help="say what was read, and do nothing")

    def handle(self, *, file: Path, **options) -> None:
        if options["threshold"] is not None and not 0 <= options["threshold"] <= 1:
            raise CommandError("A threshold is a probability, from 0 to 1.")
        content = _read_file(file)
        with running_database():
            try:
                self._import(content, **options)
            except Refused as refusal:
                raise CommandError(str(refusal)) from None

    def _import(self, content: bytes, *, slide: uuid.UUID, by: str, threshold: float | None, **options) -> None:
        user = User.objects.filter(username=by, is_active=True).first()
        rows = Slide.objects.visible_to(user).select_related("case__team") if user else Slide.objects.none()
        found = rows.filter(pk=slide).first()
        if found is None or not may(user, "analysis.run", found.case.team):
            raise CommandError("There is no such slide, or this person may not have it analysed.")
        read = imports.read_import(found, content, threshold)
        for note in read.fitted.notes:
            self.stdout.write(note)
        told = f"{read.format}: {len(read.fitted.detections)} detections, {read.called} called mitosis"
        if options["dry_run"]:
            self.stdout.write(f"{told}. Nothing was stored.")
            return
        analysis = imports.import_detections(
            found, user, content, options["detector"], options["detector_version"], threshold
        )
        self.stdout.write(f"{told}. Imported as analysis {analysis.pk}.")


def _read_file(path: Path) -> bytes:
    """No more of it than can be taken in."""
    if not path.is_file():
        raise CommandError(f"There is no file {path.name}.")
    with path.open("rb") as file:
        return file.read(imports.MAX_FILE_BYTES + 1)
