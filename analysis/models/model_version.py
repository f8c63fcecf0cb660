"""Networks with their cards, and which one is in use. Both kinds of rows never change."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from mitoweb.people.models import Team


class ModelVersionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ModelVersionQuerySet":
        """Models belong to the installation; every signed-in person may read their cards."""
        return self if user.is_authenticated else self.none()

    def usable_by(self, team) -> "ModelVersionQuerySet":
        """Versions an analysis of the team may name: those shipped, and those activated for it at some time."""
        activated = models.Q(
            models.Q(activations__team__isnull=True) | models.Q(activations__team=team),
            activations__purpose="detection",
            activations__approved__isnull=False,
            activations__withdrawn__isnull=True,
        )
        return self.filter(models.Q(shipped=True) | activated).distinct()


class ModelVersion(models.Model):
    """An immutable network with its card. The weights lie under analysis/weights or MODELS_ROOT, named by hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    card = models.JSONField()
    threshold = models.FloatField()
    parameters = models.PositiveIntegerField()
    shipped = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(condition=Q(threshold__gte=0, threshold__lte=1), name="model_threshold_in_0_1")
        ]

    def __str__(self) -> str:
        return self.name


class ActivationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ActivationQuerySet":
        """Activations for everyone (no team) and those of the user's teams."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(models.Q(team__isnull=True) | models.Q(team__in=Team.objects.visible_to(user)))


class Activation(models.Model):
    """The request to use a model version, and the second administrator's yes. The newest approved one is in force."""

    class Purpose(models.TextChoices):
        DETECTION = "detection", "detection of mitotic figures"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="activations")
    team = models.ForeignKey("people.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices, default=Purpose.DETECTION)
    reason = models.TextField(max_length=1000)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked = models.DateTimeField(auto_now_add=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved = models.DateTimeField(null=True, blank=True)
    withdrawn = models.DateTimeField(null=True, blank=True)

    objects = ActivationQuerySet.as_manager()

    class Meta:
        ordering = ["-asked"]

    def __str__(self) -> str:
        return f"{self.model} for {self.team or 'every team'}"
