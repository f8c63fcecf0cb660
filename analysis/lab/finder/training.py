"""Training the finder: one run from one configuration file, with checkpoints, as the hybrid network's.

Focal loss over cells (Lin et al. 2017): nearly all cells are easy negatives, and a mean over them would teach nothing.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis.lab.datasets import MITOSIS, TISSUE, Source
from analysis.lab.errors import ConfigRefused, TrainingRefused
from analysis.lab.finder.mining import mine_wrong_places
from analysis.lab.finder.windows import NEITHER, POSITIVE, Mix, WindowSampler
from analysis.lab.toml_config import read_toml
from analysis.lab.train import World, claim_folder, count_places, log, log_into, save_tensors
from analysis.lab.train.config import cosine_rate
from analysis.lab.train.draft import finished_facts
from analysis.lab.train.interrupt import StopRequest
from analysis.lab.train.loop import Loop, Watcher, refuse_no_number, unwatched, update_average
from analysis.lab.train.sources import load_labelled
from analysis.lab.train.start import load_fitting, read_weights
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.patches import to_network

GAMMA = 2.0


@dataclass(frozen=True)
class FinderConfig:
    """One run. Everything that decides its outcome is here."""

    name: str
    slides: tuple[str, ...]
    crops: tuple[str, ...]
    steps: int
    # Folders of tissue without labels of mitoses, whose training half gives negatives.
    tissue: tuple[str, ...] = ()
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
    # Before these steps the running average looks for places where it is wrong: peaks from the logit `mine_above` on
    # (the threshold that the finder is used with), the highest ones, at most so many. `mix.mined` are drawn.
    mine_at: tuple[int, ...] = ()
    mine_above: float = -1.1
    mine_at_most: int = 2000
    colour: float = 1.3
    bfloat16: bool = True
    seed: int = 1
    checkpoint_every: int = 100

    @classmethod
    def from_toml(cls, path: Path) -> "FinderConfig":
        """Reads a configuration file. Raises ConfigRefused naming what is unknown, missing or impossible."""
        return read_toml(cls, path, "configuration of a finder", {"slides": [], "crops": []})

    def __post_init__(self) -> None:
        for key in ("steps", "batch", "checkpoint_every", "mine_at_most"):
            if getattr(self, key) < 1:
                raise ConfigRefused(f"{key} is {getattr(self, key)}; it must be at least 1")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise ConfigRefused(f"lr is {self.lr}; it must be above 0")
        if self.mix.rare < 0:
            raise ConfigRefused(f"mix.rare is {self.mix.rare}; it must be at least 0")
        of_mix = {f"mix.{key}": share for key, share in asdict(self.mix).items() if key != "rare"}
        shares = {"ema": self.ema} | of_mix
        for key, share in shares.items():
            if not 0 <= share <= 1:
                raise ConfigRefused(f"{key} is {share}; it must be between 0 and 1")


def train_finder(
    config: FinderConfig, data: Path, runs: Path, world: World | None = None, watch: Watcher = unwatched
) -> Path:
    """Trains, or goes on training, the run `runs/<name>`; returns its `weights.safetensors` (running average).

    Raises PipelineRefused with a sentence where the folder holds a run of another configuration, where the data cannot
    be trained on, and in several processes; FileNotFoundError where data or start weights lack, TrainingStopped after
    Ctrl-C.
    """
    world = world or World()
    if world.size > 1:
        raise TrainingRefused(
            f"{config.name} is a finder, which is small and trained in one process, not in {world.size}; "
            "give the command without torchrun."
        )
    folder = runs / config.name
    finished = folder / "weights.safetensors"
    claim_folder(folder, config)
    if finished.exists():
        return finished
    with log_into(folder / "log.txt"):
        unreadable: list[Path] = []
        sources = load_labelled(data, config.slides, config.crops, unreadable, unlabelled=config.tissue)
        log.info("sources: %s", count_places(sources))
        trainer = FinderTrainer(config, sources, folder, world)
        trainer.run(watch)
    facts = finished_facts(trainer, sources, unreadable)
    write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
    save_tensors(trainer.final_weights(), finished)
    return finished


class FinderTrainer(Loop[FinderConfig]):
    """A run of the finder."""

    net: FinderNet
    average: FinderNet

    def __init__(self, config: FinderConfig, sources: list[Source], folder: Path, world: World | None = None) -> None:
        super().__init__(config, sources, folder, world)
        self.mine_at = config.mine_at
        torch.manual_seed(config.seed)
        net = FinderNet()
        if config.start != "random":
            path = folder.parent / config.start / "weights.safetensors"
            load_fitting(net, read_weights(path), str(path))
        self.begin_with(net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), config.lr, weight_decay=config.weight_decay)
        self.sampler = WindowSampler(sources, config.mix, config.seed, config.colour)
        for source in sources:
            if not len(source.points[MITOSIS]) and source.kind != TISSUE:
                log.warning("%s has no labelled mitosis; no window is drawn from it but of what is mined", source.name)

    def mine_negatives(self, request: StopRequest) -> bool:
        """Sets anew what is drawn as mined."""
        found = mine_wrong_places(
            self.average, self.sampler.sources, self.config.mine_above, self.config.mine_at_most, request
        )
        if found is not None:
            self.sampler.mined = found
        return found is not None

    def take_step(self) -> float:
        config, step, device = self.config, self.progress.step, self.world.device
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate_at(step)
        windows, cells = self.sampler.batch(step, config.batch)
        with self.world.autocast(config.bfloat16):
            logits = self.net(to_network(windows, IMAGENET_MEAN, IMAGENET_STD).to(device))
        loss = focal_loss(logits.float(), torch.from_numpy(cells).to(device), config.negative_weight)
        refuse_no_number(loss.item(), step, config.name)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        update_average(self.average, self.net, config.ema, step)
        return loss.item()

    def learning_rate_at(self, step: int) -> float:
        return cosine_rate(self.config.lr, self.config.warmup_steps, self.config.steps, step)

    def checkpoint_arrays(self) -> dict[str, np.ndarray]:
        return {"mined": self.sampler.mined}

    def restore_arrays(self, tensors: dict[str, Tensor]) -> None:
        # Checkpoints of earlier versions have none.
        if "mined" in tensors:
            self.sampler.mined = tensors["mined"].numpy()


def focal_loss(logits: Tensor, cells: Tensor, negative_weight: float) -> Tensor:
    """Scalar from logits (b, h, w) and classes uint8 (b, h, w), per positive cell."""
    probability = torch.sigmoid(logits)
    is_positive, counts_too = (cells == POSITIVE).float(), (cells != NEITHER).float()
    right = torch.where(is_positive > 0, probability, 1 - probability)
    log_right = -torch.nn.functional.softplus(torch.where(is_positive > 0, -logits, logits))
    weights = counts_too * torch.where(is_positive > 0, 1.0, negative_weight) * (1 - right) ** GAMMA
    return -(weights * log_right).sum() / is_positive.sum().clamp(min=1)
