"""What is learned from and what is decided on: data sets of verdicts, and the slides that no training may ever see.

A data set is a snapshot: which verdicts, and the label that they gave a place, stay as they were when it was frozen.
Its patches are files that can be cut again (`analysis/data_set_jobs.py`). That no place of it lies in a locked case, in
either order of the two acts, is held by triggers (migration 0017).
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q

from analysis.models.review import Verdict
from mitoweb.people.models import Team
from slides.models import Case, Slide

# The held-out slide of MITOS-ATYPIA-14 and its other scan: reported on by the laboratory, never trained or decided on.
HELD_BACK_LABEL = r"(^|[^0-9A-Za-z])(H05([^0-9A-Za-z]|$)|A05_)"


class ForAdministratorsQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ForAdministratorsQuerySet":
        """Data sets join teams, so they are the installation's: administrators alone see them."""
        return self if user.is_superuser else self.none()


class DataSet(models.Model):
    """Verdicts frozen for training. Everything here was told when it was frozen but the last group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made = models.DateTimeField(auto_now_add=True)
    choice = models.JSONField()  # filters and rule, as services/data_sets/choice.py writes them
    readers = models.JSONField()  # [{"reader": id, "verdicts", "share", "shared", "agreement", "kappa", "outlying"}]
    left_out = models.JSONField()  # [{"why", "count"}]
    warnings = models.JSONField(default=list)  # sentences

    hash = models.CharField(max_length=64, blank=True)  # of what its folder holds; empty until it was cut
    notes = models.JSONField(default=list)  # sentences on what left it since, oldest first
    revision = models.PositiveIntegerField(default=1)  # raised by everything that its folder has to follow
    folder_revision = models.PositiveIntegerField(default=0)  # the one that the folder agrees with
    job = models.OneToOneField("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="data_set")
    used = models.DateTimeField(null=True, blank=True)  # when a training first read it

    objects = ForAdministratorsQuerySet.as_manager()

    class Meta:
        ordering = ["-made"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        """Whether its folder is complete and holds nothing that left it."""
        return self.folder_revision == self.revision


class DataSetRowQuerySet(ForAdministratorsQuerySet):
    def standing(self) -> "DataSetRowQuerySet":
        """Without those that left."""
        return self.filter(left_at=None)


class DataSetRow(models.Model):
    """One place with the label that readers gave it. A row that leaves stays as a row, since a training may have seen
    it; with its case it is deleted."""

    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveIntegerField()  # 1, 2, …: the name of its patch
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="+")
    x_l0 = models.FloatField()
    y_l0 = models.FloatField()
    mpp_x = models.FloatField()  # of the slide when it was frozen
    mpp_y = models.FloatField()
    scanner = models.CharField(max_length=120, blank=True)
    tumour = models.CharField(max_length=100, blank=True)
    verdicts = ArrayField(models.UUIDField())
    readers = models.PositiveIntegerField()
    mitoses = models.PositiveIntegerField()  # how many of the readers said so
    label = models.FloatField()
    settled = models.BooleanField()
    weight = models.FloatField(default=1.0)
    purpose = models.CharField(max_length=10, choices=Verdict.Purpose.choices)
    added = models.BooleanField()  # a figure that a reader added
    left_at = models.DateTimeField(null=True, blank=True)
    left_why = models.CharField(max_length=200, blank=True)

    objects = DataSetRowQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["data_set", "number"], name="data_set_row_number_once"),
            models.CheckConstraint(
                condition=Q(label__gt=0, label__lt=1, settled=False) | Q(label__in=[0, 1], settled=True),
                name="data_set_row_label_settled_or_between",
            ),
            models.CheckConstraint(
                condition=Q(weight__gt=0, mpp_x__gt=0, mpp_y__gt=0, readers__gte=1, mitoses__lte=models.F("readers")),
                name="data_set_row_numbers_sound",
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True, left_why="") | (Q(left_at__isnull=False) & ~Q(left_why="")),
                name="data_set_row_left_with_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["case"], name="data_set_row_of_case")]

    def __str__(self) -> str:
        return f"place {self.number} of {self.data_set_id}"


class LearningSwitchQuerySet(models.QuerySet):
    def visible_to(self, user) -> "LearningSwitchQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))


class LearningSwitch(models.Model):
    """A case was withdrawn from learning by its team's lead, or given back; the last row is in force. Rows are added,
    and go with their case."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    on = models.BooleanField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    objects = LearningSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["case", "-id"], name="learning_switch_in_force")]

    def __str__(self) -> str:
        return f"{self.case_id}: {'on' if self.on else 'off'}"


class LockedSlideQuerySet(ForAdministratorsQuerySet):
    def standing(self) -> "LockedSlideQuerySet":
        return self.filter(~Exists(LockWithdrawal.objects.filter(lock=OuterRef("pk"))))


class LockedSlide(models.Model):
    """A slide that an administrator keeps for deciding between model versions: while it stands, nothing of its case and
    no other copy of its file is trained on. Rows are added, and go with their case."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    objects = LockedSlideQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"locked {self.slide_id}"


class LockWithdrawal(models.Model):
    """The slide is no longer in the locked set: from here on it may be learned from, and never decides again."""

    lock = models.OneToOneField(LockedSlide, on_delete=models.CASCADE, related_name="withdrawal")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"withdrawal of {self.lock_id}"


class LockedSetLook(models.Model):
    """One evaluation on the locked set: a set that was looked at again and again stops being unseen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=200)  # "hybrid-0.5+3 beside hybrid-0.5"
    hash = models.CharField(max_length=64)  # of the locked set as it was then
    at = models.DateTimeField(auto_now_add=True)

    objects = ForAdministratorsQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.what
