"""Who sees which analyses and what hangs on them."""

from django.apps import apps
from django.db import models
from django.db.models.functions import Coalesce

from mitoweb.people.models import Team


class AnalysisQuerySet(models.QuerySet):
    def visible_to(self, user) -> "AnalysisQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))

    def with_facts(self) -> "AnalysisQuerySet":
        """With everything that a list of analyses shows, `detection_count` included, in one query."""
        detections = apps.get_model("analysis", "Detection").objects.filter(analysis=models.OuterRef("pk"))
        # Detections are numbered 1, 2, …, so the highest number is the count, and an index has it at hand.
        count = Coalesce(models.Subquery(detections.order_by("-number").values("number")[:1]), 0)
        related = ("job", "model", "slide__case__team", "region", "created_by")
        return self.select_related(*related).annotate(detection_count=count)


class OfAnalysisQuerySet(models.QuerySet):
    """Rows that belong to an analysis are seen by whoever sees the analysis."""

    def between(self, since: int, until: int) -> "OfAnalysisQuerySet":
        """Rows with since < revision <= until, in that order."""
        return self.filter(revision__gt=since, revision__lte=until).order_by("revision")

    def visible_to(self, user) -> "OfAnalysisQuerySet":
        return self.filter(analysis__slide__case__team__in=Team.objects.visible_to(user))


class OfDetectionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "OfDetectionQuerySet":
        return self.filter(detection__analysis__slide__case__team__in=Team.objects.visible_to(user))

    def between(self, since: int, until: int) -> "OfDetectionQuerySet":
        """Rows with since < revision <= until, in that order."""
        return self.filter(revision__gt=since, revision__lte=until).order_by("revision")


class ModelVersionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ModelVersionQuerySet":
        """Models belong to the installation; every signed-in person may read their cards."""
        return self if user.is_authenticated else self.none()

    def usable_by(self, team) -> "ModelVersionQuerySet":
        """Versions an analysis of the team may name: those shipped, and those activated for it at some time."""
        return self.filter(models.Q(shipped=True) | _released_to(team)).distinct()


def _released_to(team) -> models.Q:
    """Model versions with an activation, approved and not withdrawn, for the team or for every team."""
    return models.Q(
        models.Q(activations__team__isnull=True) | models.Q(activations__team=team),
        activations__purpose="detection",
        activations__approved__isnull=False,
        activations__withdrawn__isnull=True,
    )


class ActivationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ActivationQuerySet":
        """Activations for everyone (no team) and those of the user's teams."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(models.Q(team__isnull=True) | models.Q(team__in=Team.objects.visible_to(user)))
