"""Training a network that looks at whole images: one run in a folder, resumable as every other."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from analysis.lab.datasets import Source
from analysis.lab.errors import ConfigRefused, TrainingRefused
from analysis.lab.systems.fields import FieldSampler
from analysis.lab.train import World, claim_folder, count_places, log, log_into, save_tensors
from analysis.lab.train.config import cosine_rate
from analysis.lab.train.draft import finished_facts, write_draft
from analysis.lab.train.loop import Loop, Watcher, refuse_no_number, unwatched, update_average
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD, PATCH_CLASSIFIER, find_network
from analysis.pipeline.networks.image_detector import ImageDetector
from analysis.pipeline.patches import to_network

# Longer gradients than this are cut: a random start of a network of three losses has some that throw it off.
LONGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class ImageConfig:
    """One run of a network that looks at whole images. Everything that decides its outcome is here."""

    name: str
    network: str
    slides: tuple[str, ...]
    steps: int
    crops: tuple[str, ...] = ()
    start: str = "random"
    px: int = 512
    batch: int = 2
    lr: float = 2e-4
    warmup_steps: int = 50
    weight_decay: float = 0.01
    ema: float = 0.99
    colour: float = 1.0
    seed: int = 1
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        entry = find_network(self.network)
        if entry.kind == PATCH_CLASSIFIER or entry.is_stage:
            raise ConfigRefused(f"network is {self.network!r}, which looks at no whole image")
        if self.start != "random":
            raise ConfigRefused(f"start is {self.start!r}; networks that look at whole images start from random")
        # Batch norms need more than one value in the coarsest cells.
        if self.steps < 1 or self.batch < 2 or self.px < entry.input.least_px or self.checkpoint_every < 1:
            raise ConfigRefused(f"steps and checkpoint_every must be at least 1, batch 2, px {entry.input.least_px}")

    @property
    def bfloat16(self) -> bool:
        """Never: a box's corner would lie anywhere within eight pixels."""
        return False


class ImageTrainer(Loop[ImageConfig]):
    """A run in one process."""

    net: ImageDetector

    def __init__(self, config: ImageConfig, sources: list[Source], folder: Path, world: World | None = None) -> None:
        super().__init__(config, sources, folder, world)
        torch.manual_seed(config.seed)
        self.begin_with(cast(ImageDetector, find_network(config.network).build()))
        self.optimiser = torch.optim.AdamW(self.net.parameters(), config.lr, weight_decay=config.weight_decay)
        self.sampler = FieldSampler(sources, config.seed, config.colour)

    def take_step(self) -> float:
        config, step, device = self.config, self.progress.step, self.world.device
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate_at(step)
        fields = self.sampler.batch(step, config.batch, config.px)
        mitoses, others = (
            [torch.from_numpy(places).to(device) for places in group] for group in (fields.mitoses, fields.others)
        )
        # What is drawn within the network must not depend on where a run was interrupted.
        torch.manual_seed(config.seed * 1_000_003 + step)
        loss = self.net.loss(to_network(fields.windows, IMAGENET_MEAN, IMAGENET_STD).to(device), mitoses, others)
        refuse_no_number(loss.item(), step, config.name)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        self.optimiser.step()
        update_average(self.average, self.net, config.ema, step)
        return loss.item()

    def learning_rate_at(self, step: int) -> float:
        return cosine_rate(self.config.lr, self.config.warmup_steps, self.config.steps, step)


def train_on_images(
    config: ImageConfig, sources: list[Source], runs: Path, world: World | None = None, watch: Watcher = unwatched
) -> Path:
    """Trains, or goes on training, the run `runs/<name>`; returns its `weights.safetensors` (running average), with a
    draft of its card beside it.

    Raises PipelineRefused with a sentence where the folder holds a run of another configuration, and in several
    processes; TrainingStopped after Ctrl-C.
    """
    world = world or World()
    if world.size > 1:
        raise TrainingRefused(f"{config.name} is trained in one process; give the command without torchrun.")
    folder = runs / config.name
    finished = folder / "weights.safetensors"
    claim_folder(folder, config)
    if finished.exists():
        return finished
    with log_into(folder / "log.txt"):
        log.info("sources: %s", count_places(sources))
        trainer = ImageTrainer(config, sources, folder, world)
        trainer.run(watch)
    facts, weights = finished_facts(trainer, sources, []), trainer.final_weights()
    write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
    card = replace(uncalibrated_card(config.network, ""), name=config.name)
    write_draft(card, facts, weights, finished.with_suffix(".json"))
    # Last, since they say that the run is finished.
    save_tensors(weights, finished)
    return finished
