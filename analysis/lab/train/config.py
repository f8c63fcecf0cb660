"""What decides a training's outcome: one frozen configuration, read from a TOML file."""

import math
from dataclasses import dataclass
from pathlib import Path

from analysis.lab.datasets import crops, frames, tissue
from analysis.lab.datasets.sampler import Shares
from analysis.lab.errors import ConfigRefused
from analysis.lab.toml_config import read_toml
from analysis.pipeline.errors import meant
from analysis.pipeline.networks import find_network, network_names

OPTIMISERS = ("adamw", "adam", "rmsprop", "sgd")
SCHEDULES = ("cosine", "constant")
# `balanced`: sources and classes by shares, improved augmentation. `patches`: every labelled patch once a round.
SAMPLINGS = ("balanced", "patches")
# The running average looks back over a tenth of the last stage at most.
MEMORIES = 10
AUGMENTATIONS = ("improved", "paper", "none")
CHOICES = {
    "optimiser": OPTIMISERS,
    "schedule": SCHEDULES,
    "sampling": SAMPLINGS,
    "augmentation": AUGMENTATIONS,
    "stem_activation": find_network("hybrid").stem_activations,
}


@dataclass(frozen=True)
class Stage:
    """`steps` batches of windows of `px` pixels."""

    px: int
    steps: int


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Everything that decides its outcome is here; a run refuses to resume with another one."""

    name: str
    slides: tuple[str, ...]
    crops: tuple[str, ...]
    stages: tuple[Stage, ...]
    # Folders of tissue without labels of mitoses, whose training half gives negatives.
    tissue: tuple[str, ...] = ()
    # `lite0`, `random`, `b0:FILE` or `resnet18:FILE` (torchvision's weights), or the name of a run beside this one
    # whose weights to start from.
    start: str = "lite0"
    network: str = "hybrid"
    # Of the hybrid's stem: `silu` as in EfficientNet-B0, `relu6` as in EfficientNet-Lite0.
    stem_activation: str = "relu6"
    mine_at: tuple[int, ...] = ()
    mine_px: int = 64
    mine_at_most: int = 20000
    batch: int = 64
    optimiser: str = "adamw"
    lr: float = 1e-3
    schedule: str = "cosine"
    warmup_steps: int = 100
    weight_decay: float = 0.02
    # Of SGD alone.
    momentum: float = 0.9
    # Whether a mitosis weighs N_negative / N_positive of the training fold in the loss, at most 10.
    weighted_loss: bool = False
    label_smoothing: float = 0.05
    # Memory of the running average of the weights, which is what a run gives; 0 for none.
    ema: float = 0.995
    sampling: str = "balanced"
    shares: Shares = Shares()
    augmentation: str = "improved"
    # Strength of the stain augmentation, 0 for none.
    colour: float = 1.0
    # A normaliser fitted on each source, and the share of windows that are drawn from the copies it makes.
    normalise: str = "none"
    normalised: float = 0.0
    # Targets follow the readers' votes where they are known (midog21).
    soft_labels: bool = False
    # The chance that a labelled look-alike is a mitosis after all, on the slides whose readers are known to differ.
    disputed: float = 0.0
    # A finished finder, whose logits say from the start which negatives are hard; empty for none.
    finder: str = ""
    # A slide that is not trained on; its patch metrics are measured every so many steps. A `patience` of n gives the
    # weights of the best measurement and stops after n that were no better; 0 never stops.
    validation: str = ""
    validate_every: int = 100
    patience: int = 0
    bfloat16: bool = True
    seed: int = 1
    checkpoint_every: int = 100

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def px_at(self, step: int) -> int:
        """Window size of a step."""
        for stage in self.stages:
            if step < stage.steps:
                return stage.px
            step -= stage.steps
        return self.stages[-1].px

    @classmethod
    def from_toml(cls, path: Path) -> "TrainConfig":
        """Reads a configuration file. Raises ConfigRefused naming what is unknown, missing or impossible."""
        return read_toml(cls, path, "training configuration", {"slides": [], "crops": []})

    def __post_init__(self) -> None:
        for key, known in {"network": network_names(), **CHOICES}.items():
            value = getattr(self, key)
            if value not in known:
                raise ConfigRefused(f"{key} is {value!r}, but there are {', '.join(known)}{meant(value, known)}")
        wrong = self._impossible_value() or self._wrong_data()
        if wrong:
            raise ConfigRefused(wrong)

    def _impossible_value(self) -> str:
        """The first thing that cannot be, or nothing."""
        least_px = find_network(self.network).input.least_px
        if not self.stages or any(stage.steps < 1 or stage.px < least_px for stage in self.stages):
            return f"stages: each needs at least one step and {least_px} px, and a run at least one of them"
        if wrong := self._long_memory():
            return wrong
        if self.batch < 2 or self.checkpoint_every < 1 or self.validate_every < 1:
            return "batch must be at least 2, checkpoint_every and validate_every at least 1"
        if not (math.isfinite(self.lr) and self.lr > 0):
            return f"lr is {self.lr}; it must be above 0"
        for key in ("ema", "momentum", "label_smoothing", "normalised", "disputed"):
            if not 0 <= getattr(self, key) <= 1:
                return f"{key} is {getattr(self, key)}; it must be between 0 and 1"
        if self.sampling == "balanced" and self.augmentation != "improved":
            return f'augmentation {self.augmentation!r} needs sampling = "patches"'
        if self.sampling == "patches" and (self.mine_at or self.finder or self.tissue):
            return 'mine_at, finder and tissue need sampling = "balanced": patches are drawn evenly'
        if self.patience and not self.validation:
            return "patience needs a validation slide whose figure to watch"
        return ""

    def _long_memory(self) -> str:
        """What is wrong with a running average that carries the weights of other windows along, or nothing."""
        last = self.stages[-1]
        if len({stage.px for stage in self.stages}) == 1 or self.ema * MEMORIES <= (1 - self.ema) * last.steps:
            return ""
        return (
            f"ema is {self.ema}, an average over {1 / max(1 - self.ema, 1e-9):.0f} steps, but the last stage has "
            f"{last.steps} of {last.px} px; it must be at least {MEMORIES} times as long, or the weights of other "
            "windows stay in the average"
        )

    def _wrong_data(self) -> str:
        """The first thing that is wrong with what is trained and validated on, or nothing."""
        wrong = frames.fault_of_slides((*self.slides, self.validation) if self.validation else self.slides)
        wrong = wrong or crops.fault_of_folders(self.crops) or tissue.fault_of_tissue(self.tissue)
        if wrong:
            return wrong
        if self.validation and self.validation in frames.scans_of(self.slides):
            if len(self.slides) == 1:
                return f"{self.validation} is the only slide; a validation needs another one that is trained on"
            return f"{self.validation} is trained on and cannot validate; take it out of slides"
        return ""


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine to a fiftieth, or constant."""
    if config.schedule == "constant" and step >= config.warmup_steps:
        return config.lr
    return cosine_rate(config.lr, config.warmup_steps, config.steps, step)


def cosine_rate(lr: float, warmup_steps: int, steps: int, step: int) -> float:
    """The learning rate of a step: a linear warm-up to `lr`, then a cosine to a fiftieth of it."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    share = (step - warmup_steps) / max(1, steps - warmup_steps)
    return lr * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
