"""What a team's slides of one scanner measure where their files do not say it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from mitoweb.people.models import Team


class ScannerPixelSizeQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ScannerPixelSizeQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))


class ScannerPixelSize(models.Model):
    """What a team's slides of one scanner measure where their files do not say it."""

    team = models.ForeignKey("people.Team", on_delete=models.CASCADE, related_name="scanner_pixel_sizes")
    scanner = models.CharField(max_length=120)  # as in Slide.scanner
    mpp_x = models.FloatField()
    mpp_y = models.FloatField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed = models.DateTimeField(auto_now=True)

    objects = ScannerPixelSizeQuerySet.as_manager()

    class Meta:
        ordering = ["scanner"]
        constraints = [
            models.UniqueConstraint(fields=["team", "scanner"], name="pixel_size_once_per_scanner"),
            models.CheckConstraint(condition=Q(mpp_x__gt=0, mpp_y__gt=0), name="scanner_pixel_size_positive"),
        ]

    def __str__(self) -> str:
        return self.scanner
