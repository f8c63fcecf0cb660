"""What people draw on a slide: regions to count in, and the tumour."""

import uuid

from django.conf import settings
from django.db import models

from mitoweb.people.models import Team
from slides.models.slide import Slide


class RegionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "RegionQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))

    def standing(self) -> "RegionQuerySet":
        """Without those that were taken back."""
        return self.filter(withdrawn=None)

    def to_count_in(self) -> "RegionQuerySet":
        return self.standing().filter(kind=Region.Kind.COUNT)

    def tumour_areas(self) -> "RegionQuerySet":
        return self.standing().filter(kind=Region.Kind.TUMOUR)


class Region(models.Model):
    """An outline that a person drew on a slide. It is changed under its revision, and withdrawn, never erased."""

    class Kind(models.TextChoices):
        COUNT = "count", "Counted in"
        TUMOUR = "tumour", "Tumour"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="regions")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.COUNT)
    name = models.CharField(max_length=60)
    polygon = models.JSONField()  # [[x_l0, y_l0], …], closed by its first point, checked by services
    further_rings = models.JSONField(default=list, blank=True)  # of a tumour: holes and further parts, likewise
    imported = models.BooleanField(default=False, db_default=False)  # from a file, which tells not who drew it
    revision = models.PositiveIntegerField(default=1)  # for If-Match
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    withdrawn = models.DateTimeField(null=True, blank=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        ordering = ["created"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["count", "tumour"]), name="region_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rings(self) -> list[list[list[float]]]:
        """All its outlines; what lies in an odd number of them is in the region."""
        return [self.polygon, *self.further_rings]
