"""Networks to compare the hybrid with: two of the paper's baselines, as torchvision has them, with two outputs.

Both take what the hybrid takes, float (b, 3, h, w), and give two logits (other, mitosis); both average over the whole
map, so any patch of at least 32 px works.
"""

from torch import Tensor, nn
from torchvision import models

from analysis.pipeline.networks.patch_classifier import PatchClassifier
from analysis.pipeline.networks.registry import CLASSES


class TorchvisionNet(PatchClassifier):
    """A classifier of torchvision that is a row of layers, the last of them its head, as the pipeline takes networks.

    Its layers keep their names, so that torchvision's weights fit.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        for name, layer in net.named_children():
            self.add_module(name, layer)

    @property
    def head(self) -> nn.Module:  # type: ignore[override] # the last layer, which keeps torchvision's name
        return list(self.children())[-1]

    def pool_features(self, x: Tensor) -> Tensor:
        """What the head sees: float (b, 3, h, w) → (b, f)."""
        for layer in list(self.children())[:-1]:
            x = layer(x)
        return x.flatten(1)


def torchvision_net(name: str) -> TorchvisionNet:
    """A network of torchvision by its name there, with random weights and two outputs."""
    return TorchvisionNet(models.get_model(name, weights=None, num_classes=len(CLASSES)))
