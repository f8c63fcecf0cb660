from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError

from analysis.services import model_versions
from mitoweb.lib.errors import Refused


class Command(BaseCommand):
    help = "Take in a model version: a .safetensors file with its card (.json) beside it. It is checked, not activated."

    def add_arguments(self, parser) -> None:
        parser.add_argument("path", type=Path, help="the .safetensors file")
        parser.add_argument("--by", metavar="USER", help="the administrator who adds it, for the audit")

    def handle(self, *, path: Path, by: str | None, **options) -> None:
        try:
            model = model_versions.add_model(path, _find_administrator(by))
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Added {model.name} ({model.sha256[:12]}). Activate it on the models page.")


def _find_administrator(name: str | None):
    if name is None:
        return None
    user = get_user_model().objects.filter(username=name, is_superuser=True, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no administrator {name}.")
    return user
