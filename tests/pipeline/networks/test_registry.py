"""A network is registered in one place, and every step takes it from there."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from analysis.commands.cli import main
from analysis.lab import evaluate, release
from analysis.lab.errors import ConfigRefused
from analysis.lab.train.config import Stage, TrainConfig
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.errors import ModelRefused, PipelineRefused
from analysis.pipeline.explain import explain_places
from analysis.pipeline.networks import (
    CASCADE,
    DETECTOR,
    PATCH_CLASSIFIER,
    Input,
    find_network,
    kind_of_version,
    network_names,
    registry,
    releasable_networks,
)
from analysis.pipeline.networks.patch_classifier import PatchClassifier
from analysis.pipeline.plan import Settings
from analysis.pipeline.run import Detector
from analysis.pipeline.subtypes.features import read_features
from tests.pipeline.makers import as_slide, planted_tissue, rewrite_card

CELLS = [(60.0, 70.0), (160.0, 150.0)]
PX = 64


class ToyNet(PatchClassifier):
    """One convolution, its map averaged, and a head of two logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.head = nn.Linear(4, 2)

    def pool_features(self, x: Tensor) -> Tensor:
        return self.conv(x).relu().mean((2, 3))


TOY = {"kind": PATCH_CLASSIFIER, "parameters": 122, "licence": "Apache-2.0", "input": Input(px=PX)}


@pytest.fixture
def toys(monkeypatch):
    """Two networks beside the product's own, of which one has a layer to explain."""
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    registry.register("toy", target_layer="conv", layers=("conv",), **TOY)(ToyNet)
    registry.register("blind", **TOY)(ToyNet)


def released(folder, network: str):
    """A version of a finished run of a network, made as `mitosis release` makes it."""
    torch.manual_seed(1)
    run = folder / f"{network}-run"
    run.mkdir()
    save_file(find_network(network).build("relu6").state_dict(), run / "weights.safetensors")
    config = {"slides": ["H03"], "network": network, "stem_activation": "relu6"}
    (run / "run.json").write_text(json.dumps({"config": config}))
    points, one = np.column_stack([np.arange(20, 300, 15), np.full(19, 100.0)]), np.array([1.0])
    margins = np.where(np.arange(19) % 3, -2.0, 2.0) + np.linspace(-1, 1, 19)
    frame = evaluate.FrameScores("1.jpg", "H04", (400.0, 200.0), points[::3], points, points, margins, one, -one, -one)
    evaluate.save_scores([frame], folder / "left_out.json", trained_on=["H03"])
    return release.release_version(f"{network}-1", run, [folder / "left_out.json"], folder)


@pytest.mark.parametrize("network", ["toy", *network_names()])
def test_a_registered_network_is_released_loaded_used_and_explained(toys, tmp_path, network):
    weights = released(tmp_path, network)
    model, entry = load_model(weights), find_network(network)
    assert (model.card.architecture, model.card.patch_px) == (network, entry.input.px)
    assert model.card.parameters == sum(p.numel() for p in model.network.parameters()) == entry.parameters
    picture = planted_tissue(260, 240, CELLS)
    cv2.imwrite(str(tmp_path / "field.png"), picture[..., ::-1])
    arguments = ["--mpp", "0.25", "--model", str(weights), "--threshold", "0", "--out", str(tmp_path)]
    assert main(["detect", str(tmp_path / "field.png"), *arguments]) == 0
    found = json.loads((tmp_path / "field.json").read_text())
    assert found["model"] == f"{network}-1"
    assert len(found["detections"]) >= len(CELLS)
    with as_slide(picture, tmp_path) as reader:
        detector = Detector(model, Settings(0.25, 0.25), device="cpu:float32")
        [maps] = explain_places(detector, reader, [CELLS[1]])
    assert maps["mitosis"].shape == maps["other"].shape == (entry.input.px, entry.input.px)
    assert max(heat.max() for heat in maps.values()) == 255


def test_a_network_without_a_layer_to_explain_finds_and_says_so(toys, tmp_path):
    model = load_model(released(tmp_path, "blind"))
    assert model.card.target_layer == ""
    with as_slide(planted_tissue(260, 240, CELLS), tmp_path) as reader:
        detector = Detector(model, Settings(0.25, 0.25), device="cpu:float32")
        with pytest.raises(PipelineRefused, match="blind has no layer whose map could be explained"):
            explain_places(detector, reader, [CELLS[0]])


def test_a_card_with_smaller_patches_than_its_network_takes_is_refused(toys, tmp_path):
    registry.register("large", **TOY | {"input": Input(px=96, least_px=96)})(ToyNet)
    weights = released(tmp_path, "large")
    rewrite_card(weights, patch_px=64)
    with pytest.raises(ModelRefused, match="takes patches of 64 px; large needs 96"):
        load_model(weights)


def test_a_network_without_fine_layers_has_no_heads_of_type_and_phase(toys):
    with pytest.raises(PipelineRefused, match="resnet18 has no layers for heads"):
        card = uncalibrated_card("resnet18", "relu6")
        read_features(find_network("resnet18").build(), card, np.zeros((1, PX, PX, 3), np.uint8))


def test_a_registered_network_can_be_trained_and_an_unknown_one_cannot(toys):
    plain = {"name": "t", "slides": ("H03",), "crops": (), "stages": (Stage(PX, 1),), "start": "random"}
    assert TrainConfig(**plain, network="toy").network == "toy"
    with pytest.raises(ConfigRefused, match="network is 'finder', but there are hybrid, .*toy"):
        TrainConfig(**plain, network="finder")


@pytest.mark.parametrize("name", [*network_names(), *network_names(DETECTOR), *network_names(CASCADE)])
def test_an_entry_says_of_its_network_what_is_so(name):
    entry = find_network(name)
    if entry.missing_packages():
        pytest.skip(f"{name} needs requirements-systems.txt")
    # Shapes alone where nothing is run: some have seventy million parameters.
    with torch.device("cpu" if entry.kind == PATCH_CLASSIFIER else "meta"):
        network = entry.build(*entry.stem_activations[:1])
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    assert {*entry.layers, *entry.fine_layers} <= dict(network.named_modules()).keys()
    assert entry.target_layer is None or entry.target_layer in entry.layers
    if entry.kind == PATCH_CLASSIFIER:
        x = torch.zeros(2, 3, entry.input.least_px, entry.input.least_px)
        network.eval()
        assert torch.equal(network(x), network.head(network.pool_features(x)))


def test_torchvisions_networks_give_what_torchvision_gives():
    from torchvision import models

    for name in ("resnet18", "efficientnet_b0"):
        own, theirs = find_network(name).build().eval(), getattr(models, name)(num_classes=2).eval()
        theirs.load_state_dict(own.state_dict())
        x = torch.rand(2, 3, 64, 64)
        assert torch.equal(own(x), theirs(x))


def test_kinds_are_told_apart_and_a_name_is_taken_once(toys):
    assert "finder" in network_names(DETECTOR)
    assert "finder" not in network_names()
    assert "finder" not in releasable_networks()
    assert {"retinanet", "mdfs", "toy"} <= set(releasable_networks())
    assert kind_of_version("mdfs", has_finder=False) == CASCADE
    assert kind_of_version("toy", has_finder=True) == CASCADE
    assert kind_of_version("toy", has_finder=False) == PATCH_CLASSIFIER
    with pytest.raises(ValueError, match="a network toy already"):
        registry.register("toy", **TOY)(ToyNet)
    with pytest.raises(PipelineRefused, match="no network resnet81; there are .*did you mean resnet18"):
        find_network("resnet81")


def test_the_registry_loads_no_torch():
    code = "import sys, analysis.pipeline.networks, analysis.pipeline.plan; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
