"""The loop that both networks are trained in: steps, lines and curves, checkpoints, stopping and going on.

A training adds what its step is, what it mines, and what else its checkpoint must bring back.
"""

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from analysis.lab.datasets import Source
from analysis.lab.errors import TrainingRefused
from analysis.lab.train.checkpoint import Progress, pack_tensors, read_checkpoint, unpack_tensors, write_checkpoint
from analysis.lab.train.curves import Curves
from analysis.lab.train.distributed import World, spread_over_world
from analysis.lab.train.interrupt import StopRequest, StopWished, TrainingStopped, stop_on_signal
from analysis.lab.train.runs import count_places, data_hash, log

# Steps between two lines of log and curve.
LINE_STEPS = 20
# Told the steps done and the last loss after every step; raises StopWished where the run shall stop there.
Watcher = Callable[[int, float], None]


def unwatched(step: int, loss: float) -> None:
    """Nobody looks on."""


class LoopConfig(Protocol):
    """What the loop asks of a configuration, which is a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str: ...
    @property
    def start(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def checkpoint_every(self) -> int: ...
    @property
    def bfloat16(self) -> bool: ...


ConfigT = TypeVar("ConfigT", bound=LoopConfig)


class Loop(Generic[ConfigT]):
    """One run in one process; with others beside it, where `world` has more than one.

    A training calls `begin_with` and sets its `optimiser` before anything is run, and `mine_at` if it mines.
    """

    net: nn.Module
    average: nn.Module
    optimiser: Optimizer
    mine_at: tuple[int, ...] = ()

    def __init__(self, config: ConfigT, sources: list[Source], folder: Path, world: World | None = None) -> None:
        self.config, self.folder, self.world = config, folder, world or World()
        self.progress, self.counts, self.data_sha256 = Progress(), count_places(sources), data_hash(sources)
        self.curves = Curves(folder, writes=self.world.rank == 0)

    def begin_with(self, net: nn.Module) -> None:
        """Puts the network and its running average on the world's device, and what hangs on the batch on the whole."""
        self.net = net.to(self.world.device).to(memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        if self.world.size > 1:
            spread_over_world(self.net, self.world, self.config.batch)

    def run(self, watch: Watcher = unwatched) -> None:
        """From the last checkpoint, or the start, to the end.

        Raises TrainingStopped after Ctrl-C and where the watcher wishes it, TrainingRefused when the loss is no number,
        CheckpointRefused.
        """
        self.resume()
        progress, started = self.progress, time.monotonic() - self.progress.seconds
        try:
            with stop_on_signal() as request:
                while progress.step < self.config.steps and not self.has_enough():
                    if progress.step in self.mine_at and not self.mine_negatives(request):
                        self._stop_run()
                    loss = self.take_step()
                    progress.step += 1
                    progress.recent.append(loss)
                    progress.seconds = time.monotonic() - started
                    self._record_step()
                    try:
                        watch(progress.step, loss)
                    except StopWished:
                        request.made = True
                    if self.world.any_of(request.made):
                        self._stop_run()
        finally:
            self.close()
        self.save_checkpoint()
        self.curves.draw_plot(self.config.name)

    def _record_step(self) -> None:
        """Log, curve, measurement and checkpoint, each at its steps."""
        config, progress = self.config, self.progress
        if progress.step % LINE_STEPS == 0 or progress.step == config.steps:
            loss, speed = np.mean(progress.recent), config.batch * progress.step / max(progress.seconds, 1e-9)
            log.info("step %d/%d loss %.4f, %.0f windows/s", progress.step, config.steps, loss, speed)
            self.curves.add_line(progress.step, loss=round(float(loss), 5), lr=self.learning_rate_at(progress.step - 1))
            progress.recent.clear()
        self.measure_after_step()
        if progress.step % config.checkpoint_every == 0:
            self.save_checkpoint()

    def _stop_run(self) -> None:
        self.save_checkpoint()
        self.curves.draw_plot(self.config.name)
        raise TrainingStopped(
            f"stopped at step {self.progress.step} of {self.config.steps}; "
            "the checkpoint is written, and the same command goes on from there"
        )

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def save_checkpoint(self) -> None:
        """Writes the checkpoint; raises CheckpointRefused when there is no space."""
        if self.world.rank == 0:
            tensors = pack_tensors(self.net, self.average, self.optimiser, self.checkpoint_arrays(), self.progress)
            write_checkpoint(self.checkpoint_path, tensors, self.config, self.counts, self.data_sha256)

    def resume(self) -> None:
        """Goes back to the last checkpoint where there is one. Raises CheckpointRefused where it is another run's."""
        if not self.checkpoint_path.exists():
            self.curves.go_back_to(0)
            return
        tensors = read_checkpoint(self.checkpoint_path, self.config, self.counts, self.data_sha256)
        self.progress = unpack_tensors(tensors, self.net, self.average, self.optimiser)
        self.restore_arrays(tensors)
        self.curves.go_back_to(self.progress.step)
        log.info("resumed at step %d", self.progress.step)

    # What a training adds, in the order in which it is asked -------------------------------------------------
    def mine_negatives(self, request: StopRequest) -> bool:
        """Hard negatives, before a step of `mine_at`. False where the run shall stop; then nothing has changed."""
        raise NotImplementedError

    def take_step(self) -> float:
        """One batch; returns its loss."""
        raise NotImplementedError

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        raise NotImplementedError

    def measure_after_step(self) -> None:
        """Whatever is measured after a step."""

    def has_enough(self) -> bool:
        """Whether the run ends before its last step."""
        return False

    def close(self) -> None:
        """Lets go of what the steps needed."""

    def final_weights(self) -> dict[str, Tensor]:
        """The weights that the run gives."""
        return {name: tensor.clone() for name, tensor in self.average.state_dict().items()}

    def checkpoint_arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint must bring back besides networks, optimiser and progress."""
        return {}

    def restore_arrays(self, tensors: dict[str, Tensor]) -> None:
        """Takes what `checkpoint_arrays` gave from the tensors of a checkpoint."""


def refuse_no_number(loss: float, step: int, name: str) -> None:
    """Raises TrainingRefused where a loss is none, before a step is made by it."""
    if not math.isfinite(loss):
        raise TrainingRefused(
            f"The loss became {loss} at step {step} of {name}; the checkpoint from before is kept. "
            "Lower lr, or look at the images, and give the run another name."
        )


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, ema: float, step: int) -> None:
    """Moves a running average of the weights towards those after a step; counters are copied."""
    # A short memory at first, so that the average does not carry the start along.
    keep = min(ema, (1 + step) / (10 + step))
    now = net.state_dict()
    for name, mean in average.state_dict().items():
        mean.lerp_(now[name], 1 - keep) if mean.is_floating_point() else mean.copy_(now[name])
