"""Who works here: users, teams, the roles that join them, invitations, and the list of what was done."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from knox.models import AbstractAuthToken

INVITATION_LIFE = timedelta(days=7)


class User(AbstractUser):
    """A person. Administrators are superusers: they may do everything in every team (DESIGN, people)."""

    def save(self, *args, **kwargs) -> None:
        """A new password and what ends with it (passwords.EndTokens) come together or not at all."""
        with transaction.atomic():
            super().save(*args, **kwargs)

    @property
    def initials(self) -> str:
        words = (self.get_full_name() or self.username).replace(".", " ").replace("_", " ").split()
        if len(words) > 1:
            return (words[0][0] + words[-1][0]).upper()
        word = words[0] if words else "?"
        return (word[0] + (word[-1] if word[-1].isdigit() else word[1:2])).upper()


class TeamQuerySet(models.QuerySet):
    def visible_to(self, user) -> "TeamQuerySet":
        if not user.is_authenticated:
            return self.none()
        return self if user.is_superuser else self.filter(memberships__user=user)


class Team(models.Model):
    name = models.CharField(max_length=100, unique=True)
    # A lab of one administrator may switch the second signature off; the switch is audited.
    activation_needs_second_admin = models.BooleanField(default=True)
    # What its slides and uploads may take on the disk; none: the installation's own limit (UPLOAD_QUOTA_BYTES).
    quota_bytes = models.BigIntegerField(null=True, blank=True)
    # A tissue slide is analysed as soon as it is ready, by nobody's press; the switch is audited.
    analyse_on_arrival = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    READER = "reader", "reader"
    TECHNICIAN = "technician", "technician"
    OBSERVER = "observer", "observer"
    LEAD = "lead", "team lead"
    RESEARCHER = "researcher", "researcher"


class MembershipQuerySet(models.QuerySet):
    def visible_to(self, user) -> "MembershipQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))


class Membership(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["team", "user__username"]
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="one_role_per_team"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.team}"


def _expiry():
    return timezone.now() + INVITATION_LIFE


class InvitationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "InvitationQuerySet":
        return self.filter(team__in=Team.objects.visible_to(user))

    def open(self) -> "InvitationQuerySet":
        return self.filter(accepted__isnull=True, revoked=False, expires__gt=timezone.now())


class Invitation(models.Model):
    """A link that lets one person make an account in one team. Only the digest of the link is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=20, choices=Role.choices)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(default=_expiry)
    accepted = models.DateTimeField(null=True, blank=True)
    revoked = models.BooleanField(default=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.email or 'someone'} to {self.team} as {self.role}"


class AuditQuerySet(models.QuerySet):
    def visible_to(self, user) -> "AuditQuerySet":
        """What happened in the user's teams; to administrators all, what belongs to no team included."""
        return self if user.is_superuser else self.filter(team__in=Team.objects.visible_to(user))


class AuditEntry(models.Model):
    """What happened, for people: one line per change. Rows are never changed (a trigger refuses it)."""

    at = models.DateTimeField(auto_now_add=True)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
    )
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=60, blank=True)  # "slide 0b3c…": an id, never a name of a patient
    text = models.CharField(max_length=300)
    request_id = models.CharField(max_length=40, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "-at"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.text}"


class ApiToken(AbstractAuthToken):
    """A person's key to the REST API. Only a digest is kept; the text is shown once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    expiry = models.DateTimeField()  # knox has tokens that never end

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
