"""What a change of colour costs is measured at the margin that is best without it."""

import numpy as np
import pytest

from analysis.pipeline.datasets import LOOK_ALIKE, MITOSIS, NUCLEUS, Source, as_points
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.evaluate import FrameScores
from analysis.pipeline.reproduce import colours
from analysis.pipeline.stain import haematoxylin
from tests.pipeline.makers import planted_tissue

NOWHERE = np.zeros((0, 2))


@pytest.fixture
def tissue() -> np.ndarray:
    return planted_tissue(200, 200, [(60.0, 60.0), (140.0, 120.0)])


def scores(on_mitoses: list[float], on_look_alikes: list[float]) -> FrameScores:
    margins = (np.array(on_mitoses), np.array(on_look_alikes), np.array(on_look_alikes))
    return FrameScores("f", "H03", (100.0, 100.0), NOWHERE, NOWHERE, NOWHERE, np.zeros(0), *margins)


def test_stains_are_made_stronger_and_weaker_and_one_means_unchanged(tissue):
    assert np.abs(colours.stains_changed(tissue, 1.0, 1.0).astype(int) - tissue).max() <= 1
    stronger, weaker = colours.stains_changed(tissue, 1.3, 1.0), colours.stains_changed(tissue, 0.7, 1.0)
    assert haematoxylin(stronger).mean() > haematoxylin(tissue).mean() > haematoxylin(weaker).mean()


def test_a_shift_of_all_scores_costs_and_the_same_scores_cost_nothing():
    plain = scores([2.0, 3.0, 4.0], [-2.0, -3.0])
    shifted = scores([-1.0, 0.0, 1.0], [-5.0, -6.0])
    found = colours.figures({colours.AS_IS: [plain], "same": [plain], "shifted": [shifted]})
    assert found["changes"]["same"]["f1_drop"] == 0
    assert found["worst"] == "shifted"
    assert found["worst_drop"] == pytest.approx(1 - found["changes"]["shifted"]["f1"], abs=1e-3)


def test_scores_of_the_unchanged_slides_are_needed():
    with pytest.raises(PipelineRefused, match="as they are"):
        colours.figures({"shifted": [scores([1.0], [0.0])]})


def test_every_change_is_of_all_images_and_leaves_the_places(tissue):
    points = {MITOSIS: as_points([(0, 60, 60)]), LOOK_ALIKE: as_points([]), NUCLEUS: as_points([(0, 140, 120)])}
    source = Source("H03", "frame", 0.25, [tissue], points, [])
    found = dict(colours.changes(source, "none"))
    assert len(found) == 5
    assert np.array_equal(found[colours.AS_IS].images[0], tissue)
    for name, changed in found.items():
        assert changed.points is points
        assert name == colours.AS_IS or not np.array_equal(changed.images[0], tissue)
