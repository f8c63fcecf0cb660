"""Scores patches by torch: on the GPU when there is one, else on the CPU in the faster of two number formats.

Determinism: on one machine and device the same patch gets the same score whatever else is in its batch, since batches
are always filled up to one size. Between machines, and between bfloat16 and float32, scores differ in the second
decimal of the margin.
"""

import functools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import MITOSIS
from analysis.pipeline.networks.image_detector import ImageDetector
from analysis.pipeline.networks.patch_classifier import PatchClassifier
from analysis.pipeline.patches import to_network

CPU_BATCH, GPU_BATCH = 16, 256
# CPUs whose bfloat16 is arithmetic and not emulation; elsewhere it was measured fifteen times slower than float32.
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")


class Scorer:
    """Margins of patches, or places in images where the network finds them by itself. `device` as asked for: `auto`,
    `cpu`, `cuda`, or a CPU with its number format named (`cpu:float32`), to go on with what was begun in it; `name`
    says which it became.
    """

    def __init__(self, network: PatchClassifier | ImageDetector, card: Card, device: str = "auto") -> None:
        self.card = card
        self.device, dtype = _device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()
        if isinstance(network, ImageDetector):
            # A box's corner in bfloat16 would lie anywhere within eight pixels.
            dtype = torch.float32
        if self.device.type == "cuda":
            self.dtype, self.batch = dtype or torch.bfloat16, GPU_BATCH
            self.name = f"GPU {torch.cuda.get_device_name(self.device)}, {_name_of(self.dtype)}"
        else:
            self.dtype, self.batch = dtype or faster_dtype(), CPU_BATCH
            self.name = f"CPU, {torch.get_num_threads()} threads, {_name_of(self.dtype)}"

    def margins(self, patches: np.ndarray) -> np.ndarray:
        """Mitosis logit less the other one: uint8 (n, px, px, 3) RGB → float32 (n,)."""
        return self.score(patches)[0]

    def features(self, patches: np.ndarray) -> np.ndarray:
        """What the network's head sees: uint8 (n, px, px, 3) RGB → float32 (n, f)."""
        return self.score(patches)[1]

    def score(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Margins and features of patches. Raises PipelineRefused for a network that looks at whole images."""
        if not len(patches):
            return np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        if isinstance(self.network, ImageDetector):
            raise PipelineRefused(f"{self.card.name} looks at whole images and scores no patch.")
        margins, features = zip(*self._score_batches(self.network, patches), strict=True)
        return np.concatenate(margins)[: len(patches)], np.concatenate(features)[: len(patches)]

    def _score_batches(self, network: PatchClassifier, patches: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Whole batches, the last of them filled up with black."""
        for start in range(0, len(patches), self.batch):
            part = patches[start : start + self.batch]
            filled = np.zeros((self.batch, *part.shape[1:]), np.uint8)
            filled[: len(part)] = part
            yield self._score_batch(network, filled)

    @torch.inference_mode()
    def _score_batch(self, network: PatchClassifier, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tensor = to_network(batch, self.card.mean, self.card.std).to(self.device)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32):
            features = network.pool_features(tensor)
        features = features.float()
        logits = network.head(features)
        return (logits[:, MITOSIS] - logits[:, 1 - MITOSIS]).cpu().numpy(), features.cpu().numpy()

    @torch.inference_mode()
    def find_places(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network finds by itself in an image uint8 (h, w, 3) RGB: float (n, 2) x, y in its pixels, and the
        margins there, float32 (n,).
        """
        tensor = to_network(image[None], self.card.mean, self.card.std).to(self.device)
        points_px, margins = self.network(tensor)
        return points_px.cpu().numpy().astype(float), margins.float().cpu().numpy()


def _name_of(dtype: torch.dtype) -> str:
    return "bfloat16" if dtype is torch.bfloat16 else "float32"


def _device(wanted: str) -> tuple[torch.device, torch.dtype | None]:
    """The GPU when there is one and it is wanted, `cuda:1` is the second; and the number format where one is named.

    Raises PipelineRefused for what is not there.
    """
    found = re.fullmatch(r"auto|cpu(?::(float32|bfloat16))?|cuda(?::(\d+))?", wanted)
    if found is None:
        raise PipelineRefused(
            f"There is no device {wanted}; there are auto, cpu, cuda and cuda:1, cuda:2, …, and with a number format "
            "cpu:float32, cpu:bfloat16 and cpu:openvino-FORMAT as the model's card names it."
        )
    gpus = torch.cuda.device_count()
    if wanted.startswith("cuda") and int(found[2] or 0) >= gpus:
        raise PipelineRefused(f"The device {wanted} is not there ({gpus} GPUs are); choose auto or cpu.")
    if wanted.startswith("cpu"):
        return torch.device("cpu"), getattr(torch, found[1]) if found[1] else None
    return torch.device("cuda" if wanted == "auto" and gpus else wanted.replace("auto", "cpu")), None


@functools.cache
def faster_dtype() -> torch.dtype:
    """bfloat16 where the CPU computes in it and a short measurement agrees; measured once a process."""
    if not cpu_has_bfloat16():
        return torch.float32
    seconds = {dtype: _seconds_of_block(dtype) for dtype in (torch.float32, torch.bfloat16)}
    # Twice as fast when undisturbed: the slack keeps a busy moment from changing the choice between two runs.
    return torch.bfloat16 if seconds[torch.bfloat16] < 1.5 * seconds[torch.float32] else torch.float32


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Whether the CPU computes in bfloat16 rather than emulating it."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return any(flag in flags for flag in BFLOAT16_FLAGS)


@torch.inference_mode()
def _seconds_of_block(dtype: torch.dtype) -> float:
    """Best of three passes of the network's costliest convolution."""
    conv = nn.Conv2d(128, 128, 3, padding=2, dilation=2, bias=False).to(memory_format=torch.channels_last)
    x = torch.zeros(CPU_BATCH, 128, 25, 25).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        conv(x)
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            conv(x)
            best = min(best, time.perf_counter() - started)
    return best
