"""Frames are graded against limits that their own slide had no part in."""

import numpy as np
import pytest

from analysis.lab.datasets import frames
from analysis.lab.ood import fit, measured
from analysis.pipeline.cards.store import load_model
from tests.pipeline.makers import write_model
from tests.pipeline.ood.makers import with_few_crops


@pytest.mark.needs_data
def test_every_frame_is_graded_under_every_change_and_blur_is_noticed(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "FRAMES_PER_SLIDE", 1)
    monkeypatch.setattr(fit, "SCORED_FRAMES_PER_SLIDE", 1)
    monkeypatch.setattr(fit, "WINDOWS_PER_GROUP", 8)
    monkeypatch.setattr(frames, "TRAINING_SLIDES", ("H14", "H15"))
    blurred = "out of focus, blurred by 4 px"
    monkeypatch.setattr(measured, "CHANGES", {name: measured.CHANGES[name] for name in (measured.AS_IS, blurred)})
    found = measured.ood_metrics(load_model(write_model(tmp_path, "tiny")), with_few_crops(data_dir, tmp_path / "data"))
    assert {name: sum(row.values()) for name, row in found["grades"].items()} == {measured.AS_IS: 2, blurred: 2}
    assert found["grades"][blurred]["ok"] == 0, "a blurred frame passed for a sharp one"


def test_how_far_is_far_is_read_from_slides_against_the_others(tmp_path):
    rng = np.random.default_rng(0)
    near = {name: rng.normal(0, 1, (400, 40)) for name in ("a", "b", "c")}
    apart = near | {"c": near["c"] + 3}
    rows = [{"candidates": 5, "unsure": 0, "candidates_per_mm2": 400.0, "mitoses_per_mm2": 5.0}] * 3
    model = load_model(write_model(tmp_path, "tiny"))
    far = [fit.network_limits(model, rows, features, "made up").far for features in (near, apart)]
    assert far[1] > 1.3 * far[0], "a slide unlike the others is not told from one like them"
