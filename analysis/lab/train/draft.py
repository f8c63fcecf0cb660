"""What a finished run says about itself: `run.json` with the facts, and a draft of the card."""

import hashlib
import json
import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from analysis.lab import provenance
from analysis.lab.datasets import Source
from analysis.lab.train.config import TrainConfig
from analysis.lab.train.loop import ConfigT, Loop
from analysis.lab.train.runs import data_hash
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import Card
from analysis.pipeline.cards.uncalibrated import uncalibrated_card

PACKAGES = ("torch", "torchvision", "numpy", "cv2", "safetensors")


def finished_facts(run: Loop[ConfigT], sources: list[Source], unreadable: list[Path]) -> dict[str, Any]:
    """Facts of a finished run, JSON-able: configuration, data, machine and software."""
    config, world, progress = run.config, run.world, run.progress
    facts = {"config": asdict(config), "steps": config.steps, "data_sha256": data_hash(sources)}
    facts |= {"seconds": round(progress.seconds), "counts": run.counts, "steps_done": progress.step}
    facts |= {"unreadable": [path.name for path in unreadable], "device": str(world.device)}
    facts |= {"processes": world.size, "threads": torch.get_num_threads()}
    facts["computed_in"] = "bfloat16" if world.computes_bfloat16(config.bfloat16) else "float32"
    facts |= provenance.provenance_record(provenance.provenance_of_config(asdict(config), run.folder.parent))
    if world.device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(world.device)
    kind, _, file = config.start.partition(":")
    if file:
        facts["start_sha256"] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return facts | {"software": software_versions()}


def software_versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = {name: __import__(name).__version__ for name in PACKAGES}
    return {"python": platform.python_version()} | found


def write_card_draft(config: TrainConfig, facts: dict[str, Any], weights: dict[str, torch.Tensor], path: Path) -> None:
    """Writes the card that these weights can be used with until `mitosis release` calibrates them."""
    card = replace(
        uncalibrated_card(config.network, config.stem_activation),
        patch_px=config.stages[-1].px,
        normaliser=config.normalise if config.normalised == 1 else "none",
    )
    write_draft(replace(card, name=config.name), facts, weights, path)


def write_draft(card: Card, facts: dict[str, Any], weights: dict[str, torch.Tensor], path: Path) -> None:
    """Writes a card for weights. Threshold and calibration in it are placeholders, and it says so."""
    content = save({name: tensor.cpu().contiguous() for name, tensor in weights.items()})
    card = replace(
        card,
        sha256=hashlib.sha256(content).hexdigest(),
        training=facts,
        notes="A draft: threshold and calibration are placeholders; `mitosis release` sets them.",
    )
    write_atomically(path, (json.dumps(card.as_json(), indent=1) + "\n").encode())
