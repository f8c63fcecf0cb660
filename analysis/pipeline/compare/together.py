"""Several networks as one, and what that gains over each of them alone."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from analysis.pipeline.compare.scores import average_precision, interval
from analysis.pipeline.evaluate import FrameScores


class Together(nn.Module):
    """The mean of the logits of several networks that take the same windows: (n, 3, px, px) to (n, 2)."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return torch.stack([network(windows) for network in self.networks]).mean(dim=0)


def gain(together: Sequence[FrameScores], alone: Sequence[Sequence[FrameScores]]) -> dict[str, object]:
    """By how much the average precision of all together exceeds the mean of each alone, on the same frames.

    The interval is of the difference, the same frames drawn for all of them.
    """

    def difference(drawn: Sequence[int]) -> float:
        each = [average_precision([frames[i] for i in drawn]) for frames in alone]
        return average_precision([together[i] for i in drawn]) - float(np.mean(each))

    return {
        "average_precision": round(difference(range(len(together))), 4),
        "average_precision_95_by_frame": interval(together, difference),
    }
