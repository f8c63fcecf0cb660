"""People, detections and verdicts as tests of the review make them."""

import uuid

import numpy as np
from django.db import transaction
from rest_framework.test import APIClient

from analysis.models import Analysis, Comment, Detection
from analysis.services import comments, review, revisions
from mitoweb.people.models import User


def client(user: User | None = None) -> APIClient:
    found = APIClient()
    if user is not None:
        found.force_authenticate(user)
    return found


def url(analysis: Analysis, action: str) -> str:
    return f"/api/analyses/{analysis.pk}/{action}"


def judge(detection: Detection, reader: User, label: str, reason: str = "", **more):
    """Give a verdict as the API does."""
    return review.give_verdict(
        detection.analysis, reader, uuid.uuid4(), detection=detection.pk, label=label, reason=reason, **more
    ).verdict


def comment_on(detection: Detection, author: User, text: str, **more) -> Comment:
    """Say something of a detection as the API does."""
    analysis, identity = detection.analysis, uuid.uuid4()
    return comments.say_comment(analysis, author, identity, detection=detection.pk, text=text, **more).comment


def add_detections(analysis: Analysis, points, probabilities) -> list[Detection]:
    """Many at once, in one revision, as a tile stores them."""
    with transaction.atomic():
        revision = revisions.take_revision(analysis.pk)
        first = analysis.detections.count() + 1
        return Detection.objects.bulk_create(
            Detection(
                analysis=analysis,
                number=number,
                tile_index=0,
                x_l0=float(x),
                y_l0=float(y),
                probability=float(probability),
                mitosis=bool(probability >= analysis.threshold),
                revision=revision,
            )
            for number, ((x, y), probability) in enumerate(zip(points, probabilities, strict=True), first)
        )


def on_a_large_slide(analysis: Analysis, width: int = 16_000, height: int = 12_000, mpp: float = 0.25) -> Analysis:
    """Make the rows speak of a slide of 12 mm², all tissue: the sweep needs room, the pixels are not asked for."""
    slide = analysis.slide
    slide.width, slide.height, slide.mpp_x, slide.mpp_y = width, height, mpp, mpp
    slide.save()
    analysis.mpp_x = analysis.mpp_y = mpp
    analysis.tissue = [[[0, 0], [width, 0], [width, height], [0, height]]]
    analysis.area_mm2 = width * height * mpp**2 / 1e6
    analysis.save()
    return analysis


def random_points(count: int, width: int = 16_000, height: int = 12_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 2)) * [width, height]
