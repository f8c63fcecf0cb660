"""Replays: what every decided case would be told under another version, threshold or protocol. No verdict, no count and
no analysis changes by one.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Abs

from analysis.models.analysis import Analysis
from analysis.models.done_by_job import DoneByJob
from analysis.models.learning_data import ForAdministratorsQuerySet
from analysis.models.model_version import ModelVersion
from analysis.models.protocol_versions import ProtocolVersion
from mitoweb.people.models import Team
from slides.models import Case


class ReplayQuerySet(ForAdministratorsQuerySet):
    def with_facts(self) -> "ReplayQuerySet":
        """With everything that a list of replays shows, in one query."""
        told = models.Count("cases", filter=Q(cases__lacks=""))
        changed = models.Count("cases", filter=Q(cases__changes_score=True))
        return self.select_related("model", "protocol", "job", "asked_by").annotate(told=told, changed=changed)


class Replay(DoneByJob, models.Model):
    """Exactly one of version, threshold and protocol is another than the cases have."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="replays")
    threshold = models.FloatField(null=True, blank=True)
    protocol = models.ForeignKey(ProtocolVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked = models.DateTimeField(auto_now_add=True)
    job = models.OneToOneField("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="replay")
    done = models.DateTimeField(null=True, blank=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        ordering = ["-asked"]
        constraints = [
            models.CheckConstraint(
                condition=Q(model__isnull=False, threshold=None, protocol=None)
                | Q(model=None, threshold__isnull=False, protocol=None)
                | Q(model=None, threshold=None, protocol__isnull=False),
                name="replay_asks_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(threshold__isnull=True) | Q(threshold__gt=0, threshold__lt=1),
                name="replay_threshold_in_0_1",
            ),
        ]

    def __str__(self) -> str:
        if self.model is not None:
            return self.model.name
        if self.threshold is not None:
            return f"threshold {self.threshold:.2f}"
        return str(self.protocol)


class ReplayedCaseQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ReplayedCaseQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))

    def by_change(self) -> "ReplayedCaseQuerySet":
        """Those that change their score first, then by how much their count changes."""
        return self.annotate(by=Abs(F("after_count") - F("before_count"))).order_by(
            "-changes_score", F("by").desc(nulls_last=True), "case__accession"
        )


class ReplayedCase(models.Model):
    """One decided case: what was called in its best window, what would be, and what its readers counted. Of another
    protocol before and after are the readers' own figures.

    lacks: why it could not be told; then there are no numbers. new, lost: calls in the windows that the other has not;
    of these the readers took so many for mitoses. drawing: {"before", "after": {"rings_l0", "marks": [[x_l0, y_l0,
    kind]…]}}.
    """

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="cases")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="+")
    protocol = models.CharField(max_length=200)
    readers_count = models.PositiveIntegerField()
    readers_score = models.CharField(max_length=60)
    lacks = models.CharField(max_length=300, blank=True)
    before_count = models.PositiveIntegerField(null=True)
    before_score = models.CharField(max_length=60, blank=True)
    after_count = models.PositiveIntegerField(null=True)
    after_score = models.CharField(max_length=60, blank=True)
    changes_score = models.BooleanField(default=False)
    new = models.PositiveIntegerField(default=0)
    new_confirmed = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    lost_confirmed = models.PositiveIntegerField(default=0)
    drawing = models.JSONField(null=True)

    objects = ReplayedCaseQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["replay", "case"], name="replayed_case_once"),
            models.CheckConstraint(
                condition=Q(lacks="", before_count__isnull=False, after_count__isnull=False, drawing__isnull=False)
                | (Q(before_count=None, after_count=None, drawing=None, changes_score=False) & ~Q(lacks="")),
                name="replayed_case_told_or_why_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} under {self.replay}"
