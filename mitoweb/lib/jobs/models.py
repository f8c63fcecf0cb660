"""The job row: the one truth about work that runs outside a request."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class JobQuerySet(models.QuerySet):
    def visible_to(self, user) -> "JobQuerySet":
        """Jobs of the user's teams. Jobs without a team belong to the installation: administrators only."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(team__memberships__user=user)


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    class Lane(models.TextChoices):
        INGEST = "ingest", "short jobs: checks of uploads"
        COMPUTE = "compute", "long jobs: analyses"
        ERASE = "erase", "erasures: they wait behind nothing else"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    object_id = models.UUIDField()
    lane = models.CharField(max_length=20, choices=Lane.choices, default=Lane.COMPUTE)
    team = models.ForeignKey("people.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    idempotency_key = models.CharField(max_length=100, null=True, blank=True, unique=True)

    state = models.CharField(max_length=20, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    claim = models.UUIDField(null=True, blank=True)  # the fence: whoever holds it may write
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    furthest = models.PositiveIntegerField(default=0)  # the most that an interrupted attempt had done
    message = models.TextField(blank=True)  # for people
    log = models.TextField(blank=True)  # for operators; bounded by the core
    worker = models.CharField(max_length=200, blank=True)

    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed", "cancelled"]), name="job_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(claim__isnull=False, lease_until__isnull=False),
                name="job_running_has_a_claim",
            ),
        ]
        indexes = [
            models.Index(fields=["lane", "created"], condition=Q(state="queued"), name="job_queued"),
            models.Index(fields=["lane", "team", "-started"], name="job_turns"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="job_leases"),
            models.Index(fields=["kind", "object_id"], name="job_object"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} ({self.state})"

    @property
    def ended(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.total) if self.total else 0


class WorkerPulse(models.Model):
    """One row per supervisor, named by its machine: when it last showed that it is alive."""

    SUPERVISOR = "foreman"  # begins the name; rows were written with this word before it was called a supervisor

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    device = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"
