"""The hybrid network of Farooq et al. (Digital Health 2024, doi 10.1177/20552076241255471): 3,075,348 parameters.

EfficientNet-B0's stem and first two stages, two dilated residual blocks, four ResNet-18 blocks, average pool, two fully
connected layers. The stem's activation is a choice: `silu` as in B0, or `relu6` where it started from
EfficientNet-Lite0's weights, which were trained with it. Both have the same parameters.
"""

import torch
from torch import Tensor, nn

from analysis.pipeline.networks.patch_classifier import PatchClassifier

ACTIVATIONS = {"silu": nn.SiLU, "relu6": nn.ReLU6}


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from the mean of all channels. (b, c, h, w) → the same shape."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(gate)


class StridedDepthwise(nn.Conv2d):
    """A depthwise convolution with a stride, trained in float32: on CPUs its gradient takes five times as long in
    bfloat16, a fifth of the whole network's step.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and torch.is_autocast_enabled(x.device.type)):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    made = StridedDepthwise if groups > 1 and stride > 1 else nn.Conv2d
    return made(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)


class MBConv(nn.Module):
    """Mobile inverted bottleneck with squeeze-and-excitation (EfficientNet, Tan and Le 2019). (b, c_in, h, w) → (b,
    c_out, h/s, w/s).
    """

    def __init__(self, c_in: int, c_out: int, expand: int, stride: int, activation: type[nn.Module]) -> None:
        super().__init__()
        mid, eps = c_in * expand, 1e-3
        layers: list[nn.Module] = []
        if expand > 1:
            layers += [_conv(c_in, mid, 1), nn.BatchNorm2d(mid, eps), activation()]
        layers += [_conv(mid, mid, 3, stride, groups=mid), nn.BatchNorm2d(mid, eps), activation()]
        layers += [SqueezeExcite(mid, max(1, c_in // 4)), _conv(mid, c_out, 1), nn.BatchNorm2d(c_out, eps)]
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)
        return x + out if self.residual else out


class ResidualBlock(nn.Module):
    """ResNet's basic block (He et al. 2016), with dilation. (b, c_in, h, w) → (b, c_out, ceil(h/s), ceil(w/s))."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(c_in, c_out, 3, stride, dilation=dilation), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = _conv(c_out, c_out, 3, dilation=dilation), nn.BatchNorm2d(c_out)
        same = stride == 1 and c_in == c_out
        self.skip = nn.Identity() if same else nn.Sequential(_conv(c_in, c_out, 1, stride), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.skip(x))


class HybridNet(PatchClassifier):
    """Two logits (other, mitosis) for a patch: float (b, 3, 100, 100), RGB normalised by the card's mean and std → (b,
    2).

    `blocks[8]`, the last residual block, is the Grad-CAM target. Any patch of at least 32 px works, since the average
    is taken over the whole map.
    """

    def __init__(self, stem_activation: str = "relu6", dropout: float = 0.2) -> None:
        super().__init__()
        activation = ACTIVATIONS[stem_activation]
        self.blocks = nn.Sequential(
            nn.Sequential(_conv(3, 32, 3, 2), nn.BatchNorm2d(32, 1e-3), activation()),
            MBConv(32, 16, expand=1, stride=1, activation=activation),
            nn.Sequential(MBConv(16, 24, 6, 2, activation), MBConv(24, 24, 6, 1, activation)),
            ResidualBlock(24, 64, dilation=2),
            ResidualBlock(64, 128, dilation=2),
            ResidualBlock(128, 128, stride=2),
            ResidualBlock(128, 128),
            ResidualBlock(128, 256, stride=2),
            ResidualBlock(256, 256),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2))

    def pool_features(self, x: Tensor) -> Tensor:
        """What the head sees: float (b, 3, h, w) → (b, 256), the last block's map averaged."""
        return self.blocks(x).mean((2, 3))
