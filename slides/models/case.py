"""One patient's specimen, and who sees it. Every page, API, tile, export and task starts from `visible_to`."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from mitoweb.people.models import Team
from slides.models.slide import Slide


class CaseQuerySet(models.QuerySet):
    def visible_to(self, user) -> "CaseQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))

    def search_words(self, text: str) -> "CaseQuerySet":
        """Every word must be found in the accession, the tumour, the organ or the label of a slide."""
        found = self
        for word in text.split()[:8]:
            labels = Slide.objects.filter(case=OuterRef("pk"), label__icontains=word)
            here = Q(accession__icontains=word) | Q(tumour_type__icontains=word) | Q(organ__icontains=word)
            found = found.filter(here | Exists(labels))
        return found

    def assigned_to(self, user) -> "CaseQuerySet":
        return self.filter(pk__in=user.assigned_cases.values("pk"))

    def without_slides(self) -> "CaseQuerySet":
        return self.exclude(Exists(Slide.objects.filter(case=OuterRef("pk")).kept()))

    def needing_help(self) -> "CaseQuerySet":
        """Cases with a slide that nothing can be counted on until somebody does something."""
        return self.filter(Exists(Slide.objects.filter(case=OuterRef("pk")).needing_help()))

    def with_refused(self) -> "CaseQuerySet":
        """Cases with a file that was refused and not yet put away."""
        return self.filter(Exists(Slide.objects.filter(case=OuterRef("pk"), state=Slide.State.REFUSED)))


class Species(models.TextChoices):
    HUMAN = "human", "human"
    CANINE = "canine", "canine"
    FELINE = "feline", "feline"
    OTHER = "other", "other"


class Case(models.Model):
    """One patient's specimen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey("people.Team", on_delete=models.PROTECT, related_name="cases")
    accession = models.CharField(max_length=60)
    tumour_type = models.CharField(max_length=100, blank=True)
    organ = models.CharField(max_length=60, blank=True)
    species = models.CharField(max_length=10, choices=Species.choices, default=Species.HUMAN)
    note = models.TextField(max_length=2000, blank=True)
    due = models.DateField(null=True, blank=True)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="assigned_cases")
    version = models.PositiveIntegerField(default=1)  # for If-Match
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["-changed"]
        constraints = [models.UniqueConstraint(fields=["team", "accession"], name="accession_once_per_team")]

    def __str__(self) -> str:
        return self.accession
