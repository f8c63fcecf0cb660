"""One whole-slide image of a case. A slide names its case in Django's way, by a string: the case looks for slides.

Geometry is float pixels of level 0: origin top left, x right, y down.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from mitoweb.lib.natural_order import natural
from mitoweb.people.models import Team


class SlideQuerySet(models.QuerySet):
    def visible_to(self, user) -> "SlideQuerySet":
        return self.filter(case__team__in=Team.objects.visible_to(user))

    def kept(self) -> "SlideQuerySet":
        """All but those whose file was refused when it came, of which only the reason is left."""
        return self.exclude(state="refused", folder="")

    def needing_help(self) -> "SlideQuerySet":
        no_pixel_size = Q(state="ready", kind="tissue", mpp_source="unknown")
        in_doubt = Q(state="ready", kind="tissue", doubts__contains=[{"answer": None}])
        return self.kept().filter(no_pixel_size | in_doubt | Q(state__in=["refused", "quarantine"]))


class Slide(models.Model):
    """One whole-slide image of a case. Its file is content-named and never changes."""

    class State(models.TextChoices):
        CHECKING = "checking", "checking"
        READY = "ready", "ready"
        QUARANTINE = "quarantine", "waiting for an administrator"  # its data on people could not be removed for sure
        REFUSED = "refused", "refused"

    class Kind(models.TextChoices):
        TISSUE = "tissue", "tissue slide"
        SHEET = "sheet", "sheet of cut-out figures"  # viewed and judged, never counted per mm²

    class MppSource(models.TextChoices):
        FILE = "file", "from the file"
        HAND = "hand", "set by hand"
        LENGTH = "length", "from a known length"
        OPTICS = "optics", "from objective and camera"
        SCANNER = "scanner", "from the scanner's default"
        UNKNOWN = "unknown", "unknown"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey("slides.Case", on_delete=models.CASCADE, related_name="slides")
    label = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TISSUE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    reason = models.TextField(blank=True)  # why it was refused, for people
    hints = models.JSONField(default=list, blank=True)  # sentences: 20x scan, absurd pixel size ignored …

    folder = models.CharField(max_length=100, blank=True)  # below SLIDES_ROOT, named by uuid
    files = models.JSONField(default=list, blank=True)  # server-made names inside the folder: the working copy
    sha256 = models.CharField(max_length=64, blank=True)  # of what was sent, by which duplicates are known
    bytes = models.BigIntegerField(default=0)
    # The original as it was sent, below SEALED_ROOT in a folder of the same name; none once it was deleted.
    sealed_files = models.JSONField(default=list, blank=True)
    sealed_until = models.DateTimeField(null=True, blank=True)
    # What de-identification did: {"method", "removed": [words], "unknown": [names of keys], "verified": bool,
    # "failed": what the copy failed, if not verified}.
    privacy = models.JSONField(default=dict, blank=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    released_reason = models.CharField(max_length=300, blank=True)  # why an administrator let it out of quarantine

    format = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    levels = models.JSONField(default=list, blank=True)  # [[width, height, downsample], …]
    has_made_levels = models.BooleanField(default=False)  # those that the file lacks lie beside it, for tiles
    scene = models.PositiveSmallIntegerField(default=0)  # of a file with several pictures, the one shown
    scenes = models.JSONField(default=list, blank=True)  # [[width, height], …] of all, empty where there is one
    # [x, y, width, height] of the scanned part in level-0 px, where the file names one: QuPath counts from its corner.
    bounds = models.JSONField(default=list, blank=True)
    scanner = models.CharField(max_length=120, blank=True)  # maker and model, never a serial number
    tile_size = models.PositiveIntegerField(default=254)
    tile_overlap = models.PositiveIntegerField(default=1)
    mpp_x = models.FloatField(null=True, blank=True)
    mpp_y = models.FloatField(null=True, blank=True)
    mpp_source = models.CharField(max_length=10, choices=MppSource.choices, default=MppSource.UNKNOWN)
    mpp_note = models.CharField(max_length=200, blank=True)  # who set it, and how
    objective = models.FloatField(null=True, blank=True)
    # [{"code", "text", "answer"}] of slides/wsi/doubts.py: no answer while a person is asked, see services/doubts.py.
    doubts = models.JSONField(default=list, blank=True)

    decoder_died = ArrayField(models.DateTimeField(), default=list, blank=True)  # when it ended a decoder, lately
    job = models.ForeignKey("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects = SlideQuerySet.as_manager()

    class Meta:
        ordering = [natural("label"), "created"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["checking", "ready", "quarantine", "refused"]), name="slide_state_known"
            ),
            models.CheckConstraint(
                condition=Q(mpp_source="unknown", mpp_x__isnull=True, mpp_y__isnull=True)
                | (~Q(mpp_source="unknown") & Q(mpp_x__gt=0, mpp_y__gt=0)),
                name="slide_mpp_has_a_source",
            ),
            # The same pixels twice in one case would be counted twice.
            models.UniqueConstraint(
                fields=["case", "sha256", "scene"],
                condition=~Q(sha256="") & ~Q(state="refused"),
                name="slide_once_per_case",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.label}"

    @property
    def mpp(self) -> float | None:
        """Mean pixel size in µm, None when unknown."""
        return None if self.mpp_x is None or self.mpp_y is None else (self.mpp_x + self.mpp_y) / 2

    @property
    def open_doubts(self) -> list[dict]:
        """What a person is asked: until it is answered no analysis begins."""
        return [doubt for doubt in self.doubts if doubt["answer"] is None]

    @property
    def decoder_deaths(self) -> int:
        """How many decoders it ended of late, see `services.slides.count_decoder_death`."""
        return len(self.decoder_died)

    @property
    def is_original(self) -> bool:
        """Whether what is shown was checked and found to be without a way to take data on people out of it."""
        return bool(self.privacy) and not self.privacy.get("verified", False)

    @property
    def released(self) -> str:
        """That an administrator let it out of quarantine, in words; empty for all others."""
        if not self.released_reason:
            return ""
        who = self.released_by.username if self.released_by else "an administrator"
        what = "Original file, released" if self.is_original else "Released"
        return f"{what} by {who} because: {self.released_reason}"
