"""What people said: verdicts on detections, figures they added, comments, fields they looked at. Rows are added,
never changed."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from analysis.models.analysis import Analysis, Detection, OfAnalysisQuerySet


def on_one_thing() -> Q:
    """What is said is said of one detection or of one figure."""
    return Q(detection__isnull=False, figure__isnull=True) | Q(detection__isnull=True, figure__isnull=False)


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

    class Phase(models.TextChoices):
        """What counts as a mitosis, from late prophase on (van Diest; Donovan et al. 2021). A ring is a plate seen from
        above; anaphase and telophase are one figure each."""

        PROMETAPHASE = "prometaphase", "late prophase or prometaphase"
        METAPHASE = "metaphase", "metaphase"
        RING = "ring", "ring"
        ANAPHASE = "anaphase", "anaphase"
        TELOPHASE = "telophase", "telophase"

    class Purpose(models.TextChoices):
        """Both count alike; training takes the two apart."""

        VALIDATE = "validate", "to validate a count"
        CORRECT = "correct", "to correct for training"

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="verdicts")
    detection = models.ForeignKey(Detection, null=True, blank=True, on_delete=models.CASCADE, related_name="verdicts")
    figure = models.ForeignKey(Figure, null=True, blank=True, on_delete=models.CASCADE, related_name="verdicts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=12, choices=Label.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    # The database's defaults too, so that a web process of the version before writes on while the new one is installed.
    phase = models.CharField(max_length=20, choices=Phase.choices, blank=True, default="", db_default="")
    atypical = models.BooleanField(default=False, db_default=False)
    purpose = models.CharField(
        max_length=10, choices=Purpose.choices, default=Purpose.VALIDATE, db_default=Purpose.VALIDATE
    )
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["revision"]
        constraints = [
            models.CheckConstraint(condition=on_one_thing(), name="verdict_on_one_thing"),
            models.CheckConstraint(
                condition=Q(label="not_mitosis") | Q(reason=""), name="verdict_reason_only_for_not_mitosis"
            ),
            models.CheckConstraint(
                condition=Q(label="mitosis") | Q(phase="", atypical=False), name="verdict_phase_only_for_mitosis"
            ),
            models.UniqueConstraint(fields=["analysis", "revision"], name="verdict_revision_once"),
        ]
        indexes = [models.Index(fields=["analysis", "reader", "revision"], name="verdict_in_force")]

    def __str__(self) -> str:
        return f"{self.reader}: {self.label}"


class CommentQuerySet(OfAnalysisQuerySet):
    def with_withdrawn(self) -> "CommentQuerySet":
        """Annotates `withdrawn`: whether its author has taken the comment back."""
        return self.annotate(withdrawn=Exists(Comment.objects.filter(withdraws=OuterRef("pk"))))


class Comment(models.Model):
    """What somebody says of a detection or figure, or answers to that. To withdraw one is a row too; its text is kept,
    and shown to nobody."""

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="comments")
    detection = models.ForeignKey(Detection, null=True, blank=True, on_delete=models.CASCADE, related_name="comments")
    figure = models.ForeignKey(Figure, null=True, blank=True, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=1000, blank=True)
    reply_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies")
    withdraws = models.OneToOneField("self", null=True, blank=True, on_delete=models.CASCADE, related_name="withdrawal")
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["revision"]
        constraints = [
            models.CheckConstraint(condition=on_one_thing(), name="comment_on_one_thing"),
            models.CheckConstraint(
                condition=(Q(withdraws__isnull=True) & ~Q(text=""))
                | Q(withdraws__isnull=False, reply_to__isnull=True, text=""),
                name="comment_says_or_withdraws",
            ),
            models.UniqueConstraint(fields=["analysis", "revision"], name="comment_revision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.author}: {self.text or 'withdrawn'}"


class AuditSample(models.Model):
    """The unmarked fields of a region in a random order, as they were when a reader drew them. Looked at from the first
    on, however many of them are a sample without replacement."""

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="audit_samples")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    polygon = models.JSONField(null=True, blank=True)  # of the region, [[x_l0, y_l0], …]; None: all that was analysed
    further_rings = models.JSONField(default=list, blank=True)  # its holes and further parts, likewise
    field_um = models.FloatField()  # diameter
    seed = models.PositiveBigIntegerField()
    fields_l0 = models.JSONField()  # [[x_l0, y_l0], …]: centres of all unmarked fields, in the order drawn
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["revision"]
        constraints = [
            models.CheckConstraint(condition=Q(field_um__gt=0), name="audit_sample_has_a_field"),
            models.UniqueConstraint(fields=["analysis", "revision"], name="audit_sample_revision_once"),
        ]

    def __str__(self) -> str:
        return f"{len(self.fields_l0)} fields drawn by {self.reader}"


class FieldLook(models.Model):
    """One field that a reader looked at, on a walk through a region or in an audit of unmarked fields."""

    class Kind(models.TextChoices):
        WALK = "walk", "walk"
        AUDIT = "audit", "audit"

    id = models.UUIDField(primary_key=True, editable=False, default=uuid.uuid4)  # made in the browser
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="looks")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    sample = models.ForeignKey(AuditSample, null=True, blank=True, on_delete=models.CASCADE, related_name="looks")
    x_l0 = models.FloatField()  # its middle
    y_l0 = models.FloatField()
    radius_um = models.FloatField()
    revision = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["revision"]
        constraints = [
            models.CheckConstraint(condition=Q(radius_um__gt=0), name="look_has_a_radius"),
            models.CheckConstraint(
                condition=Q(kind="walk", sample__isnull=True) | Q(kind="audit", sample__isnull=False),
                name="look_of_a_sample_if_audit",
            ),
            models.UniqueConstraint(fields=["analysis", "revision"], name="look_revision_once"),
        ]
        indexes = [models.Index(fields=["analysis", "reader"], name="look_of_reader")]

    def __str__(self) -> str:
        return f"{self.reader} looked at {self.x_l0:.0f}, {self.y_l0:.0f}"
