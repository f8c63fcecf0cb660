from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.models import ModelVersion
from analysis.services.learning.folders import find_lost_data_sets
from slides.services.backup.database import running_database
from slides.services.fsck import Finding, find_disagreements


class Command(BaseCommand):
    help = "Say what database and files disagree on. Ends with 1 when something is left that it cannot mend."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mend", action="store_true", help="put right what can be")

    def handle(self, *, mend: bool, **options) -> None:
        with running_database():
            self._tell(mend)

    def _tell(self, mend: bool) -> None:
        found = [*find_disagreements(), *find_lost_weights(), *find_lost_data_sets()]
        left = 0
        for finding in found:
            if mend and finding.mend:
                finding.mend()
            left += not (mend and finding.mend)
            how = "cannot be mended here" if not finding.mend else "mended" if mend else "can be mended with --mend"
            self.stdout.write(f"{finding.sentence} ({how})")
        if left:
            raise CommandError(f"{left} of {len(found)} disagreements are left.")
        self.stdout.write("Database and files agree." if not found else f"{len(found)} mended.")


def find_lost_weights() -> Iterator[Finding]:
    """Versions whose weights are gone; those that come with the program come again with it."""
    for model in ModelVersion.objects.iterator():
        if not model.shipped and not (Path(settings.MODELS_ROOT) / f"{model.sha256}.safetensors").is_file():
            yield Finding(f"Model version {model.name}: its weights are missing; a backup may have them.")
