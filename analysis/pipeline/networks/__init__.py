"""The networks, each registered once with what is to be known of it; importing this loads no torch.

    registry            what an entry says, and how to find one
    patch_classifier    what those that score a patch have in common
    hybrid              the one that is shipped
    baselines           torchvision's, to compare it with
    finder              proposes places, the first stage
    graphs              the hybrid and the finder as OpenVINO graphs

To add one: its module here, and its entry below.
"""

from typing import TYPE_CHECKING

from analysis.pipeline.networks.registry import (
    CASCADE,
    CLASSES,
    DETECTOR,
    IMAGENET_MEAN,
    IMAGENET_STD,
    MITOSIS,
    PATCH_CLASSIFIER,
    Input,
    Network,
    find_network,
    kind_of_version,
    network_names,
    register,
)

if TYPE_CHECKING:
    from torch import nn

    from analysis.pipeline.networks.graphs import Make as MakeGraph

__all__ = [
    "CASCADE",
    "CLASSES",
    "DETECTOR",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MITOSIS",
    "PATCH_CLASSIFIER",
    "Input",
    "Network",
    "find_network",
    "kind_of_version",
    "network_names",
    "register",
]


def _graph_of_hybrid(stem_activation: str) -> "MakeGraph":
    from analysis.pipeline.networks.graphs import hybrid_graph

    return hybrid_graph(stem_activation)


def _graph_of_finder(_: str) -> "MakeGraph":
    from analysis.pipeline.networks.graphs import finder_graph

    return finder_graph


@register(
    "hybrid",
    kind=PATCH_CLASSIFIER,
    parameters=3_075_348,
    licence="Apache-2.0; starts from EfficientNet-Lite0 (Apache-2.0) or torchvision's EfficientNet-B0 (BSD-3-Clause)",
    target_layer="blocks.8",
    layers=tuple(f"blocks.{index}" for index in range(9)),
    fine_layers=("blocks.4", "blocks.6"),
    stem_activations=("relu6", "silu"),
    starts=("lite0", "b0"),
    graph=_graph_of_hybrid,
)
def make_hybrid(stem_activation: str = "relu6") -> "nn.Module":
    from analysis.pipeline.networks.hybrid import HybridNet

    return HybridNet(stem_activation)


@register(
    "resnet18",
    kind=PATCH_CLASSIFIER,
    parameters=11_177_538,
    licence="BSD-3-Clause (torchvision)",
    target_layer="layer4",
    layers=("layer1", "layer2", "layer3", "layer4"),
    starts=("resnet18",),
)
def make_resnet18() -> "nn.Module":
    from analysis.pipeline.networks.baselines import torchvision_net

    return torchvision_net("resnet18")


@register(
    "efficientnet_b0",
    kind=PATCH_CLASSIFIER,
    parameters=4_010_110,
    licence="BSD-3-Clause (torchvision)",
    target_layer="features.8",
    layers=tuple(f"features.{index}" for index in range(9)),
    starts=("b0",),
)
def make_efficientnet_b0() -> "nn.Module":
    from analysis.pipeline.networks.baselines import torchvision_net

    return torchvision_net("efficientnet_b0")


@register(
    "finder",
    kind=DETECTOR,
    parameters=130_209,
    licence="Apache-2.0",
    input=Input(px=128, mpp=0.5, least_px=4),
    graph=_graph_of_finder,
)
def make_finder() -> "nn.Module":
    from analysis.pipeline.networks.finder import FinderNet

    return FinderNet()
