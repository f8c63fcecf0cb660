"""Reports of the gate: a version beside the one in use on the locked set, what a person added, and who overrode it.

A report is asked for, filled in once by its job, and never changed after that (a trigger, migration 0020). What people
say to it are rows of their own.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from analysis.models.done_by_job import DoneByJob
from analysis.models.learning_data import ForAdministratorsQuerySet, LockedSetLook
from analysis.models.model_version import ModelVersion


class GateReportQuerySet(ForAdministratorsQuerySet):
    def with_facts(self) -> "GateReportQuerySet":
        """With everything that a list of reports shows, in one query."""
        return self.select_related("base", "candidate", "job", "asked_by")

    def done(self) -> "GateReportQuerySet":
        return self.exclude(done=None)


class GateReport(DoneByJob, models.Model):
    class Verdict(models.TextChoices):
        PASS = "pass", "passed"
        FAIL = "fail", "failed"
        PERSON = "person", "needs a person"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    candidate = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="gate_reports")
    base = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked = models.DateTimeField(auto_now_add=True)
    job = models.OneToOneField("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="gate_report")

    # Filled in by the job, all at once but for the look, which is noted before anything is evaluated.
    look = models.OneToOneField(LockedSetLook, null=True, blank=True, on_delete=models.PROTECT, related_name="report")
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    sentence = models.TextField(blank=True)
    report = models.JSONField(null=True, blank=True)  # as `analysis.lab.gate` gives it
    done = models.DateTimeField(null=True, blank=True)

    objects = GateReportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked"]
        constraints = [
            models.CheckConstraint(
                condition=Q(done__isnull=True, verdict="", report__isnull=True)
                | (Q(done__isnull=False, look__isnull=False, report__isnull=False) & ~Q(verdict="")),
                name="gate_report_done_at_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.candidate} beside {self.base}"


class ClauseLook(models.Model):
    """An administrator looked at what a clause leaves to a person, and says whether it may pass. Rows are added."""

    report = models.ForeignKey(GateReport, on_delete=models.PROTECT, related_name="looks")
    code = models.CharField(max_length=60)  # of the clause
    passes = models.BooleanField()
    reason = models.CharField(max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.code}: {'passes' if self.passes else 'does not pass'}"


class GateOverride(models.Model):
    """The request to approve a version that the gate did not let pass, and the second administrator's yes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.ForeignKey(GateReport, on_delete=models.PROTECT, related_name="overrides")
    reason = models.CharField(max_length=1000)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked = models.DateTimeField(auto_now_add=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    settled = models.DateTimeField(null=True, blank=True)
    granted = models.BooleanField(null=True)

    objects = ForAdministratorsQuerySet.as_manager()

    class Meta:
        ordering = ["-asked"]
        constraints = [
            models.CheckConstraint(
                condition=Q(settled__isnull=True, settled_by__isnull=True, granted__isnull=True)
                | Q(settled__isnull=False, settled_by__isnull=False, granted__isnull=False),
                name="gate_override_settled_at_once",
            ),
            models.CheckConstraint(
                condition=~Q(granted=True) | ~Q(asked_by=models.F("settled_by")), name="gate_override_by_two"
            ),
            models.UniqueConstraint(
                fields=["report"], condition=Q(settled__isnull=True), name="gate_override_waits_once"
            ),
        ]

    def __str__(self) -> str:
        return f"override of {self.report_id}"
