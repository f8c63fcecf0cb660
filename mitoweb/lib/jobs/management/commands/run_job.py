import uuid

from django.core.management.base import BaseCommand

from mitoweb.lib.jobs.child import run_claimed


class Command(BaseCommand):
    help = "Run one claimed job in this process. The supervisor calls this; people call `worker`."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("job", type=uuid.UUID)
        parser.add_argument("claim", type=uuid.UUID)

    def handle(self, *, job: uuid.UUID, claim: uuid.UUID, **options) -> None:
        run_claimed(job, claim)
