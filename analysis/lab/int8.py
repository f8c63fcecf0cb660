"""Ranges for computing in int8 (`pipeline.engines.int8`), seen on training slides: `mitosis quantise`.
Post-training quantisation of Nagel et al. (A White Paper on Neural Network Quantization, 2021): weights per output
channel by their own largest, what goes into a layer by what it holds on frames of every training slide. The first
layers stay as they are: they are cheap, and a picture's faint shades are all that tells pale mitoses.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from analysis.lab.datasets.mitos14 import FRAME_MPP, TRAINING_SLIDES, labelled_frames
from analysis.pipeline.cards.store import FINDER, Model
from analysis.pipeline.engines import int8
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.networks import find_network
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.spread import spread_evenly
from slides.wsi.reader import open_slide

FRAMES_PER_SLIDE = 4


def calibrate(model: Model, data: Path) -> int8.Int8Ranges:
    """Ranges of a version's layers from some frames of each training slide, never of H05.

    Nothing is cut off: the largest values are a mitosis's own, and without them every probability came out lower.
    Raises PipelineRefused for a network that OpenVINO does not run.
    """
    if find_network(model.card.architecture).graph is None:
        raise PipelineRefused(f"{model.name} is a {model.card.architecture}, which OpenVINO does not run in int8.")
    frames = labelled_frames(data, TRAINING_SLIDES)
    slides = sorted({frame.path.name[:3] for frame in frames})
    paths = []
    for slide in slides:
        own = [frame.path for frame in frames if frame.path.name.startswith(slide)]
        paths += [own[index] for index in spread_evenly(len(own), FRAMES_PER_SLIDE)]
    patches = 0
    with watch_inputs(model) as seen:
        for path in paths:
            patches += _detect(path, model)
    ranges = {name: (min(low), max(high)) for name, (low, high) in seen.items()}
    return int8.Int8Ranges(model.sha256, ranges, slides, patches)


def _detect(path: Path, model: Model) -> int:
    with open_slide(path) as reader:
        settings = Settings(FRAME_MPP, FRAME_MPP)
        work = plan_work(reader, settings, model.card)
        results = Detector(model, settings, "cpu:float32").detect_tiles(reader, work, work.tiles)
        return sum(len(result.candidates_l0) for result in results)


@contextmanager
def watch_inputs(model: Model) -> Iterator[dict[str, tuple[list[float], list[float]]]]:
    """While it is open, the lowest and the highest value that go into each layer, batch by batch."""
    seen: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))

    def note(name: str, values: torch.Tensor) -> None:
        seen[name][0].append(min(0.0, float(values.min())))
        seen[name][1].append(max(1e-3, float(values.max())))

    hooks = [
        layer.register_forward_pre_hook(lambda _, given, name=name: note(name, given[0]))
        for name, layer in layers_in_int8(model).items()
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def layers_in_int8(model: Model) -> dict[str, nn.Conv2d]:
    """Of the network the residual blocks' convolutions but for the first, whose input has a few values ten times as
    large as all others; of the finder those between its first layer and its head. By their names in the weights file.
    """
    convs = {name: layer for name, layer in model.network.named_modules() if isinstance(layer, nn.Conv2d)}
    of_blocks = ("conv1", "conv2", "skip.0")
    found = {name: convs[name] for name in convs if name.endswith(of_blocks) and convs[name].in_channels >= 64}
    if model.finder is not None:
        found |= {
            FINDER + name: layer
            for name, layer in model.finder.named_modules()
            if isinstance(layer, nn.Conv2d) and not name.startswith(("stem.0", "head"))
        }
    return found
