"""Running a comparison arm by arm and scoring each; what is done already is not done again."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from analysis.lab.compare.arms import COMPARISONS, ENSEMBLED, Setup, with_windows
from analysis.lab.compare.budget import seconds_per_window, windows_for
from analysis.lab.compare.scores import DRAWS, arm_metrics
from analysis.lab.compare.tables import write_plot, write_table
from analysis.lab.compare.together import average_networks, ensemble_gain
from analysis.lab.datasets import Source, frames
from analysis.lab.errors import CheckpointRefused, TrainingRefused
from analysis.lab.evaluate import PREVALENCE, FrameScores
from analysis.lab.train import TrainConfig, World, load_sources, train_network
from analysis.lab.train.sources import as_detected
from analysis.lab.train.validation import patch_scores
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.networks import find_network

Say = Callable[[str], object]


@dataclass
class _Data:
    """Sources of the last arm, since most arms of a comparison train on the same."""

    data: Path
    key: tuple = ()
    sources: list[Source] | None = None

    def of(self, config: TrainConfig) -> list[Source]:
        key = config.slides, config.crops, config.normalise, config.soft_labels
        if key != self.key or self.sources is None:
            # Let go first: two of them may not fit into memory.
            self.sources = None
            self.key, self.sources = key, load_sources(config, self.data)
        return self.sources


def run_comparison(
    name: str, setup: Setup, minutes: float, data: Path, runs: Path, world: World | None = None, say: Say = str
) -> Path:
    """Runs, or goes on with, the comparison `name` in `runs/compare-<name>`; returns its `result.json`.

    `minutes` count for all arms together; a comparison that is resumed keeps the number of windows it was begun with.
    Raises CheckpointRefused where the folder holds one of another setup, and what `train_network` raises.
    """
    world, folder = world or World(), runs / f"compare-{name}"
    if world.size > 1:
        raise TrainingRefused("A comparison runs in one process; start it without torchrun.")
    folder.mkdir(parents=True, exist_ok=True)
    arms, at_hand = COMPARISONS[name](setup), _Data(data)
    windows = _plan_windows(name, folder, setup, arms, minutes, at_hand, world)
    tested = frames.load_slides(data, setup.test)
    clear_px = max(config.stages[-1].px for config in arms)
    rows = []
    arms = [with_windows(config, windows) for config in arms]
    for number, config in enumerate(arms, 1):
        say(f"arm {number} of {len(arms)}: {config.name}, {config.steps} steps of {config.batch}")
        rows.append(_run_arm(config, folder, at_hand, tested, clear_px, world))
    if name in ENSEMBLED:
        say(f"{len(arms)} networks as one")
        rows.append(_score_ensemble(arms, folder, tested, clear_px, world))
    result = {
        "comparison": name,
        "protocol": protocol_of(setup),
        "setup": asdict(setup),
        "windows_per_arm": windows,
        "arms": rows,
    }
    path = folder / "result.json"
    write_atomically(path, json.dumps(result, indent=1).encode())
    write_table(result, folder / "table.md")
    write_plot(result, folder / "picture.png")
    return path


def protocol_of(setup: Setup) -> str:
    """What the metrics are of, in a sentence."""
    return (
        f"Patch figures (not detection) on slides {', '.join(setup.test)}, trained on {', '.join(setup.slides)}, "
        f"weighted to {PREVALENCE:.0%} mitoses; one seed ({setup.seed}); intervals by drawing frames {DRAWS} times."
    )


def _plan_windows(
    name: str, folder: Path, setup: Setup, arms: list[TrainConfig], minutes: float, at_hand: _Data, world: World
) -> int:
    """Windows per arm, from the plan of the first start or measured now."""
    path, wanted = folder / "plan.json", json.loads(json.dumps(asdict(setup)))
    if path.exists():
        plan = json.loads(path.read_text())
        other = sorted(key for key in wanted if plan["setup"].get(key) != wanted[key])
        if other:
            raise CheckpointRefused(
                f"{folder} holds a comparison with another {', '.join(other)}; move it away or use other --runs."
            )
        return plan["windows"]
    costs: dict[tuple, float] = {}
    for config in arms:
        key = config.network, config.batch, config.stages[-1].px
        if key not in costs:
            plain = replace(config, normalise="none", normalised=0.0)
            costs[key] = seconds_per_window(plain, at_hand.of(plain), world)
    each = [costs[config.network, config.batch, config.stages[-1].px] for config in arms]
    windows = windows_for(minutes, each, [config.batch for config in arms])
    plan = {"comparison": name, "setup": wanted, "minutes": minutes, "windows": windows}
    plan["seconds_per_window"] = {config.name: round(cost, 5) for config, cost in zip(arms, each, strict=True)}
    write_atomically(path, json.dumps(plan, indent=1).encode())
    return windows


def _run_arm(
    config: TrainConfig, folder: Path, at_hand: _Data, tested: list[Source], clear_px: int, world: World
) -> dict[str, Any]:
    """Trains and scores one arm, or reads what it scored before."""
    path = folder / config.name / "figures.json"
    if path.exists():
        return json.loads(path.read_text())
    finished = (folder / config.name / "weights.safetensors").exists()
    weights = train_network(config, at_hand.data, folder, world, sources=None if finished else at_hand.of(config))
    facts = json.loads(weights.with_name("run.json").read_text())
    row = describe_arm(config) | {"seconds": facts["seconds"]}
    row |= arm_metrics(score_test_slides(_load_network(config, weights), config, tested, clear_px, world))
    write_atomically(path, json.dumps(row, indent=1).encode())
    return row


def describe_arm(config: TrainConfig) -> dict[str, Any]:
    """What tells an arm from the others."""
    keys = ("network", "start", "optimiser", "lr", "batch", "normalise", "colour")
    parameters = find_network(config.network).parameters
    row = {"arm": config.name} | {key: getattr(config, key) for key in keys}
    return row | {"px": config.stages[-1].px, "steps": config.steps, "parameters": parameters}


def score_test_slides(
    network: nn.Module, config: TrainConfig, tested: list[Source], clear_px: int, world: World
) -> list[FrameScores]:
    """Margins of the windows of the test slides, read as the arm's configuration has it."""
    network = network.to(world.device).eval()
    return [
        frame
        for source in tested
        for frame in patch_scores(network, as_detected(source, config), config.stages[-1].px, world.device, clear_px)
    ]


def _score_ensemble(
    configs: list[TrainConfig], folder: Path, tested: list[Source], clear_px: int, world: World
) -> dict:
    """The row of all arms as one network, and what it gains, or what was measured of it before."""
    path = folder / "ensemble.json"
    if path.exists():
        return json.loads(path.read_text())
    networks = [_load_network(config, folder / config.name / "weights.safetensors") for config in configs]
    alone = [score_test_slides(network, configs[0], tested, clear_px, world) for network in networks]
    together = average_networks(alone)
    row = describe_arm(configs[0]) | {"arm": f"mean of {len(alone)}", "seconds": 0.0} | arm_metrics(together)
    row |= {"parameters": row["parameters"] * len(alone), "gain": ensemble_gain(together, alone)}
    write_atomically(path, json.dumps(row, indent=1).encode())
    return row


def _load_network(config: TrainConfig, weights: Path) -> nn.Module:
    network = find_network(config.network).build(config.stem_activation)
    network.load_state_dict(load_file(weights))
    return network
