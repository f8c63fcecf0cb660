"""The shipped network on real tissue, through the product.

The frame is of a slide it was trained on: this tests the way through the product, not the network, and leaves the slide
kept for reporting unlooked at.
"""

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from analysis.models import Analysis
from analysis.pipeline.proposers.darkest import dark_spots
from analysis.pipeline.slide_grid import half_scale
from analysis.services import model_versions, runs
from tests.factories import RegionFactory, SlideFactory, UserFactory, write_tiff

pytestmark = [pytest.mark.django_db, pytest.mark.needs_data, pytest.mark.timeout(900)]

REACH_UM = 7.5
MPP = 0.2273


class Point(NamedTuple):
    x_l0: float
    y_l0: float


@pytest.fixture
def frame(data_dir, tmp_path) -> tuple[Path, list[Point]]:
    """The frame of slide H04 with the most labelled mitoses as a slide of its own, and those."""
    folder = data_dir / "mitos14"
    mitoses: dict[str, list[Point]] = {}
    with (folder / "annotations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["slide"] == "H04" and row["label"] == "mitosis":
                mitoses.setdefault(row["frame"], []).append(Point(float(row["x"]), float(row["y"])))
    name = max(mitoses, key=lambda name: len(mitoses[name]))
    pixels = np.asarray(Image.open(folder / "frames" / name).convert("RGB"))
    return write_tiff(tmp_path / "frame.tif", pixels, (MPP, MPP)), mitoses[name]


def test_the_shipped_network_prefers_the_mitoses_of_a_real_frame(frame, run_jobs):
    path, mitoses = frame
    model_versions.register_shipped()
    model = model_versions.find_active_model(None)
    slide = SlideFactory(file=path)
    x, y, right, bottom = 0, 0, slide.width, slide.height
    region = RegionFactory(slide=slide, polygon=[[x, y], [right, y], [right, bottom], [x, bottom]])
    analysis = runs.start_analysis(slide, UserFactory(), region=region)
    run_jobs("compute")

    analysis = Analysis.objects.with_facts().get(pk=analysis.pk)
    assert runs.analysis_state(analysis) == "done", analysis.job.log
    assert (analysis.model, analysis.model_sha256) == (model, model.card["sha256"])
    assert analysis.area_mm2 == pytest.approx(0.127, rel=0.1)
    detections = list(analysis.detections.all())
    assert all(x <= row.x_l0 <= right and y <= row.y_l0 <= bottom for row in detections)
    assert all(row.mitosis == (row.probability >= model.threshold) for row in detections)
    assert analysis.candidates > len(detections) > 0

    # Each stage drops far more of what is no mitosis than of the mitoses: most dark nuclei fall to the finder already.
    candidates = [place for tile in analysis.tiles_done.all() for place in tile.candidates]
    scored = [(row.x_l0, row.y_l0) for row in detections]
    called = [(row.x_l0, row.y_l0) for row in detections if row.mitosis]
    proposed = _share(mitoses, candidates, slide)
    assert proposed > 0.8
    assert _share(mitoses, scored, slide) > 0.8 * proposed
    dark_nuclei, _ = dark_spots(half_scale(np.asarray(Image.open(path))))
    assert len(candidates) < 0.3 * len(dark_nuclei)
    others = _away(mitoses, candidates, slide)
    assert others > 3, "the frame has too few other candidates to say anything"
    assert _away(mitoses, scored, slide) < 0.6 * others
    assert _away(mitoses, called, slide) < 0.4 * others

    explained = analysis.detections.filter(explanation__isnull=False)
    assert explained.filter(mitosis=True).count() == sum(row.mitosis for row in detections)
    png = Image.open(io.BytesIO(explained.order_by("-probability").first().explanation.mitosis_png))
    assert (png.size, png.getextrema()[1]) == ((100, 100), 255)


def _share(mitoses, places, slide) -> float:
    """The part of the labelled mitoses that has a place within reach."""
    near = [point for point in mitoses if any(_distance_um(slide, place, point) <= REACH_UM for place in places)]
    return len(near) / len(mitoses)


def _away(mitoses, places, slide) -> int:
    """How many places have no labelled mitosis within reach."""
    return sum(all(_distance_um(slide, place, point) > REACH_UM for point in mitoses) for place in places)


def _distance_um(slide, place, point) -> float:
    return math.hypot((place[0] - point.x_l0) * slide.mpp_x, (place[1] - point.y_l0) * slide.mpp_y)
