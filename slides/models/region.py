"""A polygon that a person drew on a slide."""

import uuid

from django.conf import settings
from django.db import models

from mitoweb.people.models import Team
from slides.models.slide import Slide


class RegionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "RegionQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))


class Region(models.Model):
    """A polygon that a person drew on a slide."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="regions")
    name = models.CharField(max_length=60)
    polygon = models.JSONField()  # [[x_l0, y_l0], …], closed by its first point, checked by services
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return self.name
