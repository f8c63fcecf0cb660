"""Heads on disk: what is read back, what is refused."""

import json

import numpy as np
import pytest

from analysis.pipeline.cards.store import list_models
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.subtypes import LENGTH
from analysis.pipeline.subtypes.hints import hints_of
from analysis.pipeline.subtypes.store import FOLDER, heads_for, load_heads, save_heads
from tests.pipeline.subtypes.makers import some_heads

OURS, ANOTHER = "a" * 64, "b" * 64


@pytest.fixture
def saved(tmp_path):
    return save_heads(some_heads(OURS), tmp_path)


def test_heads_come_back_as_they_were(saved):
    heads, features = some_heads(OURS), np.random.default_rng(1).normal(size=(3, LENGTH))
    again = load_heads(saved, OURS)
    np.testing.assert_array_equal(again.phase.probabilities(features), heads.phase.probabilities(features))
    assert (again.name, again.metrics) == (heads.name, heads.metrics)
    assert heads_for(OURS, saved.parent).sha256 == again.sha256


def test_heads_of_another_network_are_refused_and_not_found(saved):
    with pytest.raises(ModelRefused, match="belongs to another network; fit one for this with mitosis subtypes fit"):
        load_heads(saved, ANOTHER)
    assert heads_for(ANOTHER, saved.parent) is None


def test_weights_that_are_not_those_of_the_card_are_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelRefused, match="SHA-256"):
        heads_for(OURS, saved.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": {"subtype": 0, "phase": 1}}, "not above 0 in subtype"),
        ({"classes": {"subtype": ["normal", "odd"], "phase": []}}, "other classes"),
        ({"metrics": None}, None),
    ],
)
def test_a_card_that_was_altered_is_refused(saved, change, message):
    path = saved.with_suffix(".json")
    card = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))
    with pytest.raises(ModelRefused, match=message or "lacks 'metrics'"):
        load_heads(saved, OURS)


def test_a_card_that_is_no_json_is_refused(saved):
    saved.with_suffix(".json").write_text("{")
    with pytest.raises(ModelRefused, match="cannot be read"):
        heads_for(OURS, saved.parent)


def test_missing_weights_are_refused(saved):
    saved.unlink()
    with pytest.raises(ModelRefused, match="cannot be read"):
        heads_for(OURS, saved.parent)


def test_heads_of_other_features_give_no_hint():
    with pytest.raises(ModelRefused, match="other features"):
        hints_of(some_heads(OURS, features="older"), np.zeros((1, LENGTH), np.float32))


def test_a_hint_names_every_class_with_its_probability():
    features = np.random.default_rng(2).normal(size=(2, LENGTH)).astype(np.float32)
    first, second = hints_of(some_heads(OURS), features)
    assert set(first["subtype"]) == {"normal", "atypical"}
    assert sum(first["phase"].values()) == pytest.approx(1, abs=0.002)
    assert first["balanced_accuracy"] == {"subtype": 0.75, "phase": 0.75}
    assert first != second
    json.dumps(first)


def test_heads_that_are_shipped_belong_to_a_shipped_network_and_are_no_network_themselves():
    shipped = {model.sha256 for model in list_models()}
    for path in FOLDER.glob("*.json"):
        card = json.loads(path.read_text())
        assert card["network_sha256"] in shipped
        assert heads_for(card["network_sha256"]).metrics["subtype"]["balanced_accuracy"] > 0.5
