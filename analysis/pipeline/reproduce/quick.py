"""The same chain on a few real frames and crops with tiny budgets: whether it runs, not how good the model is."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from analysis.pipeline.files import write_atomically
from analysis.pipeline.finder.training import FinderConfig
from analysis.pipeline.reproduce.plan import Fold, Plan
from analysis.pipeline.train import Stage, TrainConfig

SLIDES = ("H14", "H15")
FRAMES_PER_SLIDE = 2
CROPS = 24
# The teaching sheet's crops come first in MIDOG++ and are left out when crops are loaded.
SKIPPED_CROPS = 60
STEPS = 4


def quick(plan: Plan) -> Plan:
    """The plan with two folds of one slide each, a few steps everywhere and one patch size."""
    folds = [fold for slide in SLIDES for fold in plan.folds if slide in fold.slides]
    finders = {slide: replace(_finder(plan.finder), name=f"finder-{slide.lower()}") for slide in SLIDES}
    return replace(
        plan,
        name="quick",
        base=replace(_hybrid(plan.base), mine_at=(2,)),
        final=_trained_on(_hybrid(plan.final), SLIDES, plan.finder.name),
        finder=replace(_finder(plan.finder), slides=SLIDES),
        folds=tuple(_fold(fold, slide, finders[slide]) for fold, slide in zip(folds, SLIDES, strict=True)),
        patch_sizes_px=(100,),
        normaliser_slides=1,
        comparisons=(),
    )


def _fold(fold: Fold, slide: str, finder: FinderConfig) -> Fold:
    others = tuple(name for name in SLIDES if name != slide)
    hybrid = replace(_trained_on(_hybrid(fold.hybrid), others, finder.name), name=f"fold-{slide.lower()}")
    return Fold(hybrid, replace(finder, slides=others), (slide,))


def _trained_on(config: TrainConfig, slides: tuple[str, ...], finder: str) -> TrainConfig:
    return replace(config, slides=slides, finder=finder if config.finder else "")


def _hybrid(config: TrainConfig) -> TrainConfig:
    stages = tuple(Stage(stage.px, STEPS if stage is config.stages[0] else 1) for stage in config.stages)
    return replace(config, stages=stages, batch=8, warmup_steps=1, checkpoint_every=STEPS, mine_at=())


def _finder(config: FinderConfig) -> FinderConfig:
    return replace(config, steps=STEPS, batch=4, warmup_steps=1, checkpoint_every=STEPS)


def small_data(data: Path, folder: Path) -> Path:
    """A data folder with the labels of a few frames and crops; their images are links. Returns it."""
    frames = _kept(data / "mitos14" / "annotations.csv", folder, _first_frames)
    _link(data / "mitos14" / "frames", folder / "mitos14" / "frames", frames)
    for name, skipped in (("midog21", 0), ("midogpp", SKIPPED_CROPS)):
        # The skipped ones stay in front, or loading would skip others in their place.
        crops = _kept(data / name / "manifest.csv", folder, lambda rows, n=skipped: _spread(rows, n))
        _link(data / name / "patches", folder / name / "patches", crops)
    formats = folder / "formats"
    if not formats.exists():
        formats.symlink_to((data / "formats").resolve())
    return folder


def _kept(path: Path, folder: Path, choose: Callable[[list[dict]], list[dict]]) -> list[str]:
    """Writes the chosen rows of a table under the same name; returns the names of their images."""
    with path.open(newline="") as file:
        rows = choose(list(csv.DictReader(file)))
    target = folder / path.parent.name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    write_atomically(target, ("\n".join(lines) + "\n").encode())
    return list(dict.fromkeys(row["frame" if "frame" in row else "file"] for row in rows))


def _first_frames(rows: list[dict]) -> list[dict]:
    """All labels of two frames of each slide that show both classes."""
    chosen = []
    for slide in SLIDES:
        labels: dict[str, set] = {}
        for row in rows:
            if row["slide"] == slide:
                labels.setdefault(row["frame"], set()).add(row["label"])
        both = sorted(frame for frame, found in labels.items() if len(found) > 1)
        chosen += both[:FRAMES_PER_SLIDE]
    return [row for row in rows if row["frame"] in chosen]


def _spread(rows: list[dict], skipped: int) -> list[dict]:
    rows = sorted(rows, key=lambda row: row["file"])
    rest = rows[skipped:]
    return rows[:skipped] + rest[:: max(1, len(rest) // CROPS)][:CROPS]


def _link(source: Path, target: Path, names: list[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (target / name).exists():
            (target / name).symlink_to((source / name).resolve())
