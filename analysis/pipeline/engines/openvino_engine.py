"""A model's networks run by OpenVINO on a CPU. Loads no torch.

In float32 it gives what torch gives but for the last digits, in less than half the time; in bfloat16, where the CPU
computes in it, in a fifth of torch's time in bfloat16.
"""

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
import openvino as ov

from analysis.pipeline.cards.store import FINDER, Model
from analysis.pipeline.engines.devices import count_threads, has_bfloat16
from analysis.pipeline.engines.int8 import load_ranges
from analysis.pipeline.networks import MITOSIS, find_network
from analysis.pipeline.networks.graphs import Graph, Tensors, finder_graph
from analysis.pipeline.proposers.finder_geometry import STRIDE_PX
from analysis.pipeline.proposers.whole_image import FindPlaces

BATCH = 16


@cache
def _core() -> ov.Core:
    """One for the process, and never let go: a core gives its thread a stack for signals and frees it when it goes, so
    that after the second one went the next signal would end the process.
    """
    return ov.Core()


class OpenVinoEngine:
    """number_format: one of `devices.OPENVINO_FORMATS`; threads: 0 for all."""

    batch = BATCH
    find_places: FindPlaces | None = None  # no network that looks at whole images has a graph

    def __init__(self, model: Model, number_format: str, threads: int = 0) -> None:
        card, threads = model.card, count_threads(threads)
        self.name = f"CPU, {threads} threads, OpenVINO {number_format}"
        core = _core()
        # What is not in int8 is in the faster one of the others.
        is_coarse = number_format == "bfloat16" or (number_format == "int8" and has_bfloat16())
        ranges = load_ranges(model.sha256).ranges if number_format == "int8" else None

        def run(graph: Graph) -> "_Run":
            return _Run(core, graph, "bf16" if is_coarse else "f32", threads)

        make = find_network(card.architecture).graph
        assert make is not None  # `devices` has asked
        shape = (BATCH, card.patch_px, card.patch_px, 3)
        self._network = run(
            make(card.stem_activation)(Tensors(model.tensors, ranges=ranges), shape, card.mean, card.std)
        )
        self._finder = None
        if card.finder is not None:
            self._finder = run(
                finder_graph(Tensors(model.tensors, FINDER, ranges), (1, -1, -1, 3), card.mean, card.std)
            )

    def score(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Margins float32 (n,) and features float32 (n, f) of patches uint8 (n, px, px, 3)."""
        if not len(patches):
            return np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        margins, features = zip(*self._score_batches(patches), strict=True)
        return np.concatenate(margins)[: len(patches)], np.concatenate(features)[: len(patches)]

    def _score_batches(self, patches: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(patches), BATCH):
            part = patches[start : start + BATCH]
            filled = np.zeros((BATCH, *part.shape[1:]), np.uint8)
            filled[: len(part)] = part
            logits, features = self._network(filled)
            yield logits[:, MITOSIS] - logits[:, 1 - MITOSIS], features

    def map_logits(self, half: np.ndarray) -> np.ndarray:
        """The finder's logits of an image at 0.5 µm/px: uint8 (h, w, 3) → float32 (ceil(h/4), ceil(w/4))."""
        down, right = (-side % STRIDE_PX for side in half.shape[:2])
        if down or right:
            half = cv2.copyMakeBorder(half, 0, down, 0, right, cv2.BORDER_REFLECT)
        assert self._finder is not None  # a detector asks the finder of models that have one
        logits, _ = self._finder(half[None])
        return logits[0, 0]


class _Run:
    """A graph compiled for this machine."""

    def __init__(self, core: ov.Core, graph: Graph, precision: str, threads: int) -> None:
        how = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        self._body = core.compile_model(graph.body, "CPU", how | {"INFERENCE_PRECISION_HINT": precision})
        self._head = core.compile_model(graph.head, "CPU", how | {"INFERENCE_PRECISION_HINT": "f32"})

    def __call__(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and features of uint8 (b, h, w, 3), copies of their own."""
        features = self._body(np.ascontiguousarray(pixels))[0]
        return np.array(self._head(features)[0]), np.array(features)
