"""Networks as OpenVINO graphs, made from the tensors of a weights file: what `networks.hybrid` and `networks.finder`
are in torch. Batch norms are folded into the convolutions before them.

A graph takes its tensors by name and shape, so it also says what a file must hold: `expected_tensors`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import opset13 as ops

Shape = tuple[int, ...]
Expected = dict[str, tuple[Shape, str]]


@dataclass(frozen=True)
class Graph:
    """body: uint8 (b, h, w, 3) RGB → features, in the number format of choice; head: features → logits, in float32: in
    bfloat16 they would have few distinct values.
    """

    body: ov.Model
    head: ov.Model


Ranges = Mapping[str, tuple[float, float]]


class Tensors:
    """Of a weights file, by their names there behind `prefix`. ranges: of what goes into the convolutions that are to
    compute in int8, by the same names; without them none does.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], prefix: str = "", ranges: Ranges | None = None) -> None:
        self._arrays, self._prefix, self._ranges = arrays, prefix, ranges or {}

    def range_of(self, name: str) -> tuple[float, float] | None:
        return self._ranges.get(self._prefix + name)

    def take(self, name: str, shape: Shape, dtype: str = "F32") -> np.ndarray:
        return self._arrays[self._prefix + name]


class Wanted(Tensors):
    """Notes what is asked for, and gives ones."""

    def __init__(self) -> None:
        super().__init__({})
        self.expected: Expected = {}

    def take(self, name: str, shape: Shape, dtype: str = "F32") -> np.ndarray:
        self.expected[name] = (shape, dtype)
        return np.ones(shape, np.float32)


Make = Callable[[Tensors, Shape, Sequence[float], Sequence[float]], Graph]


def expected_tensors(make: Make) -> Expected:
    """Names, shapes and types of all tensors that a graph is made from."""
    wanted = Wanted()
    make(wanted, (1, 64, 64, 3), (0, 0, 0), (1, 1, 1))
    return wanted.expected


def _conv(
    tensors: Tensors,
    x: ov.Node,
    name: str,
    c_in: int,
    c_out: int,
    kernel: int = 3,
    norm: str | None = None,
    eps: float = 1e-5,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> ov.Node:
    """A convolution padded so that stride 1 keeps the size, with the batch norm `norm` behind it or else a bias."""
    weight = tensors.take(f"{name}.weight", (c_out, c_in // groups, kernel, kernel))
    if norm is None:
        bias = tensors.take(f"{name}.bias", (c_out,))
    else:
        gain, shift, mean, variance = (
            tensors.take(f"{norm}.{part}", (c_out,)) for part in ("weight", "bias", "running_mean", "running_var")
        )
        tensors.take(f"{norm}.num_batches_tracked", (), "I64")
        scale = gain / np.sqrt(variance + np.float32(eps))
        weight, bias = weight * scale[:, None, None, None], shift - mean * scale
    pad = dilation * (kernel - 1) // 2
    if groups == 1:
        kernels, limits = ops.constant(weight), tensors.range_of(name)
        if limits is not None:
            x, kernels = _in_int8(x, *limits), _in_int8_by_channel(kernels, weight)
        y = ops.convolution(x, kernels, [stride] * 2, [pad] * 2, [pad] * 2, [dilation] * 2)
    else:
        kernels = ops.constant(weight[:, None])
        y = ops.group_convolution(x, kernels, [stride] * 2, [pad] * 2, [pad] * 2, [dilation] * 2)
    return ops.add(y, ops.constant(bias[None, :, None, None]))


def _in_int8(x: ov.Node, low: float, high: float) -> ov.Node:
    """Values in 256 steps; OpenVINO then computes with them as whole numbers."""
    ends = np.float32(low), np.float32(high)
    return ops.fake_quantize(x, *ends, *ends, 256)


def _in_int8_by_channel(kernels: ov.Node, weight: np.ndarray) -> ov.Node:
    """Weights (out, in, k, k) in 255 steps about 0, each output channel in its own."""
    top = np.maximum(np.abs(weight).max(axis=(1, 2, 3), keepdims=True), np.float32(1e-8))
    return ops.fake_quantize(kernels, -top, top, -top, top, 255)


def _linear(tensors: Tensors, x: ov.Node, name: str, c_in: int, c_out: int) -> ov.Node:
    weight, bias = tensors.take(f"{name}.weight", (c_out, c_in)), tensors.take(f"{name}.bias", (c_out,))
    return ops.add(ops.matmul(x, ops.constant(weight), False, True), ops.constant(bias))


def _pixels(shape: Shape, mean: Sequence[float], std: Sequence[float]) -> tuple[ov.Node, ov.Node]:
    """The parameter, uint8 (b, h, w, 3) RGB, and what the first layer takes: (value/255 - mean) / std, planes first."""
    rgb = ops.parameter(shape, np.uint8)
    planes = ops.transpose(ops.convert(rgb, np.float32), [0, 3, 1, 2])
    shift, scale = (np.array(values, np.float32)[None, :, None, None] * 255 for values in (mean, std))
    return rgb, ops.divide(ops.subtract(planes, ops.constant(shift)), ops.constant(scale))


# -- the hybrid network ------------------------------------------------------------------------------------------------
def hybrid_graph(stem_activation: str) -> Make:
    """Of the hybrid network: its features (b, 256), and from them two logits (b, 2)."""

    def make(tensors: Tensors, shape: Shape, mean: Sequence[float], std: Sequence[float]) -> Graph:
        active = {"silu": ops.swish, "relu6": lambda x: ops.clamp(x, 0.0, 6.0)}[stem_activation]
        rgb, x = _pixels(shape, mean, std)
        x = active(_conv(tensors, x, "blocks.0.0", 3, 32, norm="blocks.0.1", eps=1e-3, stride=2))
        x = _mb_conv(tensors, x, "blocks.1", 32, 16, 1, 1, active)
        x = _mb_conv(tensors, x, "blocks.2.0", 16, 24, 6, 2, active)
        x = _mb_conv(tensors, x, "blocks.2.1", 24, 24, 6, 1, active)
        for index, (c_in, c_out, stride, dilation) in enumerate(
            ((24, 64, 1, 2), (64, 128, 1, 2), (128, 128, 2, 1), (128, 128, 1, 1), (128, 256, 2, 1), (256, 256, 1, 1)), 3
        ):
            x = _residual_block(tensors, x, f"blocks.{index}", c_in, c_out, stride, dilation)
        features = ops.reduce_mean(x, np.array([2, 3]), False)
        seen = ops.parameter([-1, 256], np.float32)
        hidden = ops.relu(_linear(tensors, seen, "head.1", 256, 256))
        return Graph(ov.Model([features], [rgb]), ov.Model([_linear(tensors, hidden, "head.3", 256, 2)], [seen]))

    return make


def _mb_conv(
    tensors: Tensors,
    x: ov.Node,
    name: str,
    c_in: int,
    c_out: int,
    expand: int,
    stride: int,
    active: Callable[[ov.Node], ov.Node],
) -> ov.Node:
    mid, first, y = c_in * expand, 0, x

    def layer(number: int) -> str:
        return f"{name}.block.{first + number}"

    if expand > 1:
        y = active(_conv(tensors, y, layer(0), c_in, mid, 1, layer(1), 1e-3))
        first = 3
    y = active(_conv(tensors, y, layer(0), mid, mid, 3, layer(1), 1e-3, stride, groups=mid))
    squeezed = max(1, c_in // 4)
    gate = ops.reduce_mean(y, np.array([2, 3]), True)
    gate = ops.swish(_conv(tensors, gate, layer(3) + ".fc1", mid, squeezed, 1))
    y = ops.multiply(y, ops.sigmoid(_conv(tensors, gate, layer(3) + ".fc2", squeezed, mid, 1)))
    y = _conv(tensors, y, layer(4), mid, c_out, 1, layer(5), 1e-3)
    return ops.add(x, y) if stride == 1 and c_in == c_out else y


def _residual_block(
    tensors: Tensors, x: ov.Node, name: str, c_in: int, c_out: int, stride: int, dilation: int
) -> ov.Node:
    y = _conv(tensors, x, f"{name}.conv1", c_in, c_out, norm=f"{name}.bn1", stride=stride, dilation=dilation)
    y = _conv(tensors, ops.relu(y), f"{name}.conv2", c_out, c_out, norm=f"{name}.bn2", dilation=dilation)
    if stride != 1 or c_in != c_out:
        x = _conv(tensors, x, f"{name}.skip.0", c_in, c_out, 1, f"{name}.skip.1", stride=stride)
    return ops.relu(ops.add(y, x))


# -- the finder --------------------------------------------------------------------------------------------------------
def finder_graph(tensors: Tensors, shape: Shape, mean: Sequence[float], std: Sequence[float]) -> Graph:
    """Of the finder: its features (1, 40, h/4, w/4), and from them logits (1, 1, h/4, w/4)."""
    rgb, x = _pixels(shape, mean, std)
    for index, (c_in, c_out, stride) in zip((0, 2, 4), ((3, 16, 2), (16, 24, 1), (24, 40, 2)), strict=True):
        x = ops.relu(_conv(tensors, x, f"stem.{index}.0", c_in, c_out, norm=f"stem.{index}.1", stride=stride))
    for index, dilation in enumerate((1, 2, 2, 1)):
        one, two = (f"body.{index}.{part}" for part in ("one", "two"))
        y = ops.relu(_conv(tensors, x, f"{one}.0", 40, 40, norm=f"{one}.1", dilation=dilation))
        y = _conv(tensors, y, f"{two}.0", 40, 40, norm=f"{two}.1", dilation=dilation)
        x = ops.relu(ops.add(x, y))
    seen = ops.parameter([1, 40, -1, -1], np.float32)
    hidden = ops.relu(_conv(tensors, seen, "head.0", 40, 40, 1))
    return Graph(ov.Model([x], [rgb]), ov.Model([_conv(tensors, hidden, "head.2", 40, 1, 1)], [seen]))
