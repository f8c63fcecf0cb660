"""Training runs: from a base and a data set to a candidate version, and what happened on the way.

What decides a run's outcome is pinned when it is asked for; its state is its job's, but for what its job does not know:
whether it was paused or cancelled, and what came out.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from analysis.models.learning_data import DataSet, ForAdministratorsQuerySet
from analysis.models.model_version import ModelVersion
from mitoweb.lib.jobs.models import Job


class TrainingRunQuerySet(ForAdministratorsQuerySet):
    def with_facts(self) -> "TrainingRunQuerySet":
        """With everything that a list of runs shows, in one query."""
        return self.select_related("base", "data_set", "job", "result", "created_by")


class TrainingRun(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"  # for its turn
        RUNNING = "running", "Training"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"
        DONE = "done", "Done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)  # 1, 2, …: what people call it by
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="training_runs")
    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="training_runs")
    data_set_hash = models.CharField(max_length=64)  # as it was when the run was asked for
    recipe = models.CharField(max_length=60)
    recipe_sha256 = models.CharField(max_length=64)
    recipe_values = models.JSONField()  # what the recipe said then
    seed = models.PositiveIntegerField()
    replay_share = models.FloatField()  # of each batch, from the original data
    config_key = models.CharField(max_length=64)  # of all above: two equal runs would give the same
    job = models.OneToOneField(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="training_run"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    paused = models.DateTimeField(null=True, blank=True)
    cancelled = models.DateTimeField(null=True, blank=True)
    closed = models.DateTimeField(null=True, blank=True)  # cancelled or failed: the same may be begun anew
    steps = models.PositiveIntegerField()
    threads = models.PositiveSmallIntegerField(default=0)  # of the CPU, as it began: other numbers, other digits
    device = models.CharField(max_length=100, blank=True)
    software = models.CharField(max_length=100, blank=True)
    waited_s = models.FloatField(default=0)  # for analyses
    curves = models.JSONField(default=list)  # [{"step", "loss", "lr"} or {"step", "average_precision", …}]
    events = models.JSONField(default=list)  # [{"at", "text"}], oldest first
    lineage = models.JSONField(null=True, blank=True)  # as the candidate's card has it
    # Several runs give one version where their recipes differ in words alone.
    result = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="trained_by")

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(replay_share__gte=0, replay_share__lt=1), name="training_run_replay_share_in_0_1"
            ),
            models.UniqueConstraint(
                fields=["config_key"], condition=Q(closed__isnull=True), name="training_run_once_of_a_config"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"

    @property
    def candidate_name(self) -> str:
        """What its version is called."""
        return f"{self.base.name[:50]}+{self.number}"

    @property
    def state(self) -> "TrainingRun.State":
        if self.result_id:
            return self.State.DONE
        if self.cancelled:
            return self.State.CANCELLED
        state = self.job.state if self.job else Job.State.FAILED
        if state in (Job.State.QUEUED, Job.State.RUNNING):
            return self.State.WAITING if state == Job.State.QUEUED else self.State.RUNNING
        # Stopped from the list of jobs it is paused as well: its checkpoint is there.
        return self.State.PAUSED if state == Job.State.CANCELLED else self.State.FAILED

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and still writes its checkpoint."""
        return bool(self.job and self.job.state == Job.State.RUNNING and self.job.cancel_requested)

    @property
    def user_name(self) -> str:
        return str(self.created_by) if self.created_by else "the command line"
