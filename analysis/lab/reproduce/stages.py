"""What there is to do, in order. Each stage calls what its command calls; what is heavy is imported when it runs."""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from analysis.lab.finder.training import FinderConfig
from analysis.lab.reproduce.chain import Chain, Say, Stage, write_metrics
from analysis.lab.reproduce.plan import Budget, Fold
from analysis.lab.train import TrainConfig
from analysis.pipeline.errors import PipelineRefused

LABELS = ("mitos14/annotations.csv", "midog21/manifest.csv", "midogpp/manifest.csv")
# Figures of the report slide, which no stage but `report` reads.
REPORT = "h05"


def all_stages(chain: Chain, say: Say, report: bool = False) -> list[Stage]:
    """All stages of a chain. `report`: whether to look at H05, which is counted in the card."""
    plan, labels = chain.plan, [chain.data / path for path in LABELS]
    found = [
        Stage("data", _data, labels, _metrics_file(chain, "data")),
        Stage("patches", _patches, [labels[0], list(plan.patch_sizes_px)], _metrics_file(chain, "patches")),
        Stage("normaliser", _normaliser, [labels[0], plan.normaliser_slides], _metrics_file(chain, "normaliser")),
        *(_run(chain, "finder", _finder, config) for config in plan.finders),
        *(_run(chain, "train", _train, config) for config in plan.hybrids),
        *(_scores(chain, fold) for fold in plan.folds),
        Stage("dense", _dense, [*_finders(chain), labels[0], plan.use], _metrics_file(chain, "dense")),
        Stage("evaluation", _evaluation, _left_out(chain), _metrics_file(chain, "development")),
        Stage("first-stages", _first_stages, [*_left_out(chain), labels[0]], _metrics_file(chain, "first-stages")),
        Stage("alone", _alone, [*_networks(chain), labels[0], plan.normaliser], _metrics_file(chain, "alone")),
        *(_colours(chain, fold) for fold in plan.folds),
        Stage("colours", _colours_together, _colour_scores(chain), _metrics_file(chain, "colours")),
        Stage("pointing", _pointing, _networks(chain), _metrics_file(chain, "pointing")),
        *(_comparison(chain, budget, say) for budget in plan.comparisons),
        _card(chain),
        Stage("subtypes", partial(_subtypes, say=say), [chain.released, labels[1]], _metrics_file(chain, "subtypes")),
        Stage("ood", partial(_ood, say=say), [chain.released, *labels[:2]], _metrics_file(chain, "ood")),
        Stage("speed", _speed, [chain.released], _metrics_file(chain, "speed")),
    ]
    return [*found, Stage("report", _report, [chain.released, labels[0]], ())] if report else found


def choose_stages(found: Sequence[Stage], kinds: Sequence[str]) -> list[Stage]:
    """The stages of some kinds, all where none is named. Raises PipelineRefused for a kind that there is not."""
    known = list(dict.fromkeys(stage.kind for stage in found))
    if unknown := [kind for kind in kinds if kind not in known]:
        raise PipelineRefused(f"There is no stage {', '.join(unknown)}; there are {', '.join(known)}.")
    return [stage for stage in found if not kinds or stage.kind in kinds]


def _metrics_file(chain: Chain, name: str) -> tuple[Path, ...]:
    return (chain.metrics / f"{name}.json",)


# Data ---------------------------------------------------------------------------------------------------------
def _data(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import data_metrics

    write_metrics(chain, "data", data_metrics(chain.data))


def _patches(chain: Chain) -> None:
    """The paper's patches of the training slides: looked at, counted, and what patch sizes are compared on."""
    from analysis.lab.datasets.mitos14 import FRAME_MPP
    from analysis.lab.datasets.patchset import PatchRecipe, extract_patches
    from analysis.lab.datasets.readers import read_labels

    folder = chain.out / "patches"
    # An older one of this chain: `extract_patches` makes a folder or none.
    shutil.rmtree(folder, ignore_errors=True)
    recipe = PatchRecipe(chain.plan.patch_sizes_px, mpp=FRAME_MPP)
    manifest = extract_patches(read_labels(chain.data / "mitos14" / "annotations.csv"), recipe, folder)
    write_metrics(chain, "patches", {key: value for key, value in manifest.items() if key != "patches"})


def _normaliser(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import normaliser_metrics

    write_metrics(chain, "normaliser", normaliser_metrics(chain.data, chain.plan.normaliser_slides))


# Training -----------------------------------------------------------------------------------------------------
def _run(chain: Chain, kind: str, do, config: FinderConfig | TrainConfig) -> Stage:
    labels = [chain.data / path for path in LABELS]
    made = (chain.run_weights(config.name), chain.runs / config.name / "run.json")
    return Stage(f"{kind}:{config.name}", partial(do, config=config), [config, *labels], made)


def _finder(chain: Chain, config: FinderConfig) -> None:
    from analysis.lab.finder.training import train_finder

    train_finder(config, chain.data, chain.runs)


def _train(chain: Chain, config: TrainConfig) -> None:
    from analysis.lab.train import train_network

    train_network(config, chain.data, chain.runs)


# Left-out slides ----------------------------------------------------------------------------------------------
def _networks(chain: Chain) -> list[Path]:
    return [chain.run_weights(fold.hybrid.name) for fold in chain.plan.folds]


def _finders(chain: Chain) -> list[Path]:
    return [chain.run_weights(fold.finder.name) for fold in chain.plan.folds]


def _dense(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import dense_metrics

    write_metrics(chain, "dense", dense_metrics(chain))


def _left_out(chain: Chain) -> list[Path]:
    return [chain.scores(fold.hybrid.name) for fold in chain.plan.folds]


def _scores(chain: Chain, fold: Fold) -> Stage:
    made = chain.scores(fold.hybrid.name)
    return Stage(f"scores:{fold.hybrid.name}", partial(_score, fold=fold), _made_of_fold(chain, fold), (made,))


def _made_of_fold(chain: Chain, fold: Fold) -> list:
    """What decides the scores of the slides that a fold leaves out."""
    networks = [chain.run_weights(fold.hybrid.name), chain.run_weights(fold.finder.name)]
    return [*networks, list(fold.slides), chain.data / LABELS[0], chain.plan.use, chain.plan.normaliser]


def _score(chain: Chain, fold: Fold) -> None:
    from analysis.lab import evaluate
    from analysis.lab.reproduce.measure import fold_model

    model = fold_model(chain, fold)
    scored = evaluate.score_frames(model, chain.data, fold.slides, model.card.normaliser)
    evaluate.save_scores(scored, chain.scores(fold.hybrid.name), fold.hybrid.slides)


def _evaluation(chain: Chain) -> None:
    from analysis.lab import evaluate
    from analysis.lab.evaluate import reports
    from analysis.lab.evaluate.plots import draw_plots

    frames = evaluate.load_left_out(_left_out(chain))
    metrics, points = evaluate.development_metrics(frames), evaluate.development_curves(frames)
    folder = chain.out / "development"
    reports.write_report(folder, metrics, reports.report_table(metrics), points)
    draw_plots(points, *reports.describe_data(metrics), folder)
    write_metrics(chain, "development", metrics)


def _first_stages(chain: Chain) -> None:
    from analysis.lab import evaluate
    from analysis.lab.reproduce import first_stages

    write_metrics(
        chain, "first-stages", first_stages.first_stage_metrics(evaluate.load_left_out(_left_out(chain)), chain.data)
    )


def _alone(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import alone_metrics

    write_metrics(chain, "alone", alone_metrics(chain))


def _colour_scores(chain: Chain) -> list[Path]:
    return [chain.scores(f"colours-{fold.hybrid.name}") for fold in chain.plan.folds]


def _colours(chain: Chain, fold: Fold) -> Stage:
    made = chain.scores(f"colours-{fold.hybrid.name}")
    made_of = _made_of_fold(chain, fold)
    return Stage(f"colours:{fold.hybrid.name}", partial(_colour_fold, fold=fold), made_of, (made,))


def _colour_fold(chain: Chain, fold: Fold) -> None:
    from analysis.lab.reproduce.colours import score_changed_slides
    from analysis.lab.reproduce.measure import fold_model
    from analysis.pipeline.atomic_files import write_atomically

    found = score_changed_slides(fold_model(chain, fold), chain.data, fold.slides, chain.plan.colour_changes)
    plain = {name: [frame.as_json() for frame in frames] for name, frames in found.items()}
    write_atomically(chain.scores(f"colours-{fold.hybrid.name}"), json.dumps(plain).encode())


def _colours_together(chain: Chain) -> None:
    from analysis.lab.reproduce.colours import colour_metrics, read_scores

    write_metrics(chain, "colours", colour_metrics(read_scores(_colour_scores(chain))))


def _pointing(chain: Chain) -> None:
    from analysis.lab.explain import pointing
    from analysis.lab.reproduce.measure import fold_model

    games = []
    for fold in chain.plan.folds:
        model = fold_model(chain, fold)
        games.append(
            pointing.play_pointing(model, pointing.shifted_windows(chain.data, fold.slides, model.card.patch_px))
        )
    write_metrics(chain, "pointing", pointing.report_pointing(games))


def _comparison(chain: Chain, budget: Budget, say: Say) -> Stage:
    name = f"compare-{budget.comparison}"
    made_of = [budget, *(chain.data / path for path in LABELS)]
    return Stage(
        f"compare:{budget.comparison}", partial(_compare, budget=budget, say=say), made_of, _metrics_file(chain, name)
    )


def _compare(chain: Chain, budget: Budget, say: Say) -> None:
    from analysis.lab.compare import Setup, run_comparison

    result = run_comparison(
        budget.comparison, Setup(profile=budget.profile), budget.minutes, chain.data, chain.runs, say=say
    )
    write_metrics(chain, f"compare-{budget.comparison}", json.loads(result.read_text()))


# The model ----------------------------------------------------------------------------------------------------
def _card(chain: Chain) -> Stage:
    plan = chain.plan
    networks = [chain.run_weights(plan.final.name), chain.run_weights(plan.finder.name)]
    made = (chain.released, chain.released.with_suffix(".json"), chain.metrics / "cost.json")
    settings = [plan.name, plan.notes, plan.use, plan.normaliser]
    return Stage("card", _release, [*networks, *_left_out(chain), *settings], made)


def _release(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import cost_metrics, release_model

    release_model(chain, _left_out(chain))
    write_metrics(chain, "cost", cost_metrics(chain))


def _subtypes(chain: Chain, say: Say) -> None:
    """The second heads and their card, beside the model."""
    from analysis.lab.subtypes.fit import fit_for_model
    from analysis.pipeline.cards.store import load_model
    from analysis.pipeline.subtypes.store import save_heads

    heads = fit_for_model(load_model(chain.released), chain.data, chain.out / "subtypes", say)
    save_heads(heads, chain.weights / "subtypes")
    write_metrics(chain, "subtypes", heads.metrics)


def _ood(chain: Chain, say: Say) -> None:
    from analysis.lab.ood.measured import ood_metrics
    from analysis.pipeline.cards.store import load_model

    write_metrics(chain, "ood", ood_metrics(load_model(chain.released), chain.data, say))


def _speed(chain: Chain) -> None:
    from analysis.lab.reproduce.measure import speed_metrics
    from analysis.pipeline.cards.store import load_model

    write_metrics(chain, "speed", speed_metrics(load_model(chain.released), chain.data))


def _report(chain: Chain) -> None:
    """Looks at H05 and notes the look in the card."""
    from analysis.lab import evaluate, release
    from analysis.lab.datasets.mitos14 import VALIDATION_SLIDE
    from analysis.pipeline.cards.store import load_model

    model = load_model(chain.released)
    frames = evaluate.score_frames(model, chain.data, (VALIDATION_SLIDE,), model.card.normaliser)
    evaluate.save_scores(frames, chain.scores(REPORT))
    release.add_report(chain.released, REPORT, frames)
