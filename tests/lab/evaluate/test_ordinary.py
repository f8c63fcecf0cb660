"""What is called in ordinary tissue, on the half of the patients that nothing was trained on."""

from dataclasses import replace

import pytest

from analysis.lab.datasets import tissue
from analysis.lab.errors import DatasetRefused
from analysis.lab.evaluate.ordinary import ordinary_metrics
from tests.lab.source_makers import FRAME_PX, write_tissue


def test_calls_per_mm2_are_of_the_held_back_half_at_the_versions_threshold(model, tmp_path):
    write_tissue(tmp_path, ("TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003"))
    held = tissue.tiles_of(tmp_path, "monuseg", tissue.HELD_BACK)
    assert 0 < len(held) < 3
    everything = ordinary_metrics(replace(model, card=replace(model.card, threshold=0.0, floor=0.0)), tmp_path)
    area_mm2 = len(held) * (FRAME_PX * 0.25e-3) ** 2
    assert everything["tiles"] == len(held)
    assert everything["called"] > 0
    assert everything["false_per_mm2"] == pytest.approx(everything["called"] / area_mm2, abs=1e-3)
    assert set(everything["tiles_with_most"]) == {tile.path.name for tile in held}
    nothing = ordinary_metrics(replace(model, card=replace(model.card, threshold=1.0)), tmp_path)
    assert (nothing["called"], nothing["false_per_mm2"], nothing["threshold"]) == (0, 0.0, 1.0)


def test_data_without_the_tiles_are_refused(model, tmp_path):
    with pytest.raises(DatasetRefused, match=r"There is no .*frames\.csv"):
        ordinary_metrics(model, tmp_path)
