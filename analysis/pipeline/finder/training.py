"""Training the finder: one run from one configuration file, with checkpoints, as the hybrid network's.

Focal loss over cells (Lin et al. 2017): nearly all cells are easy negatives, and a mean over them would teach nothing.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from analysis.pipeline.classifiers.card import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.datasets import Source, crops, mitos14
from analysis.pipeline.files import write_atomically
from analysis.pipeline.finder.network import FinderNet
from analysis.pipeline.finder.windows import NEITHER, POSITIVE, Mix, WindowSampler
from analysis.pipeline.patches import to_network
from analysis.pipeline.train import (
    claim_folder,
    counts,
    data_hash,
    log,
    log_into,
    read_config,
    save_tensors,
)
from analysis.pipeline.train.checkpoint import Progress, pack, unpack
from analysis.pipeline.train.config import cosine_rate
from analysis.pipeline.train.trainer import follow, refuse_no_number

GAMMA = 2.0
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class FinderConfig:
    """One run. Everything that decides its outcome is here."""

    name: str
    slides: tuple[str, ...]
    crops: tuple[str, ...]
    steps: int
    # `random`, or the name of a run beside this one.
    start: str = "random"
    batch: int = 16
    lr: float = 3e-3
    warmup_steps: int = 50
    weight_decay: float = 0.01
    ema: float = 0.99
    # Of all negative cells against the positive ones, before focusing.
    negative_weight: float = 0.5
    mix: Mix = Mix()
    colour: float = 1.3
    bfloat16: bool = True
    seed: int = 1
    checkpoint_every: int = 100

    @classmethod
    def from_toml(cls, path: Path) -> "FinderConfig":
        """Reads a configuration file. Raises ConfigRefused naming what is unknown or missing."""
        return read_config(cls, path, "configuration of a finder", {"slides": [], "crops": []})


def train_finder(config: FinderConfig, data: Path, runs: Path) -> Path:
    """Trains, or goes on training, the run `runs/<name>`; returns its `weights.safetensors` (running average)."""
    folder = runs / config.name
    finished = folder / "weights.safetensors"
    claim_folder(folder, config)
    if finished.exists():
        return finished
    with log_into(folder / "log.txt"):
        sources = mitos14.load_slides(data, config.slides)
        sources += [source for name in config.crops for source in crops.load_crops(data, name)]
        log.info("sources: %s", counts(sources))
        trainer = FinderTrainer(config, sources, folder)
        trainer.run()
    facts = {"config": asdict(config), "data_sha256": data_hash(sources)}
    facts |= {"seconds": round(trainer.seconds), "counts": counts(sources)}
    write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
    save_tensors({name: tensor.clone() for name, tensor in trainer.average.state_dict().items()}, finished)
    return finished


class FinderTrainer:
    """The loop, with everything that a checkpoint must bring back."""

    def __init__(self, config: FinderConfig, sources: list[Source], folder: Path) -> None:
        self.config, self.folder, self.step, self.seconds = config, folder, 0, 0.0
        torch.manual_seed(config.seed)
        self.net = FinderNet().to(memory_format=torch.channels_last).train()
        if config.start != "random":
            self.net.load_state_dict(load_file(folder.parent / config.start / "weights.safetensors"))
        self.average = FinderNet().to(memory_format=torch.channels_last).eval()
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(self.net.parameters(), config.lr, weight_decay=config.weight_decay)
        self.sampler = WindowSampler(sources, config.mix, config.seed, config.colour)

    def run(self) -> None:
        self._resume()
        started, before, losses = time.monotonic(), self.seconds, []
        while self.step < self.config.steps:
            losses.append(self._one_step())
            self.step += 1
            self.seconds = before + time.monotonic() - started
            if self.step % 20 == 0:
                mean, rate = np.mean(losses[-20:]), self.step / max(self.seconds, 1e-9)
                log.info("step %d/%d loss %.4f, %.2f steps/s", self.step, self.config.steps, mean, rate)
            if self.step % self.config.checkpoint_every == 0:
                self._checkpoint()
        self._checkpoint()

    def _one_step(self) -> float:
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = cosine_rate(config.lr, config.warmup_steps, config.steps, self.step)
        windows, cells = self.sampler.batch(self.step, config.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            logits = self.net(to_network(windows, IMAGENET_MEAN, IMAGENET_STD))
        loss = focal_loss(logits.float(), torch.from_numpy(cells), config.negative_weight)
        refuse_no_number(loss.item(), self.step, config.name)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        follow(self.average, self.net, config.ema, self.step)
        return loss.item()

    def _checkpoint(self) -> None:
        progress = Progress(self.step, self.seconds)
        save_tensors(pack(self.net, self.average, self.optimiser, {}, progress), self.folder / CHECKPOINT)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        progress = unpack(load_file(path), self.net, self.average, self.optimiser)
        self.step, self.seconds = progress.step, progress.seconds
        log.info("resumed at step %d", self.step)


def focal_loss(logits: Tensor, cells: Tensor, negative_weight: float) -> Tensor:
    """Scalar from logits (b, h, w) and classes uint8 (b, h, w), per positive cell."""
    chance = torch.sigmoid(logits)
    is_positive, counts_too = (cells == POSITIVE).float(), (cells != NEITHER).float()
    right = torch.where(is_positive > 0, chance, 1 - chance)
    log_right = -torch.nn.functional.softplus(torch.where(is_positive > 0, -logits, logits))
    weights = counts_too * torch.where(is_positive > 0, 1.0, negative_weight) * (1 - right) ** GAMMA
    return -(weights * log_right).sum() / is_positive.sum().clamp(min=1)
