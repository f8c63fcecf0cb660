from django.core.management.base import BaseCommand

from mitoweb.lib.jobs.cluster import Cluster
from mitoweb.lib.jobs.foreman import Foreman


class Command(BaseCommand):
    requires_system_checks = []  # `up` and deployments run them once, before
    help = "Run jobs until stopped: one foreman, its job processes and the django-q2 cluster that rings for it."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--ingest", type=int, default=1, help="jobs of the ingest lane at a time (default 1)")
        parser.add_argument("--compute", type=int, default=1, help="jobs of the compute lane at a time (default 1)")
        parser.add_argument("--no-doorbell", action="store_true", help="look for work every second, without django-q2")
        parser.add_argument("--canary-s", type=float, default=15, help="seconds between two canaries (default 15)")

    def handle(self, *, ingest: int, compute: int, no_doorbell: bool, canary_s: float, **options) -> None:
        cluster = None if no_doorbell else Cluster(canary_every_s=canary_s, answer_within_s=max(3 * canary_s, 10))
        Foreman({"ingest": ingest, "compute": compute}, cluster).run()
