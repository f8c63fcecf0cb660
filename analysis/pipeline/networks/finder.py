"""The finder's network: two strided convolutions, then residual blocks at 2 µm per cell, partly dilated.

Everything is convolution with fixed statistics, so away from borders a cell's logit depends on the 107 px (54 µm) about
it and on nothing else, and a large image gives the same map as its overlapping pieces.
"""

import torch
from torch import Tensor, nn

CHANNELS = 40
DILATIONS = (1, 2, 2, 1)


def _conv(c_in: int, c_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class Block(nn.Module):
    """Two dilated 3 x 3 convolutions and a shortcut. (b, c, h, w) → the same shape."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.one, self.two = _conv(channels, channels, 1, dilation), _conv(channels, channels, 1, dilation)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.two(torch.relu(self.one(x))))


class FinderNet(nn.Module):
    """Logit maps: float (b, 3, h, w), RGB normalised, h and w multiples of 4 → float (b, h/4, w/4)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, 16, 2), nn.ReLU(), _conv(16, 24), nn.ReLU(), _conv(24, CHANNELS, 2), nn.ReLU()
        )
        self.body = nn.Sequential(*(Block(CHANNELS, dilation) for dilation in DILATIONS))
        last = nn.Conv2d(CHANNELS, 1, 1)
        self.head = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 1), nn.ReLU(), last)
        # Rare at the start as in life, so that the first steps are not spent on learning that.
        nn.init.constant_(last.get_parameter("bias"), -4.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))[:, 0]

    def features(self, x: Tensor) -> Tensor:
        """What the head looks at: float (b, 40, h/4, w/4)."""
        return self.body(self.stem(x))
