"""All systems one after the other: trained for the same time, measured on the same slides."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from analysis.lab.compare.arms import Setup, base_config
from analysis.lab.compare.budget import TIMED_STEPS, TRAINING_SHARE
from analysis.lab.datasets import Source
from analysis.lab.errors import CheckpointRefused, ConfigRefused, TrainingRefused
from analysis.lab.evaluate import score_frames
from analysis.lab.finder.training import FinderConfig, FinderTrainer, train_finder
from analysis.lab.release import model_of_run
from analysis.lab.systems import table
from analysis.lab.systems.measuring import cost_of, metrics_of
from analysis.lab.systems.shown import curve_of, draw_curves, systems_table
from analysis.lab.systems.table import System, counted_row
from analysis.lab.systems.training import ImageConfig, ImageTrainer, train_on_images
from analysis.lab.train import Stage, TrainConfig, Trainer, World, train_network
from analysis.lab.train.sources import load_labelled
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import FinderUse
from analysis.pipeline.cards.store import Model
from analysis.pipeline.networks import PATCH_CLASSIFIER, find_network

Say = Callable[[str], object]
Config = TrainConfig | ImageConfig | FinderConfig
FINDER = "finder"
FINDER_THRESHOLD = -1.1
LEAST_STEPS = 2
FOLDER = "compare-systems"


def run_systems(
    systems: Sequence[System],
    setup: Setup,
    minutes: float | None,
    data: Path,
    runs: Path,
    world: World | None = None,
    say: Say = str,
) -> list[dict[str, Any]]:
    """One row for each system. `minutes` of training are shared evenly by those that are not trained yet, and by the
    finder that patch classifiers detect behind; 0 builds and counts only, None gives what was measured before.

    Writes `result.json`, `table.md` and `picture.png` into `runs/compare-systems`, where anything is measured. Raises
    CheckpointRefused where the folder holds a comparison with another setup, and what trainings raise.
    """
    folder, world = runs / FOLDER, world or World()
    rows = {system.name: counted_row(system) for system in systems}
    if minutes is None:
        return [_measured_before(folder, name) or row for name, row in rows.items()]
    if minutes < 0:
        raise ConfigRefused(f"A budget of {minutes:g} minutes is none; 0 builds and counts only.")
    if minutes == 0:
        return list(rows.values())
    if world.size > 1:
        raise TrainingRefused("A comparison runs in one process; start it without torchrun.")
    work = _Work(folder, setup, data, world, say)
    work.plan_steps(systems, minutes)
    for number, system in enumerate(systems, 1):
        say(f"system {number} of {len(systems)}: {system.name}")
        rows[system.name] = _measured_before(folder, system.name) or work.measure(system, rows[system.name])
    _write_result(folder, setup)
    return list(rows.values())


def _measured_before(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / name / "figures.json"
    return json.loads(path.read_text()) if path.exists() else None


def _write_result(folder: Path, setup: Setup) -> None:
    """Of all systems that were measured, also those that this call did not name."""
    rows = [row for system in table.SYSTEMS if (row := _measured_before(folder, system.name))]
    result = {"comparison": "systems", "setup": asdict(setup), "systems": rows}
    write_atomically(folder / "result.json", json.dumps(result, indent=1).encode())
    write_atomically(folder / "table.md", systems_table(rows).encode())
    draw_curves(rows, folder / "picture.png")


class _Work:
    """What all systems of a comparison share: frames, device, and how many steps each has."""

    def __init__(self, folder: Path, setup: Setup, data: Path, world: World, say: Say) -> None:
        self.folder, self.setup, self.data, self.world, self.say = folder, setup, data, world, say
        folder.mkdir(parents=True, exist_ok=True)
        self.plan_path = folder / "plan.json"
        wanted = json.loads(json.dumps(asdict(setup)))
        self.plan = (
            json.loads(self.plan_path.read_text()) if self.plan_path.exists() else {"setup": wanted, "steps": {}}
        )
        other = sorted(key for key in wanted if self.plan["setup"].get(key) != wanted[key])
        if other:
            raise CheckpointRefused(
                f"{folder} holds a comparison with another {', '.join(other)}; move it away or use other --runs."
            )
        self._sources: list[Source] | None = None

    @property
    def sources(self) -> list[Source]:
        if self._sources is None:
            self._sources = load_labelled(self.data, self.setup.slides, self.setup.crops or ())
        return self._sources

    def plan_steps(self, systems: Sequence[System], minutes: float) -> None:
        """How many steps fit into each one's share of the time, for those that have no plan yet. All are timed before
        the first is trained, so that all are timed alike, whatever else the machine has to do in the hours after."""
        configs: dict[str, Callable[[int], Config]] = {s.name: partial(config_of, s, self.setup) for s in systems}
        if any(system.network.kind == PATCH_CLASSIFIER for system in systems):
            configs[FINDER] = self._finder_config
        new = [name for name in configs if name not in self.plan["steps"]]
        seconds_each = minutes * 60 * TRAINING_SHARE / max(1, len(new))
        for name in new:
            with tempfile.TemporaryDirectory() as trial:
                short = configs[name](1 + TIMED_STEPS)
                steps = steps_within(make_trainer(short, self.sources, Path(trial), self.world), seconds_each)
            self.say(f"{name} has {steps} steps in its share of the time")
            self.plan["steps"][name] = steps
            write_atomically(self.plan_path, json.dumps(self.plan, indent=1).encode())

    def measure(self, system: System, row: dict[str, Any]) -> dict[str, Any]:
        """Trains a system, or goes on with it, and measures it."""
        network, run = system.network, self.folder / system.name
        finder = self._train(FINDER, self._finder_config) if network.kind == PATCH_CLASSIFIER else None
        self._train(system.name, lambda steps: config_of(system, self.setup, steps))
        model = self._model(run, finder)
        self.say(f"measuring {system.name} on {', '.join(self.setup.test)}")
        cost = cost_of(model, self.data, self.setup.test[0], str(self.world.device))
        row |= metrics_of(score_frames(model, self.data, self.setup.test)) | asdict(cost)
        facts = json.loads((run / "run.json").read_text())
        trained = {"steps": facts["steps_done"], "batch": facts["config"]["batch"], "seconds": facts["seconds"]}
        row["training"] = trained | {"device": facts["device"], "slides": list(self.setup.slides)} | curve_of(run)
        row["measured_on"] = list(self.setup.test)
        write_atomically(run / "figures.json", json.dumps(row, indent=1, allow_nan=False).encode())
        return row

    def _model(self, run: Path, finder: Path | None) -> Model:
        """The network of a run, behind the finder where it scores patches."""
        use = FinderUse(FINDER_THRESHOLD, 0.0, find_network(FINDER).parameters) if finder else None
        return model_of_run(run, finder, use, nuclei_share=0.0)

    def _finder_config(self, steps: int) -> FinderConfig:
        crops = self.setup.crops or ()
        return FinderConfig(FINDER, self.setup.slides, crops, steps, warmup_steps=steps // 10, seed=self.setup.seed)

    def _train(self, name: str, configure: Callable[[int], Config]) -> Path:
        """The run's folder, trained for the steps of its plan."""
        steps = self.plan["steps"][name]
        finished = (self.folder / name / "weights.safetensors").exists()
        self.say(f"{name} is trained" if finished else f"training {name}: {steps} steps")
        config = configure(steps)
        if isinstance(config, FinderConfig):
            train_finder(config, self.data, self.folder, self.world)
        elif isinstance(config, TrainConfig):
            train_network(config, self.data, self.folder, self.world, sources=None if finished else self.sources)
        else:
            train_on_images(config, [] if finished else self.sources, self.folder, self.world)
        return self.folder / name


def config_of(system: System, setup: Setup, steps: int) -> TrainConfig | ImageConfig:
    """A run of a system on the slides of a setup: a patch classifier by the paper's recipe, all from random weights."""
    network, often = system.network, max(10, steps // 5)
    if network.kind == PATCH_CLASSIFIER:
        paper = base_config("paper", setup, crops=())
        return replace(
            paper,
            name=system.name,
            network=network.name,
            start="random",
            stem_activation="silu",
            stages=(Stage(paper.stages[-1].px, steps),),
            warmup_steps=min(paper.warmup_steps, steps // 10),
            checkpoint_every=often,
        )
    return ImageConfig(
        system.name,
        network.name,
        setup.slides,
        steps,
        warmup_steps=min(ImageConfig.warmup_steps, steps // 10),
        seed=setup.seed,
        checkpoint_every=often,
    )


def make_trainer(
    config: Config, sources: list[Source], folder: Path, world: World
) -> Trainer | FinderTrainer | ImageTrainer:
    """What makes the steps of a run."""
    if isinstance(config, TrainConfig):
        return Trainer(config, sources, folder, world)
    if isinstance(config, FinderConfig):
        return FinderTrainer(config, sources, folder, world)
    return ImageTrainer(config, sources, folder, world)


def steps_within(trainer: Trainer | FinderTrainer | ImageTrainer, seconds: float) -> int:
    """How many steps fit into so many seconds: the first step is not counted, the faster of two is."""
    times = []
    for _ in range(1 + TIMED_STEPS):
        started = time.monotonic()
        trainer.take_step()
        trainer.progress.step += 1
        times.append(time.monotonic() - started)
    trainer.close()
    return max(LEAST_STEPS, int(seconds / min(times[1:])))
