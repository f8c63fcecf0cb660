"""The candidate version itself: weights of both stages in one file, and a card that says where they come from."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from analysis.lab import provenance
from analysis.lab.learning.data_set_folder import DataSetFolder
from analysis.lab.learning.recipe import Recipe
from analysis.lab.learning.split import Split, is_mitosis
from analysis.lab.learning.telling import Told, apply_told
from analysis.lab.learning.trainer import CandidateTrainer
from analysis.lab.train.checkpoint import save_content
from analysis.lab.train.draft import software_versions
from analysis.pipeline.cards.card import Card, write_card
from analysis.pipeline.cards.store import FINDER, Model

NOTES = (
    "A candidate version, trained from readers' verdicts. The finder is its base's; threshold and calibration were "
    "told again on places that were held out, drawn to the base's by how few they are. No metric of its base was "
    "measured with it."
)


@dataclass(frozen=True)
class Made:
    """What a run came from and how it ended: all that the card says of it."""

    base: Model
    data: DataSetFolder
    recipe: Recipe
    split: Split
    told: Told
    metrics: dict[str, Any]
    code: str
    smaller_from: int | None
    unreadable: list[Path]


def write_candidate(trainer: CandidateTrainer, weights: dict[str, Tensor], made: Made, path: Path) -> Path:
    """Writes the card, then the weights, which say that the run is finished. Raises CheckpointRefused without space."""
    base = made.base
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    tensors |= _finder_tensors(base)
    card = apply_told(base.card, made.told)
    content = save(tensors, metadata=_use_in_the_file(card))
    card = replace(
        card,
        name=trainer.config.name,
        sha256=hashlib.sha256(content).hexdigest(),
        # The others were compared with float32 for the base's weights alone.
        formats=tuple(name for name in base.card.formats if "float32" in name or name == "bfloat16"),
        metrics={"held_out": made.metrics},
        training=training_of(trainer, made),
        notes=NOTES,
    )
    write_card(card, path)
    save_content(path, content)
    return path


def _finder_tensors(base: Model) -> dict[str, Tensor]:
    """The first stage's, by their names in the file."""
    if base.finder is None:
        return {}
    return {FINDER + name: tensor.detach().cpu().contiguous() for name, tensor in base.finder.state_dict().items()}


def _use_in_the_file(card: Card) -> dict[str, str]:
    """As in a release: the same weights used otherwise must not share a hash. One entry, since several are written in
    any order.
    """
    uses = (card.finder, card.standard, card.views)
    told = [asdict(use) if use else None for use in uses] + [card.threshold, card.temperature, card.bias]
    return {"use": json.dumps(told, sort_keys=True)}


def training_of(trainer: CandidateTrainer, made: Made) -> dict[str, Any]:
    """The card's `training`: the run's configuration, its lineage, and what both stages have seen."""
    config, progress, world = trainer.config, trainer.progress, trainer.world
    trained = provenance.provenance_of_card(made.base.card)
    seen = provenance.Provenance(tuple(sorted({*trained.slides, *config.slides})), trained.unrecorded)
    facts: dict[str, Any] = {
        "config": asdict(config),
        "lineage": lineage_of(trainer, made),
        "data_sha256": trainer.data_sha256,
        "counts": trainer.counts,
        "steps_done": progress.step,
        "best_step": progress.best_step,
        "seconds": round(progress.seconds),
        "unreadable": [path.name for path in made.unreadable],
        "computed_in": "bfloat16" if world.computes_bfloat16(config.bfloat16) else "float32",
        "held_out": {"by": made.split.by, "names": list(made.split.held), "told": made.told.record},
    }
    return facts | provenance.provenance_record(seen)


def lineage_of(trainer: CandidateTrainer, made: Made) -> dict[str, Any]:
    """Code version, base, data set, recipe, seed, replay and machine, JSON-able."""
    config, rows = trainer.config, made.data.rows
    return {
        "code": made.code,
        "base": {"name": made.base.name, "sha256": made.base.sha256},
        "data_set": {
            "id": config.data_set, "hash": config.data_set_hash, "name": made.data.table.name, "places": len(rows),
            "mitoses": sum(map(is_mitosis, rows)), "cases": len({row.case for row in rows}),
        },
        "recipe": {"name": made.recipe.name, "sha256": config.recipe_sha256},
        "seed": config.seed,
        "replay": {"share": config.replay_share, "slides": list(config.slides), "crops": list(config.crops),
                   "tissue": list(config.tissue)},
        "machine": machine_record(trainer.world.device),
        "smaller_batch_from": made.smaller_from,
    }  # fmt: skip


def machine_record(device: torch.device) -> dict[str, Any]:
    """What was computed on, and by what; no name of the machine."""
    found = {"device": str(device), "threads": torch.get_num_threads(), "processor": platform.processor() or "unknown"}
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found | {"software": software_versions()}


def held_out_metrics(split: Split, base: dict[str, float], candidate: dict[str, float], told: Told) -> dict[str, Any]:
    """The card's metrics: patch metrics of both on the same held-out places, and on how many."""
    return {
        "protocol": "held-out patches of the data set, weighted to 29 % mitoses; chosen by average precision on them",
        "held_out_by": split.by,
        "places": told.record["places"],
        "mitoses": told.record["mitoses"],
        "base": base,
        "candidate": candidate,
        "gain": round(float(np.subtract(candidate["average_precision"], base["average_precision"])), 5),
    }
