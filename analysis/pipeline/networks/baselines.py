"""Networks to compare the hybrid with: two of the paper's baselines, as torchvision has them, with two outputs.

Both take what the hybrid takes, float (b, 3, h, w), and give two logits (other, mitosis); both average over the whole
map, so any patch of at least 32 px works.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

NETWORKS = ("hybrid", "resnet18", "efficientnet_b0")


def make_network(name: str, stem_activation: str = "relu6") -> "nn.Module":
    """A network by name, with random weights; `stem_activation` is of the hybrid alone. Raises KeyError as a dict
    does.
    """
    from torchvision import models

    from analysis.pipeline.networks.hybrid import CLASSES, HybridNet

    if name == "hybrid":
        return HybridNet(stem_activation)
    kinds = {"resnet18": models.resnet18, "efficientnet_b0": models.efficientnet_b0}
    return kinds[name](weights=None, num_classes=len(CLASSES))
