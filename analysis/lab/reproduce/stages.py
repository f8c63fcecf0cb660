"""What there is to do, in order. Each stage calls what its command calls."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis.lab import evaluate, release
from analysis.lab.compare import Setup
from analysis.lab.datasets import crops, tissue
from analysis.lab.datasets import frames as frames_data
from analysis.lab.datasets.frames import VALIDATION_SLIDE
from analysis.lab.datasets.mitos14 import FRAME_MPP
from analysis.lab.datasets.patchset import PatchRecipe, extract_patches
from analysis.lab.datasets.readers import read_labels
from analysis.lab.evaluate import reports
from analysis.lab.evaluate.ordinary import ordinary_metrics
from analysis.lab.evaluate.plots import draw_plots
from analysis.lab.explain import pointing
from analysis.lab.finder.training import train_finder
from analysis.lab.ood.measured import ood_metrics
from analysis.lab.reproduce.chain import Chain, Say, Stage, write_metrics
from analysis.lab.reproduce.colours import colour_metrics, read_scores, score_changed_slides
from analysis.lab.reproduce.first_stages import first_stage_metrics
from analysis.lab.reproduce.measure import (
    alone_metrics,
    cost_metrics,
    data_metrics,
    dense_metrics,
    fold_model,
    normaliser_metrics,
    quarter_turns,
    release_model,
    speed_metrics,
)
from analysis.lab.reproduce.plan import Fold
from analysis.lab.subtypes.fit import fit_for_model
from analysis.lab.systems import pick_systems, run_systems
from analysis.lab.train import join_world, train_network
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.subtypes.store import save_heads

LABELS = ("mitos14/annotations.csv", "midog21/manifest.csv", "midogpp/manifest.csv")
# Metrics of the report slide, which no stage but `report` reads.
REPORT = "h05"


def all_stages(chain: Chain, say: Say, report: bool = False) -> list[Stage]:
    """All stages of a chain. `report`: whether to look at H05, which is counted in the card."""
    plan, labels = chain.plan, [chain.data / path for path in LABELS]
    frames, sizes = labels[0], plan.patch_sizes_px
    scored = frames_data.labels_of(chain.data, plan.final.slides)
    networks = [chain.run_weights(fold.hybrid.name) for fold in plan.folds]
    finders = [chain.run_weights(fold.finder.name) for fold in plan.folds]
    left_out = [chain.scores(fold.hybrid.name) for fold in plan.folds]
    in_colours = [chain.scores(f"colours-{fold.hybrid.name}") for fold in plan.folds]

    def measured(name: str, measure: Callable[[], dict], made_of: Sequence[Any], file: str = "") -> Stage:
        """A stage that leaves what it measures as `file` among the metrics."""
        file = file or name
        return Stage(
            name, lambda _: write_metrics(chain, file, measure()), made_of, (chain.metrics_folder / f"{file}.json",)
        )

    found = [
        measured("data", lambda: data_metrics(chain.data), labels_of(chain, plan.final)),
        measured("patches", lambda: cut_patches(chain), [frames, list(sizes)]),
        measured(
            "normaliser",
            lambda: normaliser_metrics(chain.data, plan.normaliser_slides),
            [frames, plan.normaliser_slides],
        ),
        *(training_stage(chain, "finder", train_finder, config) for config in plan.finders),
        *(training_stage(chain, "train", train_network, config) for config in plan.hybrids),
        *(fold_stage(chain, fold, "scores", "", score_left_out) for fold in plan.all_folds),
        measured("dense", lambda: dense_metrics(chain), [*finders, *scored, plan.use]),
        measured("evaluation", lambda: evaluate_left_out(chain, left_out), left_out, "development"),
        measured(
            "first-stages",
            lambda: first_stage_metrics(evaluate.load_left_out(left_out), chain.data),
            [*left_out, *scored],
        ),
        *scanner_stages(chain, left_out, measured),
        measured("alone", lambda: alone_metrics(chain), [*networks, *scored, plan.normaliser]),
        *(fold_stage(chain, fold, "colours", "colours-", score_in_colours) for fold in plan.folds),
        measured("colours", lambda: colour_metrics(read_scores(in_colours)), in_colours),
        measured("turns", lambda: quarter_turns(chain, left_out), [*networks, *left_out, *plan.uses]),
        measured("pointing", lambda: play_pointing_by_fold(chain), networks),
        Stage(
            "card",
            lambda _: release_final(chain, left_out),
            [
                *(chain.run_weights(plan.final.name), chain.run_weights(plan.finder.name)),
                *left_out,
                *(chain.metrics_folder / f"{name}.json" for name in ("turns", *(("scanner",) if plan.scanner else ()))),
                *(plan.name, plan.notes, *plan.uses),
            ],
            (chain.released, chain.released.with_suffix(".json"), chain.metrics_folder / "cost.json"),
        ),
        measured("subtypes", lambda: fit_subtypes(chain, say), [chain.released, labels[1]]),
        measured(
            "ood", lambda: ood_metrics(load_model(chain.released), chain.data, say), [chain.released, *labels[:2]]
        ),
        measured(
            "ordinary",
            lambda: ordinary_metrics(load_model(chain.released), chain.data),
            [chain.released, tissue.frames_file(chain.data, "monuseg")],
        ),
        measured("speed", lambda: speed_metrics(load_model(chain.released), chain.data), [chain.released]),
        *(
            [measured("systems", lambda: compare_systems(chain, say), [plan.systems_minutes, *labels])]
            if plan.systems_minutes
            else []
        ),
    ]
    return [*found, Stage("report", look_at_report_slide, [chain.released, frames], ())] if report else found


def choose_stages(found: Sequence[Stage], kinds: Sequence[str]) -> list[Stage]:
    """The stages of some kinds, all where none is named. Raises PipelineRefused for a kind that there is not."""
    known = list(dict.fromkeys(stage.kind for stage in found))
    if unknown := [kind for kind in kinds if kind not in known]:
        raise PipelineRefused(f"There is no stage {', '.join(unknown)}; there are {', '.join(known)}.")
    return [stage for stage in found if not kinds or stage.kind in kinds]


# Stages that there are several of -----------------------------------------------------------------------------
def training_stage(chain: Chain, kind: str, train: Callable[..., Path], config: Any) -> Stage:
    """A run of one of the two networks."""
    made = (chain.run_weights(config.name), chain.runs / config.name / "run.json")

    def do(_: Chain) -> None:
        with join_world(chain.device) as world:
            train(config, chain.data, chain.runs, world, chain.watch)

    return Stage(f"{kind}:{config.name}", do, [config, *labels_of(chain, config)], made)


def labels_of(chain: Chain, config: Any) -> list[Path]:
    """The files of labels that a training reads."""
    return [
        *frames_data.labels_of(chain.data, config.slides),
        *(crops.labels_file(chain.data, name) for name in config.crops),
        *(tissue.frames_file(chain.data, name) for name in config.tissue),
    ]


def scanner_stages(chain: Chain, left_out: list[Path], measured: Callable[..., Stage]) -> list[Stage]:
    """What a scanner gets that the networks have not seen, with the threshold of the others; none where no run says."""
    if chain.plan.scanner is None:
        return []
    scores = chain.scores(chain.plan.scanner.hybrid.name)
    return [measured("scanner", lambda: left_out_scanner(scores, left_out), [scores, *left_out])]


def fold_stage(chain: Chain, fold: Fold, kind: str, prefix: str, score: Callable[[Chain, Fold, Path], None]) -> Stage:
    """Scores of the slides that a fold leaves out, and what decides them."""
    networks = [chain.run_weights(fold.hybrid.name), chain.run_weights(fold.finder.name)]
    labels = frames_data.labels_of(chain.data, fold.slides)
    made_of = [*networks, list(fold.slides), *labels, *chain.plan.uses]
    made = chain.scores(f"{prefix}{fold.hybrid.name}")
    return Stage(f"{kind}:{fold.hybrid.name}", lambda _: score(chain, fold, made), made_of, (made,))


# What stages do -----------------------------------------------------------------------------------------------
def cut_patches(chain: Chain) -> dict:
    """The paper's patches of the training slides: looked at, counted, and what patch sizes are compared on."""
    folder = chain.out / "patches"
    # An older one of this chain: `extract_patches` makes a folder or none.
    shutil.rmtree(folder, ignore_errors=True)
    recipe = PatchRecipe(chain.plan.patch_sizes_px, mpp=FRAME_MPP)
    manifest = extract_patches(read_labels(chain.data / "mitos14" / "annotations.csv"), recipe, folder)
    return {key: value for key, value in manifest.items() if key != "patches"}


def score_left_out(chain: Chain, fold: Fold, path: Path) -> None:
    model = fold_model(chain, fold)
    scored = evaluate.score_frames(model, chain.data, fold.slides, model.card.normaliser)
    evaluate.save_scores(scored, path, sorted({*fold.hybrid.slides, *fold.finder.slides}), model.card)


def evaluate_left_out(chain: Chain, left_out: Sequence[Path]) -> dict:
    """The development metrics, with their table and plots in a folder of their own."""
    frames = evaluate.load_left_out(left_out)
    metrics, points = evaluate.development_metrics(frames), evaluate.development_curves(frames)
    folder = chain.out / "development"
    reports.write_report(folder, metrics, reports.report_table(metrics), points)
    draw_plots(points, *reports.describe_data(metrics), folder)
    return metrics


def left_out_scanner(scores: Path, left_out: Sequence[Path]) -> dict:
    """Metrics of a scanner that the networks saw nothing of, read as slides of other scanners would have it."""
    own = evaluate.load_left_out([scores])
    scanners = {frame.scanner for frame in own}
    others = [frame for frame in evaluate.load_left_out(left_out) if frame.scanner not in scanners]
    return evaluate.carried_metrics(own, others)


def score_in_colours(chain: Chain, fold: Fold, path: Path) -> None:
    found = score_changed_slides(fold_model(chain, fold), chain.data, fold.slides, chain.plan.colour_changes)
    plain = {name: [frame.as_json() for frame in frames] for name, frames in found.items()}
    write_atomically(path, json.dumps(plain).encode())


def play_pointing_by_fold(chain: Chain) -> dict:
    """The pointing game of each fold's network on the slides that it leaves out, pooled."""
    games = []
    for fold in chain.plan.folds:
        model = fold_model(chain, fold)
        windows = pointing.shifted_windows(chain.data, fold.slides, model.card.patch_px)
        games.append(pointing.play_pointing(model, windows))
    return pointing.report_pointing(games)


def release_final(chain: Chain, left_out: list[Path]) -> None:
    release_model(chain, left_out)
    write_metrics(chain, "cost", cost_metrics(chain))


def fit_subtypes(chain: Chain, say: Say) -> dict:
    """The second heads and their card, beside the model."""
    heads = fit_for_model(load_model(chain.released), chain.data, chain.out / "subtypes", say)
    save_heads(heads, chain.weights / "subtypes")
    return heads.metrics


def compare_systems(chain: Chain, say: Say) -> dict:
    """Every system of the paper's Table 1, trained for the same time; what is trained already is not trained again."""
    systems = pick_systems()
    rows = run_systems(systems, Setup(), chain.plan.systems_minutes, chain.data, chain.runs, say=say)
    return {"minutes": chain.plan.systems_minutes, "systems": {row["name"]: row for row in rows}}


def look_at_report_slide(chain: Chain) -> None:
    """Looks at H05 and notes the look in the card."""
    model = load_model(chain.released)
    frames = evaluate.score_frames(model, chain.data, (VALIDATION_SLIDE,), model.card.normaliser)
    evaluate.save_scores(frames, chain.scores(REPORT))
    release.add_report(chain.released, REPORT, frames)
