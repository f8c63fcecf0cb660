"""Cases, their slides, the uploads they came by, and regions drawn on them.

Geometry is float pixels of level 0: origin top left, x right, y down.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from slides.querysets import (
    CaseQuerySet,
    ErasureQuerySet,
    RegionQuerySet,
    ScannerPixelSizeQuerySet,
    SlideQuerySet,
    UploadQuerySet,
)


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
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="slides")
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
    # What de-identification did: {"method", "removed": [words], "unknown": [names of keys], "verified": bool}.
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
    scanner = models.CharField(max_length=120, blank=True)  # maker and model, never a serial number
    tile_size = models.PositiveIntegerField(default=254)
    tile_overlap = models.PositiveIntegerField(default=1)
    mpp_x = models.FloatField(null=True, blank=True)
    mpp_y = models.FloatField(null=True, blank=True)
    mpp_source = models.CharField(max_length=10, choices=MppSource.choices, default=MppSource.UNKNOWN)
    mpp_note = models.CharField(max_length=200, blank=True)  # who set it, and how
    objective = models.FloatField(null=True, blank=True)

    decoder_died = ArrayField(models.DateTimeField(), default=list, blank=True)  # when it ended a decoder, lately
    job = models.ForeignKey("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects = SlideQuerySet.as_manager()

    class Meta:
        ordering = ["label", "created"]
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
                fields=["case", "sha256"], condition=~Q(sha256="") & ~Q(state="refused"), name="slide_once_per_case"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.label}"

    @property
    def mpp(self) -> float | None:
        """Mean pixel size in µm, None when unknown."""
        return None if self.mpp_x is None or self.mpp_y is None else (self.mpp_x + self.mpp_y) / 2

    @property
    def decoder_deaths(self) -> int:
        """How many decoders it ended of late, see `services.slides.count_death`."""
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


class Upload(models.Model):
    """One file on its way in. How much has arrived is the size of its part file, never a column."""

    class State(models.TextChoices):
        UPLOADING = "uploading", "uploading"
        CHECKING = "checking", "checking"
        WAITING = "waiting", "waiting for an administrator"  # its slide is in quarantine
        READY = "ready", "ready"
        REFUSED = "refused", "refused"
        CANCELLED = "cancelled", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Private: shown to the uploader alone, may name a patient. Once the check has ended only its suffix.
    name = models.CharField(max_length=255)
    label = models.CharField(max_length=60)  # of the slide it becomes
    length = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)  # as the browser computed it
    # Several files that make one slide (DICOM instances) share a bundle; the last to arrive starts the check.
    bundle = models.UUIDField(null=True, blank=True)
    bundle_files = models.PositiveSmallIntegerField(default=1)
    path = models.CharField(max_length=400, blank=True)  # private: place inside the folder that was sent (MRXS)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADING)
    step = models.CharField(max_length=40, blank=True)  # of the check: received, hash equal, opened …
    reason = models.TextField(blank=True)
    slide = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.SET_NULL, related_name="uploads")
    # The slide of the case that was the same file; None with Step.DUPLICATE once that one was deleted.
    duplicate_of = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates")
    job = models.ForeignKey("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    finished = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["uploading", "checking", "waiting", "ready", "refused", "cancelled"]),
                name="upload_state_known",
            ),
            models.CheckConstraint(condition=Q(length__gte=0), name="upload_length_not_negative"),
        ]

    def __str__(self) -> str:
        return f"upload {self.id}"

    @property
    def found(self) -> Slide | None:
        """The slide it became, else the one that was the same file: both are of its case, seen by whoever sees it."""
        return self.slide or self.duplicate_of


class Erasure(models.Model):
    """Files of rows that were erased, until the job has removed them. Ids and names made by us, nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slides = models.JSONField(default=list)  # ids, by which the cache of tiles is known
    folders = models.JSONField(default=list)
    uploads = models.JSONField(default=list)  # ids, by which part files are named
    jobs = models.JSONField(default=list)  # ids of jobs that may still write; their rows go with the files
    created = models.DateTimeField(auto_now_add=True)

    objects = ErasureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"erasure {self.id}"


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
