"""Grad-CAM maps and the hint made along with them: which ones a detection has, ask for those it lacks, keep them."""

import io
import uuid
from collections.abc import Sequence

import numpy as np
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Abs
from PIL import Image

from analysis.models import Analysis, Detection, Explanation
from analysis.services import revisions
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job

KIND = "explanation.make"
STRIP = 50  # detections just below the threshold that are explained with the analysis
BATCH = 16  # maps made at once; readers walk along the list, so a request for one makes its neighbours too

READY, QUEUED, NONE = "ready", "queued", "none"
IMPORTED = "imported: no network to explain it"


def make_job_id(detection: Detection) -> uuid.UUID:
    """Jobs name their object by a UUID, detections have a number: the same 128 bits."""
    return uuid.UUID(int=detection.pk)


def read_detection_id(object_id: uuid.UUID) -> int:
    return object_id.int


def find_map_state(detection: Detection) -> tuple[str, str]:
    """ready, queued or none, and a sentence when the last try failed.

    A detection that nobody asked for may be among those that follow the analysis; then that job's word counts.
    """
    if Explanation.objects.filter(detection=detection).exists():
        return READY, ""
    if not can_be_explained(detection.analysis):
        return NONE, IMPORTED
    job = Job.objects.filter(idempotency_key=_make_key(detection)).first()
    if job is None:
        job = detection.analysis.follow_up
        if job is None or not due_with_the_analysis(detection.analysis).filter(pk=detection.pk).exists():
            return NONE, ""
    return (NONE, job.message) if job.ended else (QUEUED, job.message or describe_step(job))


def can_be_explained(analysis: Analysis) -> bool:
    """Whether the network that found its detections is one of ours."""
    return analysis.model_id is not None


def describe_step(job: Job) -> str:
    """What a running job of explanations does: "Making explanations: 16 of 48."."""
    done, total = job.step_progress
    return f"{job.step}: {done} of {total}." if job.step and total else ""


def enqueue_maps(detection: Detection, user) -> tuple[str, str]:
    """Have the maps made if they are not there yet. Asking again while they are being made changes nothing."""
    if Explanation.objects.filter(detection=detection).exists():
        return READY, ""
    if not can_be_explained(detection.analysis):
        return NONE, IMPORTED
    team = detection.analysis.slide.case.team
    job = core.enqueue(KIND, make_job_id(detection), team=team, created_by=user, idempotency_key=_make_key(detection))
    if job.ended:
        core.retry(job, user)
    return find_map_state(detection)


def wanted_with_the_analysis(analysis: Analysis) -> QuerySet:
    """Detections to explain when the tiles are in: those called mitosis and the strip just below, those first whose
    call could most easily have gone the other way."""
    if analysis.model is None or not analysis.model.card.get("target_layer"):
        return analysis.detections.none()  # its network cannot be explained; who asks for one map is told so
    strip = analysis.detections.filter(mitosis=False, probability__gte=analysis.threshold / 2).order_by("-probability")
    wanted = analysis.detections.filter(Q(mitosis=True) | Q(pk__in=strip.values("pk")[:STRIP]))
    return wanted.order_by(Abs(F("probability") - analysis.threshold), "number")


def due_with_the_analysis(analysis: Analysis) -> QuerySet:
    """Of the wanted ones those that have no maps yet, in the same order."""
    return wanted_with_the_analysis(analysis).filter(explanation=None)


def due_around(detection: Detection) -> QuerySet:
    """The detection and those that come next in order of probability, as far as they lack maps."""
    return detection.analysis.detections.filter(
        Q(pk=detection.pk) | Q(probability__lt=detection.probability), explanation=None
    ).order_by("-probability", "number")[:BATCH]


def list_hints(analysis: Analysis) -> list[dict]:
    """The hints of type and phase that were made so far, by detection."""
    rows = Explanation.objects.filter(detection__analysis=analysis, subtype_hint__isnull=False)
    hints = rows.order_by("detection_id").values_list("detection_id", "subtype_hint")
    return [{"detection": pk, "subtype": hint["subtype"], "phase": hint["phase"]} for pk, hint in hints]


def keep_maps(
    analysis_id: uuid.UUID,
    detections: Sequence[Detection],
    maps: Sequence[dict],
    hints: Sequence[dict | None],
    target_layer: str,
) -> None:
    """Store maps {"mitosis", "other": uint8 (100, 100)} and hints of type and phase, None where the model gives none.

    Inside a transaction; what is there already stays.
    """
    revision = revisions.take_revision(analysis_id)  # first: its lock keeps two jobs from storing the same map
    known = set(Explanation.objects.filter(detection__in=detections).values_list("detection_id", flat=True))
    rows = zip(detections, maps, hints, strict=True)
    new = [(detection, pair, hint) for detection, pair, hint in rows if detection.pk not in known]
    Explanation.objects.bulk_create(
        Explanation(
            detection=detection,
            mitosis_png=_encode_png(pair["mitosis"]),
            other_png=_encode_png(pair["other"]),
            target_layer=target_layer,
            subtype_hint=hint,
            revision=revision,
        )
        for detection, pair, hint in new
    )


def _make_key(detection: Detection) -> str:
    return f"explanation:{detection.pk}"


def _encode_png(grey: np.ndarray) -> bytes:
    """uint8 (h, w) as a grey PNG."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()
