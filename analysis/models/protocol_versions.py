"""Protocols of counting that somebody here refers to, which are switched on, and which case counts by which.

A version never changes and never goes, so that a count can be told again as it was. A shipped one is a file first
(analysis/pipeline/count/protocols/data) and gets its row when something refers to it: from then on it stays as it was,
whatever a later release of the program brings.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from mitoweb.people.models import Team
from slides.models import Case


class ProtocolVersion(models.Model):
    """What one version of a protocol says, as its file would. Made by nobody here where it came with the program."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    document = models.JSONField()
    shipped = models.BooleanField(default=False)
    copied_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="copies")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            # "Nottingham" beside "nottingham" would be told apart by nobody.
            models.UniqueConstraint(Lower("name"), "version", name="protocol_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="protocol_version_from_1"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class ProtocolSwitch(models.Model):
    """A version was switched on or off; the last one is in force. Rows are added, never changed."""

    version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="switches")
    on = models.BooleanField()
    reason = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.version} {'on' if self.on else 'off'}"


class CaseProtocol(models.Model):
    """The protocol that somebody chose for a case, pinned to a version; none: the team's default again. The last one
    is in force. Rows are added, and go with their case.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(ProtocolVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["case", "-id"], name="case_protocol_in_force")]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.version or 'default'}"


class TeamProtocolQuerySet(models.QuerySet):
    def visible_to(self, user) -> "TeamProtocolQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))


class TeamProtocol(models.Model):
    """What a team's cases of a tumour are counted by where nobody chose. `words`: those of `tumour`, as they are
    compared, in order; a case has this default when all of them occur in its tumour.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    tumour = models.CharField(max_length=100)
    words = models.CharField(max_length=300)
    version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now=True)

    objects = TeamProtocolQuerySet.as_manager()

    class Meta:
        ordering = ["team", "tumour"]
        constraints = [models.UniqueConstraint(fields=["team", "words"], name="team_protocol_once_per_tumour")]

    def __str__(self) -> str:
        return f"{self.tumour}: {self.version}"
