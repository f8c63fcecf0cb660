"""What another detector found, taken in from its file: an analysis like our own, marked as imported.

Its detections are judged, counted and exported as all others are. Nothing of ours looked at the slide, so there is no
slide check and no explanation; its job only finds the tissue that a density is told of.
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analysis.models import Analysis, Detection
from analysis.pipeline.detection_files import DetectionsRefused, Fitted, Frame, fit_to_slide, read_detections
from analysis.services import revisions, runs
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.people import audit
from slides.files import clean_label
from slides.models import Slide
from slides.services.cases import mark_case_of_slide_changed

MAX_FILE_BYTES = 64 * 2**20
MAX_NAME = 60


@dataclass(frozen=True)
class ReadImport:
    """A file as it would be taken in. detector: the name that the file itself tells, "" where it tells none."""

    format: str
    detector: str
    file_sha256: str
    fitted: Fitted

    @property
    def called(self) -> int:
        return sum(found.mitosis for found in self.fitted.detections)


def read_import(slide: Slide, content: bytes, threshold: float | None = None) -> ReadImport:
    """What the file says of this slide; nothing is stored. Raises Refused with what is wrong with it."""
    runs.refuse_unready(slide)
    if len(content) > MAX_FILE_BYTES:
        raise Refused(f"The file is larger than {MAX_FILE_BYTES >> 20} MB.", "too_large")
    corner = tuple(slide.bounds[:2]) if slide.bounds else (0, 0)
    frame = Frame(slide.width, slide.height, slide.mpp_x, slide.mpp_y, slide.objective, corner)
    try:
        file = read_detections(content, slide.label)
        fitted = fit_to_slide(file, frame, threshold)
    except DetectionsRefused as refusal:
        raise Refused(f"Not imported: {refusal}", "detections") from refusal
    return ReadImport(file.format, file.detector, hashlib.sha256(content).hexdigest(), fitted)


def import_detections(
    slide: Slide, user, content: bytes, detector: str, version: str = "", threshold: float | None = None
) -> Analysis:
    """Write the analysis, its detections and its job in one transaction. Rights are the caller's. Raises Refused, also
    where the same file of the same detector is there already.
    """
    read = read_import(slide, content, threshold)
    detector, version = (clean_label(text or "")[:MAX_NAME] for text in (detector or read.detector, version))
    if not detector:
        raise Refused("Name the detector that found them.", "detector")
    with transaction.atomic():
        mark_case_of_slide_changed(slide.pk)  # which holds the case, so that a second press waits for the first
        _refuse_known(slide, read, detector, version)
        analysis = _make_analysis(slide, user, read, detector, version)
        analysis.job = core.enqueue(runs.KIND, analysis.pk, team=slide.case.team, created_by=user)
        analysis.save(force_insert=True)
        _keep_detections(analysis, read.fitted)
        text = f"Imported {len(read.fitted.detections)} detections: {read.format}, file {read.file_sha256[:12]}"
        audit.record_change(user, slide.case.team, "analysis.import", f"slide {slide.pk}", text)
    return analysis


def withdraw_import(analysis: Analysis, user) -> Analysis:
    """Take imported detections back: they and what was said of them are kept, and count no more. Raises Refused."""
    if analysis.model_id is not None:
        raise Refused("Only imported detections can be withdrawn; this analysis was made here.", "not_imported")
    with transaction.atomic():
        if analysis.job:
            core.cancel(analysis.job, user)
        mark_case_of_slide_changed(analysis.slide_id)
        revisions.take_revision(analysis.pk)  # whose lock makes one of two withdrawals the first
        standing = Analysis.objects.filter(pk=analysis.pk, withdrawn=None)
        if not standing.update(withdrawn=timezone.now()):
            raise Refused("These detections were withdrawn already.", "withdrawn")
        team = analysis.slide.case.team
        audit.record_change(user, team, "analysis.withdraw", f"slide {analysis.slide_id}", "Withdrew an import")
    return Analysis.objects.get(pk=analysis.pk)


def _refuse_known(slide: Slide, read: ReadImport, detector: str, version: str) -> None:
    told = {"file_sha256": read.file_sha256, "detector": detector, "version": version}
    if Analysis.objects.filter(slide=slide, withdrawn=None, imported__contains=told).exists():
        raise Refused(
            "This file is imported already; withdraw that import first to take it in anew.", "imported_already"
        )


def _make_analysis(slide: Slide, user, read: ReadImport, detector: str, version: str) -> Analysis:
    fitted = read.fitted
    return Analysis(
        slide=slide,
        created_by=user,
        model=None,
        mode="",
        normaliser="",
        imported={
            "detector": detector,
            "version": version,
            "format": read.format,
            "file_sha256": read.file_sha256,
            "has_probabilities": fitted.has_probabilities,
            "read": fitted.read,
            "outside": fitted.outside,
            "twice": fitted.twice,
            "notes": list(fitted.notes),
        },
        threshold=fitted.threshold,
        floor=0.0,
        mpp_x=slide.mpp_x,
        mpp_y=slide.mpp_y,
        mpp_source=slide.mpp_source,
        slide_sha256=slide.sha256,
        software=settings.VERSION,
    )


def _keep_detections(analysis: Analysis, fitted: Fitted) -> None:
    revision = revisions.take_revision(analysis.pk)
    Detection.objects.bulk_create(
        (
            Detection(
                analysis=analysis,
                number=number,
                tile_index=0,
                x_l0=found.x_l0,
                y_l0=found.y_l0,
                probability=found.probability,
                mitosis=found.mitosis,
                revision=revision,
            )
            for number, found in enumerate(fitted.detections, 1)
        ),
        batch_size=2_000,
    )
