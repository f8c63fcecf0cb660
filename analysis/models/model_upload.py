"""Files on their way to be a model version."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from analysis.models.model_version import ModelVersion


class ModelUploadQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ModelUploadQuerySet":
        """Administrators see all of them, nobody else any."""
        return self if user.is_authenticated and user.is_active and user.is_superuser else self.none()


class ModelUpload(models.Model):
    """A weights file with its card that an administrator sends from a browser. How much has arrived is the size of
    its part file; a version comes of it when the check has passed."""

    class State(models.TextChoices):
        RECEIVING = "receiving", "Arriving"
        CHECKING = "checking", "Being checked"
        REFUSED = "refused", "Refused"
        TAKEN = "taken", "Taken in"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)  # of the version, as its card says
    card = models.TextField()  # as it was sent, byte for byte
    length = models.PositiveBigIntegerField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.RECEIVING)
    message = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    model = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="uploads")

    objects = ModelUploadQuerySet.as_manager()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="taken", model__isnull=False) | (~Q(state="taken") & Q(model__isnull=True)),
                name="model_upload_taken_is_a_version",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.state}"
