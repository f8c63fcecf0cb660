"""Who sees which cases, slides and uploads. Every page, API, tile, export and task starts here."""

from django.db import models

from mitoweb.people.models import Team


class CaseQuerySet(models.QuerySet):
    def visible_to(self, user) -> "CaseQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))


class SlideQuerySet(models.QuerySet):
    def visible_to(self, user) -> "SlideQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))


class UploadQuerySet(models.QuerySet):
    def visible_to(self, user) -> "UploadQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))


class RegionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "RegionQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))
