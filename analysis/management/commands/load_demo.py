import logging

from django.core.management.base import BaseCommand

from analysis.services.model_versions import register_shipped
from mitoweb.people.services import make_demo_accounts
from slides.services import demo


class Command(BaseCommand):
    help = "Make the demo: team, accounts, a case with slides. Doing it again brings what is missing."

    def handle(self, *args, **options) -> None:
        logging.getLogger("slides.demo").addHandler(logging.StreamHandler(self.stderr))
        if made := make_demo_accounts():
            self.write_line(f"{len(made)} accounts made")
        for model in register_shipped():
            self.write_line(f"Model {model.name} registered")
        demo.load_demo_case(self.write_line)

    def write_line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
