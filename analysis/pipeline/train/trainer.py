"""The loop of a training, with everything that a checkpoint must bring back."""

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from analysis.pipeline.classifiers.card import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.datasets import Source
from analysis.pipeline.errors import TrainingRefused
from analysis.pipeline.evaluate.patches import best_margin, figures_at, patches
from analysis.pipeline.finder.hardness import finder_hardness, load_run
from analysis.pipeline.patches import to_network
from analysis.pipeline.train.ahead import Ahead
from analysis.pipeline.train.checkpoint import (
    Progress,
    pack,
    read_checkpoint,
    save_tensors,
    under,
    unpack,
    write_checkpoint,
)
from analysis.pipeline.train.config import TrainConfig, learning_rate
from analysis.pipeline.train.curves import Curves
from analysis.pipeline.train.distributed import World, spread, sum_gradients
from analysis.pipeline.train.interrupt import TrainingStopped, Wish, stops_politely
from analysis.pipeline.train.mining import mined
from analysis.pipeline.train.runs import counts, log
from analysis.pipeline.train.sampling import make_sampler, positive_weight
from analysis.pipeline.train.start import start_network
from analysis.pipeline.train.validation import patch_scores

# Steps between two lines of log and curve.
LINE_STEPS = 20
DRAWING_THREADS = 4
# Told the steps done and the last loss after every step.
Watcher = Callable[[int, float], None]


class Trainer:
    """One run in one process; with others beside it, where `world` has more than one."""

    def __init__(
        self,
        config: TrainConfig,
        sources: list[Source],
        folder: Path,
        world: World | None = None,
        validation: Source | None = None,
    ) -> None:
        self.config, self.folder, self.world = config, folder, world or World()
        self.validation, self.progress = validation, Progress()
        self.counts, self.curves = counts(sources), Curves(folder, writes=self.world.rank == 0)
        torch.manual_seed(config.seed)
        net = start_network(config.start, folder.parent, config.network, config.stem_activation)
        self.net = net.to(self.world.device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        if self.world.size > 1:
            spread(self.net, self.world, config.batch)
        self.optimiser = make_optimiser(config, self.net)
        self.sampler = make_sampler(sources, config)
        # On a CPU the threads would take the network's cores.
        self.batches = Ahead(self.sampler, config, threads=DRAWING_THREADS if self.world.device.type == "cuda" else 0)
        if config.finder:
            self.sampler.hardness = finder_hardness(load_run(folder.parent / config.finder), sources)
        weight = positive_weight(self.sampler) if config.weighted_loss else 1.0
        self.class_weights = torch.tensor([1.0, weight], device=self.world.device) if config.weighted_loss else None

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    @property
    def best_path(self) -> Path:
        """The average at its best validation so far."""
        return self.folder / "best.safetensors"

    def run(self, watch: Watcher = lambda step, loss: None) -> None:
        """From the last checkpoint, or the start, to the end.

        Raises TrainingStopped after Ctrl-C, TrainingRefused when the loss is no number, CheckpointRefused.
        """
        self.resume()
        try:
            with stops_politely() as wish:
                self._go_on(wish, watch)
        finally:
            self.batches.close()
        self.checkpoint()
        self.curves.draw(self.config.name)

    def _go_on(self, wish: Wish, watch: Watcher) -> None:
        progress, started = self.progress, time.monotonic() - self.progress.seconds
        while progress.step < self.config.steps and not self.has_enough():
            if progress.step in self.config.mine_at and not self._mine(wish):
                self._stop()
            loss = self.one_step()
            progress.step += 1
            progress.recent.append(loss)
            progress.seconds = time.monotonic() - started
            self._after_step()
            watch(progress.step, loss)
            if self.world.any_of(wish.stop):
                self._stop()

    def has_enough(self) -> bool:
        """Whether the validation's figure has not grown for long."""
        return bool(self.config.patience) and self.progress.waited >= self.config.patience

    def outcome(self) -> dict[str, torch.Tensor]:
        """The weights that the run gives: the average at the end, or at its best validation."""
        if self.config.patience and self.best_path.exists():
            return load_file(self.best_path)
        return {name: tensor.clone() for name, tensor in self.average.state_dict().items()}

    def one_step(self) -> float:
        """One batch; returns its loss."""
        config, step, world = self.config, self.progress.step, self.world
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        windows, labels = self.batches.batch(step)
        rows = world.rows(config.batch)
        # Dropout must not depend on where a run was interrupted.
        torch.manual_seed(config.seed * 1_000_003 + step)
        with torch.autocast(world.device.type, torch.bfloat16, enabled=config.bfloat16):
            logits = self.net(to_network(windows[rows], IMAGENET_MEAN, IMAGENET_STD).to(world.device))
        targets, smoothing = two_classes(labels[rows]).to(world.device), config.label_smoothing
        total = cross_entropy(
            logits.float(), targets, weight=self.class_weights, label_smoothing=smoothing, reduction="sum"
        )
        loss = total / config.batch
        value = world.summed(loss.detach().clone()).item()
        refuse_no_number(value, step, config.name)
        self.optimiser.zero_grad()
        loss.backward()
        sum_gradients(self.net, world)
        self.optimiser.step()
        follow(self.average, self.net, config.ema, step)
        return value

    def _mine(self, wish: Wish) -> bool:
        """Sets the hardness anew. False where the run shall stop; then nothing has changed."""
        found = mined(self.average, self.sampler, self.config, self.progress.step, self.world, wish)
        if found is not None:
            self.sampler.hardness = found
        return found is not None

    def _after_step(self) -> None:
        """Log, curve, validation and checkpoint, each at its steps."""
        config, progress = self.config, self.progress
        if progress.step % LINE_STEPS == 0 or progress.step == config.steps:
            loss, rate = np.mean(progress.recent), config.batch * progress.step / max(progress.seconds, 1e-9)
            log.info("step %d/%d loss %.4f, %.0f windows/s", progress.step, config.steps, loss, rate)
            self.curves.add(progress.step, loss=round(float(loss), 5), lr=learning_rate(config, progress.step - 1))
            progress.recent.clear()
        if self.validation and (progress.step % config.validate_every == 0 or progress.step == config.steps):
            self._validate(self.validation)
        if progress.step % config.checkpoint_every == 0:
            self.checkpoint()

    def _validate(self, source: Source) -> None:
        """Measures the average on the validation slide and keeps it where it is the best so far."""
        progress, found = self.progress, {}
        if self.world.rank == 0:
            px = self.config.px_at(progress.step - 1)
            found = patch_summary(self.average, source, px, self.world.device)
            self.curves.add(progress.step, **found)
            log.info("step %d validation %s", progress.step, found)
        figure = self.world.from_first(found.get("average_precision", 0.0))
        progress.waited += 1
        if figure > progress.best:
            progress.best, progress.best_step, progress.waited = figure, progress.step, 0
            if self.world.rank == 0:
                save_tensors(self.average.state_dict(), self.best_path)

    def _stop(self) -> None:
        self.checkpoint()
        self.curves.draw(self.config.name)
        raise TrainingStopped(
            f"stopped at step {self.progress.step} of {self.config.steps}; "
            "the checkpoint is written, and the same command goes on from there"
        )

    def checkpoint(self) -> None:
        """Writes the checkpoint; raises CheckpointRefused when there is no space."""
        if self.world.rank == 0:
            tensors = pack(self.net, self.average, self.optimiser, self.sampler.hardness, self.progress)
            write_checkpoint(self.checkpoint_path, tensors, self.config, self.counts)

    def resume(self) -> None:
        """Goes back to the last checkpoint where there is one. Raises CheckpointRefused where it is another run's."""
        if not self.checkpoint_path.exists():
            self.curves.go_back_to(0)
            return
        tensors = read_checkpoint(self.checkpoint_path, self.config, self.counts)
        self.progress = unpack(tensors, self.net, self.average, self.optimiser)
        for name, hardness in under(tensors, "hardness.").items():
            self.sampler.hardness[name] = hardness.numpy()
        self.curves.go_back_to(self.progress.step)
        log.info("resumed at step %d", self.progress.step)


def refuse_no_number(loss: float, step: int, name: str) -> None:
    """Raises TrainingRefused where a loss is none, before a step is made by it."""
    if not math.isfinite(loss):
        raise TrainingRefused(
            f"The loss became {loss} at step {step} of {name}; the checkpoint from before is kept. "
            "Lower lr, or look at the images, and give the run another name."
        )


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, ema: float, step: int) -> None:
    """Moves a running average of the weights towards those after a step; counters are copied."""
    # A short memory at first, so that the average does not carry the start along.
    keep = min(ema, (1 + step) / (10 + step))
    now = net.state_dict()
    for name, mean in average.state_dict().items():
        mean.lerp_(now[name], 1 - keep) if mean.is_floating_point() else mean.copy_(now[name])


def make_optimiser(config: TrainConfig, net: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that a configuration names; its learning rate is set anew at every step."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimiser == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=config.momentum, **common)
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    return kinds[config.optimiser](net.parameters(), **common)


def two_classes(chances: np.ndarray) -> torch.Tensor:
    """Targets of both classes, float32 (b, 2), from the chances of a mitosis (b,)."""
    of_mitosis = torch.from_numpy(chances)
    return torch.stack([1 - of_mitosis, of_mitosis], dim=1)


def patch_summary(network: nn.Module, source: Source, px: int, device: torch.device) -> dict[str, float]:
    """Loss, average precision and best patch F1 on a source, windows weighted to 29 % mitoses."""
    found = patches(patch_scores(network, source, px, device))
    signed = torch.from_numpy(np.where(found.is_mitosis, -found.margins, found.margins))
    loss = float(softplus(signed).numpy() @ found.weights)
    f1 = figures_at(found, best_margin(found))["f1"]
    precision = found.curve().average_precision
    return {"validation_loss": round(loss, 5), "average_precision": round(precision, 5), "f1": round(f1, 5)}
