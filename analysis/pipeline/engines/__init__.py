"""What runs a model's networks, behind one interface.

devices            what a device may be called, and whether OpenVINO runs a model on it
torch_engine       every network of the registry, on a GPU or on a CPU in float32 or bfloat16
openvino_engine    without torch: networks registered with a graph, on a CPU, in the formats that the card names
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from analysis.pipeline.engines.devices import find_openvino_format
from analysis.pipeline.proposers.whole_image import FindPlaces

if TYPE_CHECKING:
    from analysis.pipeline.cards.store import Model

__all__ = ["Engine", "open_engine"]


class Engine(Protocol):
    """A model's networks, ready. name: what they run on, for the record; batch: how many patches are scored together;
    find_places: of a network that looks at whole images and scores what it finds, None where patches are scored.

    Determinism: on one machine and device the same patch gets the same score whatever else is in its batch, since
    batches are always filled up to one size. Between machines, and between number formats, scores differ.
    """

    name: str
    batch: int
    find_places: FindPlaces | None

    def score(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of patches uint8 (n, px, px, 3) RGB: margins float32 (n,), the mitosis logit less the other one, and features
        float32 (n, f), what the network's head sees. Raises PipelineRefused for a network that looks at whole images.
        """
        ...

    def map_logits(self, half: np.ndarray) -> np.ndarray:
        """The finder's logits of an image at 0.5 µm/px: uint8 (h, w, 3) RGB → float32 (ceil(h/4), ceil(w/4))."""
        ...


def open_engine(model: "Model", device: str = "auto", threads: int = 0) -> Engine:
    """What runs a model on a device: `auto`, `cpu`, `cuda`, `cuda:1`, or a CPU with its number format named
    (`cpu:float32`, `cpu:openvino-bfloat16`), to go on with what was begun in it. threads: of a CPU, 0 for all.

    Raises PipelineRefused for what is not there, and for a format of OpenVINO that the model's card does not name.
    """
    number_format = find_openvino_format(device, model.card)
    if number_format is not None:
        from analysis.pipeline.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(model, number_format, threads)
    from analysis.pipeline.engines.torch_engine import TorchEngine

    return TorchEngine(model, device, threads)
