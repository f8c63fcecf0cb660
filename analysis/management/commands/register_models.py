from django.core.management import BaseCommand, CommandError

from analysis.pipeline.errors import ModelRefused
from analysis.services import model_versions


class Command(BaseCommand):
    help = "Register the model versions that came with the program. Done at every start; a repeat changes nothing."

    def handle(self, **options) -> None:
        try:
            new = model_versions.register_shipped()
        except ModelRefused as refusal:
            raise CommandError(str(refusal)) from None
        for model in new:
            self.stdout.write(f"Registered {model.name} ({model.sha256[:12]}).")
