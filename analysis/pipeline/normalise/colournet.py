"""The network of StainNet: three layers that map one colour to one colour, trained and applied in numpy.

1x1 convolutions 3-32-32-3 with ReLU between, 1,283 parameters, input and output in [-1, 1] (Kang et al., Front Med
2021). In numpy rather than torch: the batches are so small that no library shares them out among threads,
so one sample and one seed give one network on any number of cores, and a job that was stopped goes on with the same
colours.
"""

import math
from dataclasses import dataclass

import numpy as np

WIDTHS = (3, 32, 32, 3)
PARAMETERS = sum((before + 1) * after for before, after in zip(WIDTHS[:-1], WIDTHS[1:], strict=True))
# 256 x 32 x 32 multiplications: the most that OpenBLAS leaves to one thread.
BATCH, STEPS, LEARNING_RATE = 256, 2000, 1e-2
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
# Grid of colours 5 levels apart, 0 and 255 among them; between them the net's table is interpolated.
NODES, LEVELS = 52, 256


@dataclass(frozen=True)
class ColourNet:
    """Weights (after, before) and biases (after,), float32, of the three layers."""

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __call__(self, colours: np.ndarray) -> np.ndarray:
        """float32 (n, 3) RGB levels in [0, 255] → float32 (n, 3), not clipped."""
        return _from_unit(_forward(self, _to_unit(colours))[-1])


def train_net(colours: np.ndarray, wanted: np.ndarray, seed: int = 0, steps: int = STEPS) -> ColourNet:
    """A net that maps `colours` to `wanted`, both (n, 3) RGB levels, by L1, Adam and a cosine from 0.01 to 0.

    About a second on one core. The same input and seed give the same net.
    """
    rng = np.random.default_rng(seed)
    inputs, targets = _to_unit(colours), _to_unit(wanted)
    # Weights as torch starts a convolution: uniform within one over the root of the layer's inputs.
    weights, biases = [], []
    for before, after in zip(WIDTHS[:-1], WIDTHS[1:], strict=True):
        bound = 1 / math.sqrt(before)
        weights.append(rng.uniform(-bound, bound, (after, before)).astype(np.float32))
        biases.append(rng.uniform(-bound, bound, after).astype(np.float32))
    net, values = ColourNet(tuple(weights), tuple(biases)), [*weights, *biases]
    means, squares = ([np.zeros_like(value) for value in values] for _ in range(2))
    for step in range(1, steps + 1):
        chosen = rng.integers(0, len(inputs), BATCH)
        rate = LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
        # Adam's two corrections for its start at zero, folded into the rate.
        rate *= math.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        slopes = _gradients(net, inputs[chosen], targets[chosen])
        for value, slope, mean, square in zip(values, slopes, means, squares, strict=True):
            mean += (1 - BETA_1) * (slope - mean)
            square += (1 - BETA_2) * (slope * slope - square)
            value -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(EPSILON))
    return net


def table_of(net: ColourNet) -> np.ndarray:
    """The net's answer to every colour: uint32 (2**24,), red in the lowest byte of index and value, alpha 255.

    Exact at every fifth level and linear between, which is within one level of the net; 64 MB, about 0.3 s.
    """
    nodes = np.linspace(0, 255, NODES, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    coarse = net(np.stack([red, green, blue], axis=-1).reshape(-1, 3)).reshape(NODES, NODES, NODES, 3)
    # How much of each node is in each of the 256 levels: float32 (256, NODES).
    place = np.arange(LEVELS) / (LEVELS - 1) * (NODES - 1)
    between = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(NODES))).astype(np.float32)
    table = np.full((LEVELS, LEVELS, LEVELS, 4), 255, np.uint8)
    for level, share in enumerate(between):
        plane = np.tensordot(share, coarse, 1)
        for channel in range(3):
            fine = between @ plane[..., channel] @ between.T
            table[level, ..., channel] = np.rint(np.clip(fine, 0, 255))
    return table.reshape(-1, 4).view("<u4").reshape(-1)


def _forward(net: ColourNet, inputs: np.ndarray) -> list[np.ndarray]:
    """What enters each layer, and last what leaves the net: float32 (n, width) each."""
    flow = [inputs]
    for weight, bias in zip(net.weights[:-1], net.biases[:-1], strict=True):
        flow.append(np.maximum(flow[-1] @ weight.T + bias, 0))
    return [*flow, flow[-1] @ net.weights[-1].T + net.biases[-1]]


def _gradients(net: ColourNet, inputs: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """Slopes of the mean absolute error: of the weights, then of the biases."""
    *entering, output = _forward(net, inputs)
    slope = np.sign(output - targets) / np.float32(output.size)
    of_weights: list[np.ndarray] = []
    of_biases: list[np.ndarray] = []
    for weight, enters in zip(reversed(net.weights), reversed(entering), strict=True):
        of_weights.insert(0, slope.T @ enters)
        of_biases.insert(0, slope.sum(axis=0))
        slope = slope @ weight * (enters > 0)
    return [*of_weights, *of_biases]


def _to_unit(levels: np.ndarray) -> np.ndarray:
    return levels.astype(np.float32) / np.float32(127.5) - 1


def _from_unit(unit: np.ndarray) -> np.ndarray:
    return (unit + 1) * np.float32(127.5)
