import sys
import uuid
from importlib import import_module

from django.core.management.base import BaseCommand

from mitoweb.lib.jobs.child import run_claimed


class Command(BaseCommand):
    help = "Run one claimed job in this process. The supervisor calls this; people call `worker`."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("job", type=uuid.UUID, nargs="?")
        parser.add_argument("claim", type=uuid.UUID, nargs="?")
        parser.add_argument("--ready", nargs="*", metavar="MODULE", help="load these, then be told job and claim")

    def handle(self, *, job: uuid.UUID | None, claim: uuid.UUID | None, ready: list[str] | None, **options) -> None:
        if ready is not None:
            for module in ready:
                import_module(module)
            told = sys.stdin.readline().split()
            if not told:  # the supervisor needs it no more
                return
            job, claim = (uuid.UUID(word) for word in told)
        run_claimed(job, claim)
