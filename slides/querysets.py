"""Who sees which cases, slides and uploads. Every page, API, tile, export and task starts here."""

from django.db import models
from django.db.models import Exists, OuterRef, Q

from mitoweb.people.models import Team


class CaseQuerySet(models.QuerySet):
    def visible_to(self, user) -> "CaseQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))

    def search(self, text: str) -> "CaseQuerySet":
        """Every word must be found in the accession, the tumour, the organ or the label of a slide."""
        from slides.models import Slide

        found = self
        for word in text.split()[:8]:
            labels = Slide.objects.filter(case=OuterRef("pk"), label__icontains=word)
            here = Q(accession__icontains=word) | Q(tumour_type__icontains=word) | Q(organ__icontains=word)
            found = found.filter(here | Exists(labels))
        return found

    def assigned_to(self, user) -> "CaseQuerySet":
        return self.filter(pk__in=user.assigned_cases.values("pk"))

    def empty(self) -> "CaseQuerySet":
        from slides.models import Slide

        return self.exclude(Exists(Slide.objects.filter(case=OuterRef("pk")).kept()))

    def needing_help(self) -> "CaseQuerySet":
        """Cases with a slide that nothing can be counted on until somebody does something."""
        from slides.models import Slide

        return self.filter(Exists(Slide.objects.filter(case=OuterRef("pk")).needing_help()))


class SlideQuerySet(models.QuerySet):
    def visible_to(self, user) -> "SlideQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))

    def kept(self) -> "SlideQuerySet":
        """All but those whose file was refused when it came, of which only the reason is left."""
        return self.exclude(state="refused", folder="")

    def needing_help(self) -> "SlideQuerySet":
        no_pixel_size = Q(state="ready", kind="tissue", mpp_source="unknown")
        return self.kept().filter(no_pixel_size | Q(state__in=["refused", "quarantine"]))


class ScannerPixelSizeQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ScannerPixelSizeQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))


class UploadQuerySet(models.QuerySet):
    def visible_to(self, user) -> "UploadQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))

    def for_list(self) -> "UploadQuerySet":
        return self.select_related("case", "slide", "duplicate_of", "user", "job").order_by("-created")

    def on_their_way(self) -> "UploadQuerySet":
        return self.filter(state__in=["uploading", "checking"])


class ErasureQuerySet(models.QuerySet):
    def visible_to(self, user) -> "ErasureQuerySet":
        """What is left of rows that are gone: ids, for the job that removes the files."""
        return self if user.is_superuser else self.none()


class RegionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "RegionQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))
