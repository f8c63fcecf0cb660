"""How good a system is on slides that it has not seen, and what it costs per mm²."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from analysis.lab import evaluate
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.compare.scores import arm_metrics
from analysis.lab.datasets.frames import glass_of, labelled_frames
from analysis.lab.evaluate import FrameScores
from analysis.lab.evaluate.detection import metrics_with_interval
from analysis.lab.evaluate.patches import has_patches
from analysis.pipeline.cards.store import Model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN
from slides.wsi.reader import open_slide


def metrics_of(frames: Sequence[FrameScores]) -> dict[str, Any]:
    """`patch`, None for what looks at whole images, and `detection`, both on the same frames."""
    return {"patch": arm_metrics(frames) if has_patches(frames) else None, "detection": detection_metrics(frames)}


def detection_metrics(frames: Sequence[FrameScores]) -> dict[str, Any]:
    """Detection on whole frames by the official matching, with the threshold of each slide from the other slides' own
    best one, those that are other scans of its glass left out; with one glass alone it is fitted on these very frames,
    and says so. Margins are taken as they are.
    """
    glasses = {glass_of(frame.slide) for frame in frames}
    thresholds = {
        glass: evaluate.best_threshold(
            [frame for frame in frames if glass_of(frame.slide) != glass or len(glasses) == 1], UNCALIBRATED
        )
        for glass in glasses
    }
    kept = [UNCALIBRATED(frame.margins) >= thresholds[glass_of(frame.slide)] for frame in frames]
    own = evaluate.best_threshold(frames, UNCALIBRATED)
    found = metrics_with_interval(frames, kept)
    return found | {
        "threshold": "carried over from the other slides" if len(glasses) > 1 else "fitted on the same frames",
        "f1_at_best_threshold": round(evaluate.score_at_threshold(frames, UNCALIBRATED, own).f1, 4),
        "candidate_recall_7_5_um": round(evaluate.candidate_recall(frames), 4),
        "false_per_mm2": round(found["fp"] / sum(frame.area_mm2 for frame in frames), 2),
    }


@dataclass(frozen=True)
class Cost:
    """Of detection on whole frames: seconds and billions of multiply-accumulates per mm² of tissue, and on what."""

    seconds_per_mm2: float
    gmac_per_mm2: float
    device: str


def cost_of(model: Model, data: Path, slide: str, device: str = "auto") -> Cost:
    """Measured on the first frame of a slide: once to count and to get warm, and once more against the clock."""
    frame = labelled_frames(data, (slide,))[0]
    settings = Settings(frame.mpp, frame.mpp)
    with open_slide(frame.path) as reader:
        work = plan_work(reader, settings, model.card)

        def detect() -> tuple[float, str]:
            # Each time by another detector, since one remembers what it has scored.
            detector = Detector(model, settings, device, standard=PLAIN)
            started = time.perf_counter()
            deque(detector.detect_tiles(reader, work, work.tiles), maxlen=0)
            return time.perf_counter() - started, detector.device

        with counted_macs(model.network, model.finder) as macs:
            detect()
        seconds, name = detect()
        return Cost(round(seconds / work.area_mm2, 3), round(macs() * 1e-9 / work.area_mm2, 2), name)


@contextmanager
def counted_macs(*networks: nn.Module | None) -> Iterator[Callable[[], int]]:
    """Counts the multiply-accumulates of the convolutions and linear layers of networks while they run; what norms,
    activations and the choice of boxes take is not counted.
    """
    total = 0

    def count(module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, Tensor)
        # Of a transposed convolution each value of the input meets the whole kernel, of the others each of the output.
        met = _inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        total += met.numel() * weight[0].numel()

    layers = [
        module
        for network in networks
        if network is not None
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    ]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        yield lambda: total
    finally:
        for handle in handles:
            handle.remove()
