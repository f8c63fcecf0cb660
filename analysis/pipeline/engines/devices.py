"""What a device may be called, and whether OpenVINO runs a model on it. Loads neither torch nor OpenVINO."""

import os
import re
import sys
from pathlib import Path

from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import PATCH_CLASSIFIER, find_network

# As a card names it, and a device behind `cpu:`.
OPENVINO = "openvino-"
OPENVINO_FORMATS = ("float32", "bfloat16", "int8")
# CPUs whose bfloat16 is arithmetic and not emulation; elsewhere it was measured fifteen times slower than float32.
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")
# What a machine with a GPU that torch could use has.
GPU_NODES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def find_openvino_format(device: str, card: Card) -> str | None:
    """The number format in which OpenVINO runs a model on a device; None where it is torch's.

    Unless a format is named, OpenVINO runs what its card names as validated, where no GPU is asked for or there. Raises
    PipelineRefused for a format of OpenVINO that the card does not name.
    """
    named = re.fullmatch(rf"cpu:{OPENVINO}({'|'.join(OPENVINO_FORMATS)})", device)
    has_graph = find_network(card.architecture).graph is not None
    if named:
        if find_network(card.architecture).kind != PATCH_CLASSIFIER:
            raise PipelineRefused(
                f"{card.name} looks at whole images, which OpenVINO does not run here; choose auto, cpu or cuda."
            )
        if OPENVINO + named[1] not in card.formats or not has_graph:
            known = ", ".join(card.formats)
            raise PipelineRefused(f"{card.name} was not validated in {OPENVINO}{named[1]}; its card names {known}.")
        return named[1]
    if not has_graph or device not in {"auto", "cpu"} or (device == "auto" and may_have_gpu()):
        return None
    # Where bfloat16 is emulated, eight bits are quickest: no call of `benchmarks.compare_formats` changes by them.
    quickest = ("bfloat16",) if has_bfloat16() else ("int8", "float32")
    return next((kind for kind in quickest if OPENVINO + kind in card.formats), None)


def may_have_gpu() -> bool:
    """Whether torch should be asked for a GPU, which takes seconds."""
    return sys.platform != "linux" or any(Path(node).exists() for node in GPU_NODES)


def has_bfloat16() -> bool:
    """Whether the CPU computes in bfloat16."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return any(flag in flags for flag in BFLOAT16_FLAGS)


def count_threads(threads: int) -> int:
    """How many threads of a CPU to use: as told, or with 0 all that the process may run on."""
    return threads or (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
