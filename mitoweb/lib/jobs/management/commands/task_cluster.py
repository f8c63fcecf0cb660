from django.core.management import call_command
from django.core.management.base import BaseCommand

from mitoweb.lib import processes


class Command(BaseCommand):
    help = "Run the django-q2 cluster so that none of its processes outlives the one that started it."
    requires_system_checks = []

    def handle(self, **options) -> None:
        processes.children_die_with_parent()
        call_command("qcluster")
