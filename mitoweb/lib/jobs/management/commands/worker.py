from django.core.management.base import BaseCommand

from mitoweb.lib.jobs.cluster import Cluster
from mitoweb.lib.jobs.supervisor import JobSupervisor


class Command(BaseCommand):
    requires_system_checks = []  # `up` and deployments run them once, before
    help = "Run jobs until stopped: a supervisor, its job processes and the django-q2 cluster whose tasks start them."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--ingest", type=int, default=1, help="jobs of the ingest lane at a time (default 1)")
        parser.add_argument("--compute", type=int, default=1, help="jobs of the compute lane at a time (default 1)")
        parser.add_argument(
            "--look-s", type=float, default=1, help="seconds between two looks for jobs whose task was lost (default 1)"
        )
        parser.add_argument(
            "--probe-s", type=float, default=15, help="seconds between two probes of the cluster (default 15)"
        )
        parser.add_argument(
            "--ready", action="store_true", help="keep a process ready that has loaded what analyses need (90 MB)"
        )
        parser.add_argument("--no-cluster", action="store_true", help="without django-q2: jobs start at the next look")

    def handle(self, *, ingest: int, compute: int, look_s: float, probe_s: float, **options) -> None:
        cluster = None if options["no_cluster"] else Cluster(probe_s)
        slots = {"ingest": ingest, "compute": compute, "erase": 1, "training": 1}
        JobSupervisor(slots, cluster, look_s, keep_ready=options["ready"]).run()
