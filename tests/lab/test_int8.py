"""What goes into a version's layers, and the same network computing in int8 with it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.lab import int8 as calibration
from analysis.pipeline.cards.card import TORCH_FORMATS, FinderUse
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.engines import int8, open_engine
from analysis.pipeline.errors import ModelRefused, PipelineRefused
from tests.pipeline.makers import planted_tissue, random_finder, random_network, write_model


@pytest.fixture
def model(tmp_path):
    use = FinderUse(threshold=-4.1, weight=0.5, parameters=130_209)
    formats = (*TORCH_FORMATS, "openvino-float32", "openvino-int8")
    path = write_model(tmp_path, network=random_network(2), finder=random_finder(3), use=use, formats=formats)
    return load_model(path)


@pytest.fixture
def patches():
    cells = [(x, y) for y in range(50, 250, 100) for x in range(50, 850, 100)]
    tissue = planted_tissue(900, 250, cells, radius=9)
    return np.stack([tissue[y - 50 : y + 50, x - 50 : x + 50] for x, y in cells])


def test_in_int8_with_the_ranges_that_were_seen_scores_stay_close(model, patches, tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "FOLDER", tmp_path / "int8")
    with calibration.watch_inputs(model) as seen:
        exact = open_engine(model, "cpu:float32")
        margins, features = exact.score(patches)
        logits = exact.map_logits(patches[0])
    assert not any(layer._forward_pre_hooks for layer in model.network.modules())
    ranges = {name: (min(low), max(high)) for name, (low, high) in seen.items()}
    assert {name.split(".")[0] for name in ranges} == {"blocks", "finder"} and len(ranges) > 20
    int8.save_ranges(int8.Int8Ranges(model.sha256, ranges, ["made"], len(patches)), tmp_path / "int8" / "random.json")
    coarse = open_engine(model, "cpu:openvino-int8")
    assert coarse.name.endswith("OpenVINO int8")
    others, other_features = coarse.score(patches)
    assert not np.array_equal(margins, others), "nothing was computed in int8"
    assert np.abs(margins - others).max() < 0.25 * np.abs(margins).max()
    assert np.abs(features - other_features).mean() < 0.1 * features.mean()
    assert np.abs(logits - coarse.map_logits(patches[0])).max() < 0.5


def test_a_network_that_openvino_does_not_run_has_no_ranges(model, tmp_path):
    other = replace(model, card=replace(model.card, name="other-1", architecture="max"))
    with pytest.raises(PipelineRefused, match="is a max, which OpenVINO does not run in int8"):
        calibration.calibrate(other, tmp_path)


def test_ranges_of_other_weights_or_without_sense_are_refused(model, tmp_path):
    folder = tmp_path / "ranges"
    with pytest.raises(ModelRefused, match="no int8 ranges for these weights"):
        int8.load_ranges(model.sha256, folder)
    int8.save_ranges(int8.Int8Ranges("else", {"a": (0.0, 1.0)}, [], 0), folder / "a.json")
    with pytest.raises(ModelRefused, match="no int8 ranges for these weights"):
        int8.load_ranges(model.sha256, folder)
    int8.save_ranges(int8.Int8Ranges(model.sha256, {"a": (1.0, 1.0)}, [], 0), folder / "b.json")
    with pytest.raises(ModelRefused, match="b.json hold an empty range"):
        int8.load_ranges(model.sha256, folder)
    (folder / "a.json").write_text(json.dumps({"sha256": 1}))
    with pytest.raises(ModelRefused, match="a.json cannot be read"):
        int8.load_ranges(model.sha256, folder)
