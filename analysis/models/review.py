"""What readers said: verdicts on detections, and figures they added. Rows are added, never changed."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from analysis.models.analysis import Analysis, Detection, OfAnalysisQuerySet


class Figure(models.Model):
    """A mitosis that a reader added by hand."""

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="figures")
    x_l0 = models.FloatField()
    y_l0 = models.FloatField()
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"figure at {self.x_l0:.0f}, {self.y_l0:.0f}"


class Verdict(models.Model):
    """One answer of one reader on one detection or figure. The last one received is in force; undo is a new row."""

    class Label(models.TextChoices):
        MITOSIS = "mitosis", "mitosis"
        NOT_MITOSIS = "not_mitosis", "not mitosis"
        UNSURE = "unsure", "unsure"
        WITHDRAWN = "withdrawn", "withdrawn"

    class Reason(models.TextChoices):
        APOPTOTIC = "apoptotic", "apoptotic"
        PYKNOTIC = "pyknotic", "pyknotic"
        LYMPHOCYTE = "lymphocyte", "lymphocyte"
        CRUSH = "crush", "crush"
        EARLY_PROPHASE = "early_prophase", "early prophase"
        OUT_OF_FOCUS = "out_of_focus", "out of focus"
        OTHER = "other", "other"

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="verdicts")
    detection = models.ForeignKey(Detection, null=True, blank=True, on_delete=models.CASCADE, related_name="verdicts")
    figure = models.ForeignKey(Figure, null=True, blank=True, on_delete=models.CASCADE, related_name="verdicts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=12, choices=Label.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["revision"]
        constraints = [
            models.CheckConstraint(
                condition=Q(detection__isnull=False, figure__isnull=True)
                | Q(detection__isnull=True, figure__isnull=False),
                name="verdict_on_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(label="not_mitosis") | Q(reason=""), name="verdict_reason_only_for_not_mitosis"
            ),
            models.UniqueConstraint(fields=["analysis", "revision"], name="verdict_revision_once"),
        ]
        indexes = [models.Index(fields=["analysis", "reader", "revision"], name="verdict_in_force")]

    def __str__(self) -> str:
        return f"{self.reader}: {self.label}"
