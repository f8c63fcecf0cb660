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
        TRAINING = "training", "trainings: one at a time, giving way to analyses"

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
    interruptions = models.PositiveSmallIntegerField(default=0)  # in a row, none of which had got further
    # What the running attempt does now, in words; without a total of its own it is measured by `done` and `total`.
    step = models.CharField(max_length=60, blank=True)
    step_done = models.PositiveIntegerField(default=0)
    step_total = models.PositiveIntegerField(default=0)
    step_from = models.PositiveIntegerField(default=0)  # how far it was when this attempt came to it
    step_began = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)  # a word of the app's where "done" does not say what came out
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

    @property
    def step_progress(self) -> tuple[int, int]:
        """How much of the present step is done, and of how much; a total of 0 where that is not known."""
        return (self.step_done, self.step_total) if self.step_total else (self.done, self.total)

    @property
    def step_seconds_left(self) -> float | None:
        """At the speed of this step so far; None when nothing runs or nothing is known yet."""
        done, total = self.step_progress
        if self.state != self.State.RUNNING or not self.step_began or not self.heartbeat or done <= self.step_from:
            return None
        passed_s = max(0.0, (self.heartbeat - self.step_began).total_seconds())  # a clock may go back
        return round(max(0, total - done) * passed_s / (done - self.step_from), 1)


class WorkerPulse(models.Model):
    """One row per supervisor, named by its machine: when it last showed that it is alive."""

    SUPERVISOR = "foreman"  # begins the name; rows were written with this word before it was called a supervisor

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    device = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"
