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


def test_the_shipped_network_prefers_the_mitoses_of_a_real_field(field, run_jobs):
    path, truth = field
    model_versions.register_shipped()
    model = model_versions.in_force(None)
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

    candidates = [place for tile in analysis.tiles_done.all() for place in tile.candidates]
    assert _share(mitoses, candidates, slide) > 0.8
    scored = _share(mitoses, [(row.x_l0, row.y_l0) for row in detections], slide)
    assert scored > 3 * len(detections) / len(candidates)

    explained = analysis.detections.filter(explanation__isnull=False)
    assert explained.filter(mitosis=True).count() == sum(row.mitosis for row in detections)
    png = Image.open(io.BytesIO(explained.order_by("-probability").first().explanation.mitosis_png))
    assert (png.size, png.getextrema()[1]) == ((100, 100), 255)


def _share(mitoses, places, slide) -> float:
    """The part of the labelled mitoses that has a place within reach."""
    near = [point for point in mitoses if any(_distance_um(slide, place, point) <= REACH_UM for place in places)]
    return len(near) / len(mitoses)


def _distance_um(slide, place, point) -> float:
    return math.hypot((place[0] - point.x_l0) * slide.mpp_x, (place[1] - point.y_l0) * slide.mpp_y)
