from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError

from analysis.services import model_files
from mitoweb.lib.errors import Refused


class Command(BaseCommand):
    help = (
        "Take in a model version: a .safetensors file with its card (.json) beside it. It is checked; then it waits "
        "for an administrator's approval."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("path", type=Path, help="the .safetensors file")
        parser.add_argument("--by", metavar="USER", help="the administrator who adds it, for the audit")

    def handle(self, *, path: Path, by: str | None, **options) -> None:
        administrator = None
        if by is not None:
            administrator = get_user_model().objects.filter(username=by, is_superuser=True, is_active=True).first()
            if administrator is None:
                raise CommandError(f"There is no administrator {by}.")
        try:
            model = model_files.add_model(path, administrator)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(
            f"Added {model.name} ({model.sha256[:12]}). It waits on the models page for an administrator's approval."
        )
