"""Doing stages once: what is finished and still made of the same is not done again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from analysis.lab.reproduce.plan import Plan
from analysis.lab.train.loop import Watcher, unwatched
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused

Say = Callable[[str], object]


@dataclass(frozen=True)
class Chain:
    """A plan and where its things lie: data, training runs, everything else that is made, and released weights."""

    plan: Plan
    data: Path
    runs: Path
    out: Path
    weights: Path
    # What trainings compute on, and what they tell of each step.
    device: str = "auto"
    watch: Watcher = unwatched

    @property
    def metrics_folder(self) -> Path:
        return self.out / "figures"

    def scores(self, name: str) -> Path:
        return self.out / "scores" / f"{name}.json"

    def run_weights(self, name: str) -> Path:
        return self.runs / name / "weights.safetensors"

    @property
    def released(self) -> Path:
        return self.weights / f"{self.plan.name}.safetensors"


@dataclass(frozen=True)
class Stage:
    """One step. `made_of`: settings and files that decide its outcome; `makes`: files that it must leave. The word
    before a colon in its name is its kind.
    """

    name: str
    do: Callable[[Chain], object]
    made_of: Sequence[Any]
    makes: tuple[Path, ...]

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]


def run_stages(chain: Chain, wanted: Sequence[Stage], say: Say) -> list[str]:
    """Does the stages in their order; returns the names of those that were not finished already.

    Raises PipelineRefused where a stage needs something that an earlier one, not asked for, has not made.
    """
    done = []
    for folder in (chain.out / "stages", chain.metrics_folder, chain.out / "scores", chain.runs, chain.weights):
        folder.mkdir(parents=True, exist_ok=True)
    for stage in wanted:
        wanted_stamp = stamp_of(stage)
        if is_finished(chain, stage, wanted_stamp):
            say(f"{stage.name}: finished before")
            continue
        say(f"{stage.name}: begins")
        stage.do(chain)
        missing = [path.name for path in stage.makes if not path.exists()]
        if missing:
            raise PipelineRefused(f"The stage {stage.name} has not made {', '.join(missing)}.")
        write_atomically(_stamp_path(chain, stage), json.dumps({"made_of": wanted_stamp}).encode())
        done.append(stage.name)
    return done


def is_finished(chain: Chain, stage: Stage, wanted: str) -> bool:
    path = _stamp_path(chain, stage)
    if not path.exists() or not all(made.exists() for made in stage.makes):
        return False
    try:
        return json.loads(path.read_text())["made_of"] == wanted
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def stamp_of(stage: Stage) -> str:
    """SHA-256 over what a stage is made of. Raises PipelineRefused for a file that is not there yet."""
    digest = hashlib.sha256()
    for part in stage.made_of:
        if isinstance(part, Path):
            if not part.is_file():
                raise PipelineRefused(
                    f"The stage {stage.name} needs {part}, which an earlier stage makes; run all stages."
                )
            digest.update(hashlib.sha256(part.read_bytes()).digest())
        else:
            plain = asdict(part) if is_dataclass(part) and not isinstance(part, type) else part
            digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()


def _stamp_path(chain: Chain, stage: Stage) -> Path:
    return chain.out / "stages" / f"{stage.name.replace(':', '-')}.json"


def write_metrics(chain: Chain, name: str, metrics: dict) -> None:
    """Writes `figures/<name>.json`."""
    content = json.dumps(metrics, indent=1, allow_nan=False) + "\n"
    write_atomically(chain.metrics_folder / f"{name}.json", content.encode())
