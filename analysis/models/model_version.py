"""Networks with their cards, how far each has come, and which one is in use. A version and its steps never change."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Case, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property

from mitoweb.people.models import Team


class ModelVersionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ModelVersionQuerySet":
        """Models belong to the installation; every signed-in person may read their cards."""
        return self if user.is_authenticated else self.none()

    def with_state(self) -> "ModelVersionQuerySet":
        """With `state`, how the version stands: its newest step. One of before there were steps came with the program
        or is not known to be good."""
        steps = ModelStanding.objects.filter(model=OuterRef("pk")).order_by("-pk")
        unknown = Case(When(shipped=True, then=Value("approved")), default=Value("uploaded"))
        return self.annotate(state=Coalesce(Subquery(steps.values("state")[:1]), unknown))

    def approved(self) -> "ModelVersionQuerySet":
        """Those that may be used: approved, and not retired since."""
        return self.with_state().filter(state="approved")

    def usable_by(self, team) -> "ModelVersionQuerySet":
        """Versions an analysis of the team may name: approved ones that were shipped, or activated for it at some
        time."""
        activated = models.Q(
            models.Q(activations__team__isnull=True) | models.Q(activations__team=team),
            activations__purpose="detection",
            activations__approved__isnull=False,
            activations__withdrawn__isnull=True,
        )
        return self.approved().filter(models.Q(shipped=True) | activated).distinct()


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

    @cached_property
    def state(self) -> str:
        """How it stands; `with_state` tells it of many in one query."""
        return ModelVersion.objects.with_state().values_list("state", flat=True).get(pk=self.pk)


class ModelStanding(models.Model):
    """One step of a version, with who took it and why. Steps are added, never changed; the newest says how it
    stands."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        VALIDATED = "validated", "Validated"
        CANDIDATE = "candidate", "Candidate"  # trained here
        APPROVED = "approved", "Approved"
        RETIRED = "retired", "Retired"

    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="standings")
    state = models.CharField(max_length=20, choices=State.choices)
    reason = models.TextField(max_length=1000, blank=True)
    facts = models.JSONField(default=dict, blank=True)  # what a check measured
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["model", "state"], name="standing_once_each"),
            models.CheckConstraint(condition=~Q(state="retired") | ~Q(reason=""), name="standing_retired_with_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.state}"


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
