"""Checkpoints: one safetensors file with everything that a run needs to go on as if it had not been stopped."""

import errno
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from analysis.lab.errors import CheckpointRefused
from analysis.lab.train.runs import config_differences
from analysis.pipeline.atomic_files import write_atomically

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Progress:
    """How far a run is. `best` is the highest validation metric and `best_step` where it was; `waited` counts those
    since. `recent` are the losses since the last line of the curve.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    best_step: int = 0
    waited: int = 0
    recent: list[float] = field(default_factory=list)


def save_tensors(tensors: dict[str, Tensor], path: Path, about: dict[str, str] | None = None) -> None:
    """Writes a safetensors file so that a crash leaves the old one or the new one.

    Raises CheckpointRefused when there is no space; the old file is kept.
    """
    save_content(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, about))


def save_content(path: Path, content: bytes) -> None:
    """Writes a file so that a crash leaves the old one or the new one. Raises CheckpointRefused when there is no space;
    the old file is kept.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        free = shutil.disk_usage(path.parent).free
        kept = f"the {path.name} from before is kept" if path.exists() else "nothing was written"
        raise CheckpointRefused(
            f"There is no space for {path} ({len(content) >> 20} MB, {free >> 20} MB free); {kept}. "
            "Make room and give the same command again."
        ) from error


def without_prefix(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The entries whose names begin with `prefix`, without it."""
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def pack_tensors(
    net: nn.Module, average: nn.Module, optimiser: Optimizer, kept: dict[str, np.ndarray], progress: Progress
) -> dict[str, Tensor]:
    """All tensors of a checkpoint by name; `kept` are further arrays that the run needs."""
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    tensors |= {k: torch.from_numpy(v) for k, v in kept.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in state.items() if v is not None}
    numbers = (progress.step, progress.seconds, progress.best, progress.best_step, progress.waited)
    tensors["progress"] = torch.tensor(numbers, dtype=torch.float64)
    tensors["recent"] = torch.tensor(progress.recent, dtype=torch.float64)
    return tensors


def unpack_tensors(tensors: dict[str, Tensor], net: nn.Module, average: nn.Module, optimiser: Optimizer) -> Progress:
    """Puts a checkpoint's tensors back; the caller takes what it had kept. Raises RuntimeError where they do not
    fit the networks.
    """
    net.load_state_dict(without_prefix(tensors, "net."))
    average.load_state_dict(without_prefix(tensors, "average."))
    moments: dict[int, dict] = {}
    for key, tensor in without_prefix(tensors, "optimiser.").items():
        index, name = key.split(".")
        moments.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
    step, seconds, *best = tensors["progress"].tolist()
    progress = Progress(int(step), seconds)
    if best:
        progress.best, progress.best_step, progress.waited = best[0], int(best[1]), int(best[2])
        progress.recent = tensors["recent"].tolist()
    return progress


def write_checkpoint(path: Path, tensors: dict[str, Tensor], config: Any, counts: dict, data_sha256: str) -> None:
    """Writes a checkpoint that knows its configuration and data. Raises CheckpointRefused when there is no space."""
    about = {"config": json.dumps(asdict(config)), "counts": json.dumps(counts), "data_sha256": data_sha256}
    save_tensors(tensors, path, about)


def read_progress(path: Path) -> int:
    """The step of a checkpoint; 0 where there is none that can be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return int(file.get_tensor("progress")[0])
    except (SafetensorError, OSError):
        return 0


def read_checkpoint(path: Path, config: Any, counts: dict, data_sha256: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint of this configuration and data.

    Raises CheckpointRefused where it is of another configuration or of other data, or where it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise CheckpointRefused(
            f"{path} is no checkpoint that can be read ({error}); delete it and the run begins again."
        ) from error
    # Checkpoints of earlier versions say less.
    other = config_differences(json.loads(about["config"]), config) if "config" in about else []
    if other:
        raise CheckpointRefused(f"{path} is a checkpoint of another configuration ({'; '.join(other)}).")
    if "counts" in about and json.loads(about["counts"]) != counts:
        raise CheckpointRefused(
            f"{path} was written with other data ({about['counts']}, now {json.dumps(counts)}); "
            "give the run another name."
        )
    if about.get("data_sha256", data_sha256) != data_sha256:
        raise CheckpointRefused(
            f"{path} was written with other data: an image or a label has changed since, though there are as many as "
            "before. Put the data back, or give the run another name."
        )
    return tensors
