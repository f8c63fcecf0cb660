import hashlib
import io
import json
import struct
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from analysis.pipeline.cards.card import Elsewhere, read_card, write_card
from analysis.pipeline.cards.store import ModelRefused, find_model, list_models, load_model
from tests.pipeline.makers import random_network, rewrite_card, with_fitting_hash, write_model


def refusal(path) -> str:
    with pytest.raises(ModelRefused) as caught:
        load_model(path)
    assert path.stem in str(caught.value)
    return str(caught.value)


def with_tensors(folder, change) -> object:
    """A model file whose tensors `change` has altered, its card fitting again."""
    path = write_model(folder)
    state = random_network().state_dict()
    change(state)
    path.write_bytes(save(state))
    return with_fitting_hash(path)


def test_a_model_comes_back_as_it_was_written(tmp_path):
    network = random_network(3)
    path = write_model(tmp_path, "mine", network)
    model = load_model(path)
    assert (model.name, model.sha256) == ("mine", hashlib.sha256(path.read_bytes()).hexdigest())
    patch = torch.randn(1, 3, 100, 100)
    with torch.inference_mode():
        assert torch.equal(model.network(patch), network(patch))
    assert not any(p.requires_grad for p in model.network.parameters())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_whatever_it_is_called(tmp_path, zipped):
    path = write_model(tmp_path)
    buffer = io.BytesIO()
    torch.save(random_network().state_dict(), buffer, _use_new_zipfile_serialization=zipped)
    path.write_bytes(buffer.getvalue())
    assert "could run code" in refusal(with_fitting_hash(path))


def test_a_wrong_shape_is_refused(tmp_path):
    path = with_tensors(tmp_path, lambda state: state.update({"head.3.bias": torch.zeros(3)}))
    assert "wrong shape in head.3.bias" in refusal(path)


def test_a_wrong_type_is_refused(tmp_path):
    path = with_tensors(tmp_path, lambda state: state.update({"head.3.bias": torch.zeros(2).double()}))
    assert "wrong type" in refusal(path)


def test_a_missing_or_surplus_tensor_is_refused(tmp_path):
    assert "head.3.bias is missing" in refusal(with_tensors(tmp_path, lambda state: state.pop("head.3.bias")))
    surplus = with_tensors(tmp_path, lambda state: state.update({"extra": torch.zeros(1)}))
    assert "extra does not belong" in refusal(surplus)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(tmp_path, value):
    path = with_tensors(tmp_path, lambda state: state["head.1.weight"].view(-1).__setitem__(7, value))
    assert "no numbers, first in head.1.weight" in refusal(path)


@pytest.mark.parametrize("keep", [0, 5, 3000, -4])
def test_a_file_that_is_cut_off_is_refused(tmp_path, keep):
    path = write_model(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert "cut off" in refusal(with_fitting_hash(path)) or keep in (0, 5)


def test_something_added_at_the_end_is_refused(tmp_path):
    path = write_model(tmp_path)
    path.write_bytes(path.read_bytes() + b"more")
    assert "something added" in refusal(with_fitting_hash(path))


def test_a_huge_header_is_refused_unread(tmp_path):
    path = write_model(tmp_path)
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{" + bytes(100))
    assert "its header would be" in refusal(with_fitting_hash(path))


def test_other_content_than_the_cards_is_refused(tmp_path):
    path = write_model(tmp_path)
    rewrite_card(path, sha256="0" * 64)
    assert "SHA-256 differs" in refusal(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"threshold": 1.2}, "out of range in floor, threshold|threshold"),
        ({"threshold": "high"}, "a number that is none"),
        ({"mpp": 0}, "mpp"),
        ({"std": [0.2, 0.0, 0.2]}, "std"),
        ({"calibration": {"temperature": 0, "bias": 0}}, "calibration"),
        ({"mean": None}, "cannot be read"),
        ({"colour": "blue"}, "cannot be read"),
        ({"architecture": "resnet"}, "does not know"),
    ],
)
def test_a_card_that_would_make_results_wrong_is_refused(tmp_path, change, sentence):
    path = write_model(tmp_path)
    rewrite_card(path, **change)
    with pytest.raises(ModelRefused, match=sentence):
        load_model(path)


def test_weights_without_a_card_are_refused(tmp_path):
    path = write_model(tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(ModelRefused, match="not used without their card"):
        load_model(path)


def test_a_model_is_found_by_name_or_path_and_a_wrong_name_tells_which_there_are(tmp_path):
    path = write_model(tmp_path, "hybrid-9")
    assert find_model("hybrid-9", tmp_path) == path
    assert find_model(str(path), tmp_path / "elsewhere") == path
    with pytest.raises(ModelRefused, match=r"no model hybrid-8; at hand: hybrid-9\."):
        find_model("hybrid-8", tmp_path)


def test_shipped_versions_are_listed_with_their_cards_and_load():
    shipped = list_models()
    assert shipped
    for file in shipped:
        model = load_model(file.path)
        assert model.card.parameters == sum(p.numel() for p in model.network.parameters())
        assert json.loads(file.path.with_suffix(".json").read_text())["metrics"]["left_out"]["mitoses"] > 0
        assert file.card.meant_for == ("breast",)


def test_versions_are_listed_by_their_numbers_so_that_the_last_is_the_newest(tmp_path):
    for name in ("hybrid-0.10", "hybrid-0.9", "hybrid-0.1"):
        write_model(tmp_path, name)
    assert [file.name for file in list_models(tmp_path)] == ["hybrid-0.1", "hybrid-0.9", "hybrid-0.10"]


def test_a_card_says_which_tumours_it_was_made_for(tmp_path):
    path = write_model(tmp_path)
    card = read_card(path.with_suffix(".json"))
    assert "meant_for" not in card.as_json()
    for told, kept in ((("breast", "lung"), ("breast", "lung")), ("breast", ("breast",))):
        path.with_suffix(".json").write_text(json.dumps(card.as_json() | {"meant_for": told}))
        assert read_card(path.with_suffix(".json")).meant_for == kept
    for wrong in ([""], [7]):
        path.with_suffix(".json").write_text(json.dumps(card.as_json() | {"meant_for": wrong}))
        with pytest.raises(ModelRefused, match="meant_for"):
            read_card(path.with_suffix(".json"))


def test_a_card_says_what_a_left_out_scanner_said(tmp_path):
    path = write_model(tmp_path)
    card = read_card(path.with_suffix(".json"))
    assert "elsewhere" not in card.as_json()
    known = Elsewhere(("Aperio CS2",), 0.52, 0.6)
    write_card(replace(card, elsewhere=known), path)
    assert read_card(path.with_suffix(".json")).elsewhere == known
    write_card(replace(card, elsewhere=replace(known, f1=float("inf"))), path)
    with pytest.raises(ModelRefused, match="a number that is none"):
        read_card(path.with_suffix(".json"))
