"""How much arithmetic detection needs, and what the processor could do."""

import time

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from analysis.pipeline.cards.store import Model
from analysis.pipeline.networks import find_network
from analysis.pipeline.networks.graphs import Graph, Wanted, finder_graph

SIDE = 3072
HALF_PX = 512


def count_macs(model: Model) -> dict[str, float]:
    """Multiply-accumulates of the convolutions: of a patch, and of the finder per pixel at 0.5 µm/px."""
    px = model.card.patch_px
    entry = find_network(model.card.architecture)
    assert entry.graph is not None
    patch = entry.graph(model.card.stem_activation)(Wanted(), (1, px, px, 3), (0, 0, 0), (1, 1, 1))
    half = finder_graph(Wanted(), (1, HALF_PX, HALF_PX, 3), (0, 0, 0), (1, 1, 1))
    return {"patch": _macs_of(patch), "finder_px": _macs_of(half) / HALF_PX**2}


def _macs_of(graph: Graph) -> float:
    """Of a graph's body; its head is a thousandth of it."""
    total = 0
    for node in graph.body.get_ops():
        if node.get_type_name() in {"Convolution", "GroupConvolution"}:
            weight = list(node.input(1).get_shape())
            # (out, in, k, k), and (groups, out, in, k, k) where there are groups: each output takes in · k · k.
            total += int(np.prod(node.output(0).get_shape())) * int(np.prod(weight[-3:]))
    return float(total)


def measure_peak(threads: int, hint: str) -> float:
    """Multiply-accumulates per second that a product of two large matrices reaches: what convolutions could at best."""
    a, b = ops.parameter([SIDE, SIDE], np.float32), ops.constant(np.ones((SIDE, SIDE), np.float32))
    how = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
    product = ov.Core().compile_model(ov.Model([ops.reduce_mean(ops.matmul(a, b, False, False), 1)], [a]), "CPU", how)
    values, best = np.ones((SIDE, SIDE), np.float32), float("inf")
    product(values)
    for _ in range(3):
        began = time.perf_counter()
        product(values)
        best = min(best, time.perf_counter() - began)
    return SIDE**3 / best
