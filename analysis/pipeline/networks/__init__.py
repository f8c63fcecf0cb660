"""The networks, each registered once with what is to be known of it; importing this loads no torch.

    registry            what an entry says, and how to find one
    patch_classifier    what those that score a patch have in common
    hybrid              the one that is shipped
    baselines           torchvision's, to compare it with
    finder              proposes places, the first stage
    graphs              the hybrid and the finder as OpenVINO graphs
    image_detector      what those that look at whole images have in common
    box_detectors, efficientdet, sliding, cascades    the others of the paper's Table 1

To add one: its module here, and its entry below.
"""

from typing import TYPE_CHECKING

from analysis.pipeline.networks.registry import (
    CASCADE,
    CLASSES,
    DETECTOR,
    IMAGENET_MEAN,
    IMAGENET_STD,
    INSTALL,
    MITOSIS,
    PATCH_CLASSIFIER,
    Input,
    Network,
    find_network,
    kind_of_version,
    network_names,
    register,
    releasable_networks,
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
    "INSTALL",
    "MITOSIS",
    "PATCH_CLASSIFIER",
    "Input",
    "Network",
    "find_network",
    "kind_of_version",
    "network_names",
    "register",
    "releasable_networks",
]


# How far around a tile those are read that look at whole images: a whole coarse cell of each of them.
WHOLE_IMAGES = Input(px=128, least_px=64)


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
    "efficientnet_b2",
    kind=PATCH_CLASSIFIER,
    parameters=7_703_812,
    licence="BSD-3-Clause (torchvision)",
    target_layer="features.8",
    layers=tuple(f"features.{index}" for index in range(9)),
)
def make_efficientnet_b2() -> "nn.Module":
    from analysis.pipeline.networks.baselines import torchvision_net

    return torchvision_net("efficientnet_b2")


@register(
    "efficientnet_b4",
    kind=PATCH_CLASSIFIER,
    parameters=17_552_202,
    licence="BSD-3-Clause (torchvision)",
    target_layer="features.8",
    layers=tuple(f"features.{index}" for index in range(9)),
)
def make_efficientnet_b4() -> "nn.Module":
    from analysis.pipeline.networks.baselines import torchvision_net

    return torchvision_net("efficientnet_b4")


@register(
    "finder",
    kind=DETECTOR,
    parameters=130_209,
    licence="Apache-2.0",
    input=Input(px=128, mpp=0.5, least_px=4),
    graph=_graph_of_finder,
    is_stage=True,
)
def make_finder() -> "nn.Module":
    from analysis.pipeline.networks.finder import FinderNet

    return FinderNet()


@register(
    "max",
    kind=DETECTOR,
    parameters=23_510_081,
    licence="BSD-3-Clause (torchvision)",
    input=WHOLE_IMAGES,
)
def make_max() -> "nn.Module":
    from analysis.pipeline.networks.sliding import SlidingResNet

    return SlidingResNet()


@register(
    "retinanet",
    kind=DETECTOR,
    parameters=36_352_630,
    licence="BSD-3-Clause (torchvision)",
    input=WHOLE_IMAGES,
)
def make_retinanet() -> "nn.Module":
    from analysis.pipeline.networks.box_detectors import make_retinanet as make

    return make()


@register(
    "efficientdet_d4",
    kind=DETECTOR,
    parameters=20_543_450,
    licence="Apache-2.0 (effdet)",
    input=WHOLE_IMAGES,
    packages=("effdet",),
)
def make_efficientdet_d4() -> "nn.Module":
    from analysis.pipeline.networks.efficientdet import EfficientDetD4

    return EfficientDetD4()


@register(
    "smdetector",
    kind=DETECTOR,
    parameters=60_344_409,
    licence="BSD-3-Clause (torchvision)",
    input=WHOLE_IMAGES,
)
def make_smdetector() -> "nn.Module":
    from analysis.pipeline.networks.box_detectors import make_smdetector as make

    return make()


@register(
    "dhe_mit",
    kind=CASCADE,
    parameters=56_536_091,
    licence="BSD-3-Clause (torchvision), Apache-2.0 (timm)",
    input=WHOLE_IMAGES,
    packages=("timm",),
)
def make_dhe_mit() -> "nn.Module":
    from analysis.pipeline.networks.cascades import MaskedEnsemble

    return MaskedEnsemble()


@register(
    "mdfs",
    kind=CASCADE,
    parameters=70_043_551,
    licence="BSD-3-Clause (torchvision), MIT (segmentation-models-pytorch)",
    input=WHOLE_IMAGES,
    packages=("segmentation_models_pytorch",),
)
def make_mdfs() -> "nn.Module":
    from analysis.pipeline.networks.cascades import FastAndSlow

    return FastAndSlow()
