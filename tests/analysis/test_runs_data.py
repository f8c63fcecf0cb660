"""The shipped network on real tissue, through the product: one frame of the H05 field as a region."""

import io
import math
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from analysis.models import Analysis
from analysis.services import model_versions, runs
from slides.demo import frames
from slides.demo.pyramid import Truth
from tests.factories import RegionFactory, SlideFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.needs_data, pytest.mark.timeout(900)]

REACH_UM = 7.5


@pytest.fixture(scope="module")
def field(data_dir) -> tuple[Path, Truth]:
    """The field H05_03, 2.04 mm² of breast with its labelled mitoses."""
    folder = data_dir / "mitos14"
    path, truth = frames.build_joined(frames.field_slide(folder), folder, Path(settings.VAR_DIR) / "demo")
    return path, Truth.read(truth)


def busiest_frame(truth: Truth) -> tuple[float, float, list]:
    """Left and top in level-0 px of the frame with the most mitoses, and those."""
    cells: dict[tuple[int, int], list] = {}
    for point in truth.points:
        if point.label == "mitosis":
            cell = (int(point.x_l0 // frames.FRAME_W), int(point.y_l0 // frames.FRAME_H))
            cells.setdefault(cell, []).append(point)
    (column, row), points = max(cells.items(), key=lambda item: len(item[1]))
    return column * frames.FRAME_W, row * frames.FRAME_H, points


def test_the_shipped_network_finds_mitoses_of_a_real_field(field, run_jobs):
    path, truth = field
    [model, *_] = model_versions.register_shipped()
    slide = SlideFactory(file=path)
    x, y, mitoses = busiest_frame(truth)
    right, bottom = x + frames.FRAME_W, y + frames.FRAME_H
    region = RegionFactory(slide=slide, polygon=[[x, y], [right, y], [right, bottom], [x, bottom]])
    analysis = runs.start(slide, UserFactory(), region=region)
    run_jobs("compute")

    analysis = Analysis.objects.with_facts().get(pk=analysis.pk)
    assert runs.state_of(analysis) == "done", analysis.job.log
    assert (analysis.model, analysis.model_sha256) == (model, model.card["sha256"])
    assert analysis.area_mm2 == pytest.approx(0.127, rel=0.1)
    detections = list(analysis.detections.all())
    assert all(x <= row.x_l0 <= right and y <= row.y_l0 <= bottom for row in detections)
    assert all(row.mitosis == (row.probability >= model.threshold) for row in detections)
    assert analysis.candidates > len(detections) > 0

    calls = [row for row in detections if row.mitosis]
    found = [point for point in mitoses if any(_distance_um(slide, row, point) <= REACH_UM for row in calls)]
    assert len(mitoses) >= 4
    assert found
    maps = Image.open(io.BytesIO(calls[0].explanation.mitosis_png))
    assert (maps.size, maps.getextrema()[1]) == ((100, 100), 255)


def _distance_um(slide, detection, point) -> float:
    return math.hypot((detection.x_l0 - point.x_l0) * slide.mpp_x, (detection.y_l0 - point.y_l0) * slide.mpp_y)
