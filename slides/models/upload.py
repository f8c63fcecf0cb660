"""One file on its way in, by which a slide comes."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from mitoweb.people.models import Team
from slides.models.case import Case
from slides.models.slide import Slide


class UploadQuerySet(models.QuerySet):
    def visible_to(self, user) -> "UploadQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))

    def for_list(self) -> "UploadQuerySet":
        return self.select_related("case", "slide", "duplicate_of", "user", "job").order_by("-created")

    def on_their_way(self) -> "UploadQuerySet":
        return self.filter(state__in=["uploading", "checking"])


class Upload(models.Model):
    """One file on its way in. How much has arrived is the size of its part file, never a column."""

    class State(models.TextChoices):
        UPLOADING = "uploading", "uploading"
        CHECKING = "checking", "checking"
        WAITING = "waiting", "waiting for an administrator"  # its slide is in quarantine
        READY = "ready", "ready"
        REFUSED = "refused", "refused"
        CANCELLED = "cancelled", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Private: shown to the uploader alone, may name a patient. Once the check has ended only its suffix.
    name = models.CharField(max_length=255)
    label = models.CharField(max_length=60)  # of the slide it becomes
    length = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)  # as the browser computed it
    # Several files that make one slide (DICOM instances) share a bundle; the last to arrive starts the check.
    bundle = models.UUIDField(null=True, blank=True)
    bundle_files = models.PositiveSmallIntegerField(default=1)
    path = models.CharField(max_length=400, blank=True)  # private: place inside the folder that was sent (MRXS)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADING)
    step = models.CharField(max_length=40, blank=True)  # of the check: received, hash equal, opened …
    reason = models.TextField(blank=True)
    slide = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    # The slide of the case that was the same file; None with Step.DUPLICATE once that one was deleted.
    duplicate_of = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates")
    job = models.ForeignKey("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    finished = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["uploading", "checking", "waiting", "ready", "refused", "cancelled"]),
                name="upload_state_known",
            ),
            models.CheckConstraint(condition=Q(length__gte=0), name="upload_length_not_negative"),
        ]

    def __str__(self) -> str:
        return f"upload {self.id}"

    @property
    def found(self) -> Slide | None:
        """The slide it became, else the one that was the same file: both are of its case, seen by whoever sees it."""
        return self.slide or self.duplicate_of
