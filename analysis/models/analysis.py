"""One run of one model version over one slide or region, and what it found.

Everything that decides the result is pinned when the analysis is asked for, so that a model activated in the
middle of a run, or a pixel size corrected later, changes nothing that was already found.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from analysis.models.model_version import ModelVersion
from mitoweb.people.models import Team


class AnalysisQuerySet(models.QuerySet):
    def visible_to(self, user) -> "AnalysisQuerySet":
        return self.filter(slide__case__team__in=Team.objects.visible_to(user))

    def with_facts(self) -> "AnalysisQuerySet":
        """With everything that a list of analyses shows, `detection_count` included, in one query."""
        detections = Detection.objects.filter(analysis=models.OuterRef("pk"))
        # Detections are numbered 1, 2, …, so the highest number is the count, and an index has it at hand.
        count = Coalesce(models.Subquery(detections.order_by("-number").values("number")[:1]), 0)
        related = ("job", "follow_up", "model", "slide__case__team", "region", "created_by")
        return self.select_related(*related).annotate(detection_count=count)


class OfAnalysisQuerySet(models.QuerySet):
    """Rows that belong to an analysis are seen by whoever sees the analysis."""

    def revised_between(self, since: int, until: int) -> "OfAnalysisQuerySet":
        """Rows with since < revision <= until, in that order."""
        return self.filter(revision__gt=since, revision__lte=until).order_by("revision")

    def visible_to(self, user) -> "OfAnalysisQuerySet":
        return self.filter(analysis__slide__case__team__in=Team.objects.visible_to(user))


class OfDetectionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "OfDetectionQuerySet":
        return self.filter(detection__analysis__slide__case__team__in=Team.objects.visible_to(user))

    def revised_between(self, since: int, until: int) -> "OfDetectionQuerySet":
        """Rows with since < revision <= until, in that order."""
        return self.filter(revision__gt=since, revision__lte=until).order_by("revision")


class Analysis(models.Model):
    class Mode(models.TextChoices):
        CANDIDATES = "candidates", "candidates"
        GRID = "grid", "grid of 100-px patches"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slide = models.ForeignKey("slides.Slide", on_delete=models.CASCADE, related_name="analyses")
    region = models.ForeignKey("slides.Region", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    polygon = models.JSONField(null=True, blank=True)  # the region as it was, [[x_l0, y_l0], …]; None: the whole slide
    job = models.OneToOneField("jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="analysis")
    # Slide check and explanations, which come when the tiles are in: what they do changes no result.
    follow_up = models.OneToOneField(
        "jobs.Job", null=True, blank=True, on_delete=models.SET_NULL, related_name="followed_analysis"
    )

    # None: nothing here found the detections; they were imported from a file.
    model = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="analyses")
    model_sha256 = models.CharField(max_length=64, blank=True)
    # {"detector", "version", "format", "file_sha256", "has_probabilities", "read", "outside", "twice", "notes"}
    imported = models.JSONField(null=True, blank=True)
    withdrawn = models.DateTimeField(null=True, blank=True)  # of imported detections: taken back, and kept
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.CANDIDATES)
    normaliser = models.CharField(max_length=20)
    threshold = models.FloatField()
    floor = models.FloatField()
    mpp_x = models.FloatField()
    mpp_y = models.FloatField()
    mpp_source = models.CharField(max_length=10)
    slide_sha256 = models.CharField(max_length=64)
    software = models.CharField(max_length=100)  # the version it was begun with; behind "; " the one it went on with

    device = models.CharField(max_length=100, blank=True)
    area_mm2 = models.FloatField(null=True, blank=True)  # tissue analysed
    tissue = models.JSONField(null=True, blank=True)  # outline: list of polygons in level-0 px
    tiles = models.PositiveIntegerField(default=0)
    tile_px = models.PositiveIntegerField(null=True, blank=True)  # side of its tiles; 1,024 where it is not told
    seconds = models.FloatField(null=True, blank=True)
    candidates = models.PositiveIntegerField(default=0)
    # {"grade", "reasons", "measures"} of analysis/pipeline/ood; None: never checked.
    validity = models.JSONField(null=True, blank=True)

    # Bumped under a lock on this row by everything a viewer follows, so that "since" never misses a row.
    revision = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
        verbose_name_plural = "analyses"
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1, floor__gte=0, floor__lte=1),
                name="analysis_threshold_in_0_1",
            ),
            models.CheckConstraint(condition=Q(mpp_x__gt=0, mpp_y__gt=0), name="analysis_has_a_pixel_size"),
            models.CheckConstraint(
                condition=Q(model__isnull=False, imported__isnull=True, withdrawn__isnull=True)
                | Q(model__isnull=True, imported__isnull=False),
                name="analysis_by_a_model_or_imported",
            ),
        ]

    def __str__(self) -> str:
        return f"analysis of {self.slide}"

    @property
    def found_by(self) -> str:
        """The name of the model version, or of the detector whose output was imported, with its version."""
        if self.model is not None:
            return self.model.name
        return " ".join(filter(None, (self.imported["detector"], self.imported["version"])))


class NucleiSample(models.Model):
    """What a first look saw in one tile of a slide: margins of ordinary nuclei, from which its scores are told, and the
    finder's logits at its peaks, from which its thresholds are.

    Kept, so that an analysis that goes on, or another one by the same model, does not look again.
    """

    slide = models.ForeignKey("slides.Slide", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)  # hash of all that decides the margins: services/first_looks.py
    tile_index = models.PositiveIntegerField()  # among the tiles of all the slide's tissue
    margins = models.JSONField()  # [float32 in logits, …]
    peak_logits = models.JSONField(null=True)  # [float32, …], None where the card tells no threshold from them

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slide", "key", "tile_index"], name="nuclei_sample_once")]

    def __str__(self) -> str:
        return f"nuclei of tile {self.tile_index}"


class TileDone(models.Model):
    """A tile that was finished; written in one transaction with its detections, so each tile counts once."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="tiles_done")
    index = models.PositiveIntegerField()
    candidates = models.JSONField(default=list)  # [[x_l0, y_l0], …]: every place proposed before scoring

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["analysis", "index"], name="tile_done_once")]

    def __str__(self) -> str:
        return f"tile {self.index}"


class Detection(models.Model):
    """A candidate that the classifier scored above the floor. Never changed."""

    id = models.BigAutoField(primary_key=True)
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="detections")
    number = models.PositiveIntegerField()  # 1, 2, … in the analysis: what people call it by
    tile_index = models.PositiveIntegerField()
    x_l0 = models.FloatField()
    y_l0 = models.FloatField()
    probability = models.FloatField()
    mitosis = models.BooleanField()  # the model's call: probability at or above the threshold of the analysis
    revision = models.PositiveBigIntegerField()

    objects = OfAnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "number"], name="detection_number_once"),
            models.UniqueConstraint(fields=["analysis", "x_l0", "y_l0"], name="detection_place_once"),
            models.CheckConstraint(
                condition=Q(probability__gte=0, probability__lte=1), name="detection_probability_in_0_1"
            ),
        ]
        indexes = [models.Index(fields=["analysis", "revision"], name="detection_since")]

    def __str__(self) -> str:
        return f"detection {self.number}"


class Explanation(models.Model):
    """Grad-CAM maps of one detection, as grey PNG of the 100-px patch, one per class, and the hint made with them."""

    detection = models.OneToOneField(Detection, on_delete=models.CASCADE, related_name="explanation")
    mitosis_png = models.BinaryField()
    other_png = models.BinaryField()
    target_layer = models.CharField(max_length=40)
    # As of analysis/pipeline/subtypes/hints.py; None: the model has no heads for it. Part of no call and no count.
    subtype_hint = models.JSONField(null=True, blank=True)
    revision = models.PositiveBigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    objects = OfDetectionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"explanation of {self.detection}"
