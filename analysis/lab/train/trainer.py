"""Training the second network: its steps, its mining, and what it is validated on."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy, softplus

from analysis.lab.datasets import Source
from analysis.lab.evaluate.patches import best_margin, metrics_at, pool_patches
from analysis.lab.hardness import finder_hardness, load_run
from analysis.lab.train.ahead import BatchesAhead
from analysis.lab.train.checkpoint import save_tensors, without_prefix
from analysis.lab.train.config import TrainConfig, learning_rate
from analysis.lab.train.distributed import World, sum_gradients
from analysis.lab.train.interrupt import StopRequest
from analysis.lab.train.loop import Loop, refuse_no_number, update_average
from analysis.lab.train.mining import mine_hardness
from analysis.lab.train.runs import data_hash, log
from analysis.lab.train.sampling import BatchSampler, make_sampler, positive_weight
from analysis.lab.train.start import start_network
from analysis.lab.train.validation import patch_scores
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.patches import to_network

DRAWING_THREADS = 4


class Trainer(Loop[TrainConfig]):
    """A run of the second network. `parts`: a batch goes through the network in so many, for want of memory; its
    gradients are those of the whole, its batch norms those of each part.
    """

    parts: int = 1

    def __init__(
        self,
        config: TrainConfig,
        sources: list[Source],
        folder: Path,
        world: World | None = None,
        validation: Source | None = None,
    ) -> None:
        super().__init__(config, sources, folder, world)
        self.validation, self.mine_at = validation, config.mine_at
        if validation:
            # It may decide when the run ends and which weights it gives.
            self.data_sha256 = data_hash([*sources, validation])
        torch.manual_seed(config.seed)
        self.begin_with(self.starting_network())
        self.optimiser = make_optimiser(config, self.net)
        self.sampler = self.make_sampler(sources)
        # On a CPU more threads would take the network's cores.
        on_cpu = min(1, torch.get_num_threads() - 1)
        threads = DRAWING_THREADS if self.world.device.type == "cuda" else on_cpu
        self.batches = BatchesAhead(self.sampler, config, threads)
        if config.finder:
            self.sampler.hardness = finder_hardness(load_run(folder.parent / config.finder), sources)
        weight = positive_weight(self.sampler) if config.weighted_loss else 1.0
        self.class_weights = torch.tensor([1.0, weight], device=self.world.device) if config.weighted_loss else None

    def starting_network(self) -> nn.Module:
        """What the run begins from. Raises as `start_network`."""
        config = self.config
        return start_network(config.start, self.folder.parent, config.network, config.stem_activation)

    def make_sampler(self, sources: list[Source]) -> BatchSampler:
        """What draws the batches."""
        return make_sampler(sources, self.config)

    def mine_negatives(self, request: StopRequest) -> bool:
        """Sets the hardness anew."""
        found = mine_hardness(self.average, self.sampler, self.config, self.progress.step, self.world, request)
        if found is not None:
            self.sampler.hardness = found
        return found is not None

    def take_step(self) -> float:
        config, step, world = self.config, self.progress.step, self.world
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate_at(step)
        windows, labels = self.batches.batch(step)
        rows = world.rows(config.batch)
        # Dropout must not depend on where a run was interrupted.
        torch.manual_seed(config.seed * 1_000_003 + step)
        self.optimiser.zero_grad()
        value = 0.0
        for part in np.array_split(np.arange(rows.start, rows.stop), self.parts):
            loss = self._loss_of(windows[part], labels[part])
            value += world.summed(loss.detach().clone()).item()
            refuse_no_number(value, step, config.name)
            loss.backward()
        sum_gradients(self.net, world)
        self.optimiser.step()
        update_average(self.average, self.net, config.ema, step)
        return value

    def _loss_of(self, windows: np.ndarray, labels: np.ndarray) -> torch.Tensor:
        """What windows of a batch add to its mean loss."""
        config, device = self.config, self.world.device
        with self.world.autocast(config.bfloat16):
            logits = self.net(to_network(windows, IMAGENET_MEAN, IMAGENET_STD).to(device))
        targets, smoothing = two_classes(labels).to(device), config.label_smoothing
        total = cross_entropy(
            logits.float(), targets, weight=self.class_weights, label_smoothing=smoothing, reduction="sum"
        )
        return total / config.batch

    def learning_rate_at(self, step: int) -> float:
        return learning_rate(self.config, step)

    def measure_after_step(self) -> None:
        """Where it is time to, measures the average on the validation slide and keeps it where it is the best yet."""
        config, progress, found = self.config, self.progress, {}
        is_time = progress.step % config.validate_every == 0 or progress.step == config.steps
        if not self.validation or not is_time:
            return
        if self.world.rank == 0:
            px = config.px_at(progress.step - 1)
            found = patch_summary(self.average, self.validation, px, self.world.device)
            self.curves.add_line(progress.step, **found)
            log.info("step %d validation %s", progress.step, found)
        figure = self.world.from_first(found.get("average_precision", 0.0))
        progress.waited += 1
        if figure > progress.best:
            progress.best, progress.best_step, progress.waited = figure, progress.step, 0
            if self.world.rank == 0:
                save_tensors(self.average.state_dict(), self.best_path)

    def has_enough(self) -> bool:
        """Whether the validation's metric has not grown for long."""
        return bool(self.config.patience) and self.progress.waited >= self.config.patience

    def close(self) -> None:
        self.batches.close()

    def final_weights(self) -> dict[str, torch.Tensor]:
        """The weights that the run gives: the average at the end, or at its best validation."""
        if self.config.patience and self.best_path.exists():
            return load_file(self.best_path)
        return super().final_weights()

    @property
    def best_path(self) -> Path:
        """The average at its best validation so far."""
        return self.folder / "best.safetensors"

    def checkpoint_arrays(self) -> dict[str, np.ndarray]:
        return {f"hardness.{name}": hardness for name, hardness in self.sampler.hardness.items()}

    def restore_arrays(self, tensors: dict[str, torch.Tensor]) -> None:
        for name, hardness in without_prefix(tensors, "hardness.").items():
            self.sampler.hardness[name] = hardness.numpy()


def make_optimiser(config: TrainConfig, net: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that a configuration names; its learning rate is set anew at every step."""
    common: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimiser == "sgd":
        common["momentum"] = config.momentum
    kinds = {
        "adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD,
    }  # fmt: skip
    return kinds[config.optimiser](net.parameters(), **common)


def two_classes(probabilities: np.ndarray) -> torch.Tensor:
    """Targets of both classes, float32 (b, 2), from the probabilities of a mitosis (b,)."""
    of_mitosis = torch.from_numpy(probabilities)
    return torch.stack([1 - of_mitosis, of_mitosis], dim=1)


def patch_summary(network: nn.Module, source: Source, px: int, device: torch.device) -> dict[str, float]:
    """Loss, average precision and best patch F1 on a source, windows weighted to 29 % mitoses."""
    found = pool_patches(patch_scores(network, source, px, device))
    signed = torch.from_numpy(np.where(found.is_mitosis, -found.margins, found.margins))
    loss = float(softplus(signed).numpy() @ found.weights)
    f1 = metrics_at(found, best_margin(found))["f1"]
    precision = found.curve().average_precision
    return {"validation_loss": round(loss, 5), "average_precision": round(precision, 5), "f1": round(f1, 5)}
