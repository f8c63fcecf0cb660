"""What `bench_detect` compares with, in the same run on the same pixels and threads: torchvision's RetinaNet-R50-FPN
v2 at 0.25 µm/px in tiles of 1,024 px, and this detector as the first release ran it.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import retinanet_resnet50_fpn_v2

from analysis.pipeline.cards.store import Model
from analysis.pipeline.engines.devices import has_bfloat16
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_queue import ScoreQueue
from benchmarks.bench_detect_slides import MPP
from slides.wsi.reader import open_slide

TILE_PX, TILES = 1024, 4


class Dense(nn.Module):
    """RetinaNet without what it does with its boxes: float (1, 3, h, w) → scores and offsets of all anchors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = retinanet_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=2).eval()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.net.head(list(self.net.backbone(x).values()))
        return found["cls_logits"], found["bbox_regression"]


def time_retinanet(path: Path, threads: int) -> list[dict]:
    """Seconds per mm² in each number format, of its network alone, from TILES tiles: it costs the same on each."""
    with open_slide(path) as reader:
        side = min(TILE_PX, reader.info.width, reader.info.height)
        tiles = [reader.read(side * i, 0, side, side, 1.0) for i in range(TILES) if side * (i + 1) <= reader.info.width]
    inputs = [torch.from_numpy(tile).permute(2, 0, 1)[None].float() / 255 for tile in tiles]
    area_mm2 = (TILE_PX * 0.25e-3) ** 2 * (side / TILE_PX) ** 2
    network, found = Dense(), []
    for name, run in _formats(network, inputs[0], threads).items():
        run(inputs[0])
        wall, cpu = time.perf_counter(), time.process_time()
        for tile in inputs:
            run(tile)
        found.append({
            "number_format": name,
            "seconds_per_mm2": (time.perf_counter() - wall) / len(inputs) / area_mm2,
            "cpu_seconds_per_mm2": (time.process_time() - cpu) / len(inputs) / area_mm2,
        })  # fmt: skip
    return found


def _formats(network: Dense, example: torch.Tensor, threads: int) -> dict[str, Callable[[torch.Tensor], object]]:
    import openvino as ov

    torch.set_num_threads(threads)
    network = network.to(memory_format=torch.channels_last)

    def by_torch(dtype: torch.dtype) -> Callable[[torch.Tensor], object]:
        def run(x: torch.Tensor) -> object:
            with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
                return network(x.contiguous(memory_format=torch.channels_last))

        return run

    graph = ov.convert_model(network, example_input=example, input=[tuple(example.shape)])
    how = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    ways = {"float32": by_torch(torch.float32)}
    kinds = {"openvino-float32": "f32"}
    if has_bfloat16():
        ways["bfloat16"], kinds["openvino-bfloat16"] = by_torch(torch.bfloat16), "bf16"
    for name, hint in kinds.items():
        compiled = ov.Core().compile_model(graph, "CPU", how | {"INFERENCE_PRECISION_HINT": hint})
        ways[name] = lambda x, compiled=compiled: compiled(x.numpy())
    return ways


def time_first_release(path: Path, model: Model, threads: int) -> dict[str, float]:
    """Seconds per mm² as the first release ran it: by torch, in tiles of 1,024 px, each with batches of its own."""
    torch.set_num_threads(threads)
    with open_slide(path) as reader:
        settings = Settings(MPP, MPP, tile_px=TILE_PX)
        kind = "bfloat16" if has_bfloat16() else "float32"
        detector = Detector(model, settings, f"cpu:{kind}")
        score, batch = detector._queue._score, detector._queue._batch
        wall, cpu = time.perf_counter(), time.process_time()
        work = plan_work(reader, settings, model.card)
        for tile in work.tiles:
            detector.detect_tile(reader, work, tile)
            detector._queue = ScoreQueue(score, batch)
        seconds = np.array((time.perf_counter() - wall, time.process_time() - cpu)) / work.area_mm2
    return {"seconds_per_mm2": float(seconds[0]), "cpu_seconds_per_mm2": float(seconds[1])}
