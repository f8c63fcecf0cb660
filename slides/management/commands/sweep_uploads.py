from django.core.management.base import BaseCommand

from slides.services.sweep import sweep_leftovers


class Command(BaseCommand):
    help = "Finish uploads that are whole, end those that expired, remove files that no row knows."

    def handle(self, *args, **options) -> None:
        self.stdout.write(f"Uploads: {sweep_leftovers()}.")
