"""The tables of docs/MODEL.md, each a function from figures to Markdown. What was not measured says so."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from analysis.lab.reproduce.metrics import NOT_MEASURED, Figures, worded

LEVELS = ("floor", "goal", "stretch")
COMPARISONS = ("optimisers", "patch-size", "baselines", "start", "recipes", "normalisers", "seeds")
DENSITIES = ("candidates_per_mm2", "nuclei_per_mm2")
AT = ("150", "300", "500")
RATIOS = ("precision", "recall", "f1")


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# The goals --------------------------------------------------------------------------------------------
def goals(figures: Figures) -> str:
    rows = []
    for goal in figures.get("goals") or []:
        levels = [_level(goal, level) for level in LEVELS]
        rows.append([goal["name"], *levels, _measured(goal, figures), reached(goal, figures)])
    return markdown(["figure", *LEVELS, "measured", "reached"], rows)


def _level(goal: dict, level: str) -> str:
    found = goal["levels"][level]
    return found["words"] if "words" in found else f"{found['value']:g}"


def _measured(goal: dict, figures: Figures) -> str:
    if "figure" in goal:
        return worded(figures.get(goal["figure"]), goal["form"])
    values = [figures.get(goal["levels"][level]["figure"]) for level in LEVELS]
    return NOT_MEASURED if None in values else " / ".join(worded(value, goal["form"]) for value in values)


def reached(goal: dict, figures: Figures) -> str:
    """The highest level that is reached, with none missed below it; `missed` where not even the floor is."""
    best = "missed"
    for level in LEVELS:
        wanted = goal["levels"][level]
        value = figures.get(wanted.get("figure") or goal["figure"])
        limit = figures.get(wanted["than"]) if "than" in wanted else wanted["value"]
        if value is None or limit is None:
            return NOT_MEASURED
        strict = "than" in wanted
        higher = value > limit if strict else value >= limit
        if not (higher if goal["better"] == "higher" else value <= limit):
            return best
        best = level
    return best


# Data ---------------------------------------------------------------------------------------------------------
def data(figures: Figures) -> str:
    slides = figures.get("data/mitos14/slides") or {}
    counted = [
        [name, *(f"{row[key]:,}" for key in ("frames", "mitoses", "look_alikes")), _use(name)]
        for name, row in slides.items()
    ]
    return _or_none(["slide", "frames", "mitoses", "look-alikes", "use"], counted)


def _use(slide: str) -> str:
    return "report alone" if slide == "H05" else "training, left out in turn"


# Left-out slides ----------------------------------------------------------------------------------------------
def detection(figures: Figures) -> str:
    names = {
        "left out, pooled": "development/detection",
        "the same, several detections of one mitosis count once": "development/detection_amida",
        "the same, without 25 px at frame edges": "development/detection_without_25_px_edges",
        "H05": "card/metrics/h05/detection",
    }
    rows = []
    for name, path in names.items():
        found = figures.get(path) or {}
        ratios = [worded(found.get(key), ".3f") for key in RATIOS]
        rows.append([name, *ratios, _interval(found), *(worded(found.get(key)) for key in ("tp", "fp", "fn"))])
    return markdown(["slides", "P", "R", "F1", "95 %, by drawing", "found", "false", "missed"], rows)


def _interval(found: dict) -> str:
    """With what was drawn: slides where there are several, frames where there is one."""
    drawn = {"f1_95_bootstrap_by_case": "slides", "f1_95_bootstrap_by_frame": "frames"}
    key = next((key for key in drawn if key in found), None)
    return NOT_MEASURED if key is None else f"{found[key][0]:.2f} to {found[key][1]:.2f}, {drawn[key]}"


def looks(figures: Figures) -> str:
    rows = [[row["version"], worded(row["f1"], ".2f"), row["after"]] for row in figures.get("looks") or []]
    return _or_none(["version", "detection F1 on H05", "what came of it"], rows)


def by_slide(figures: Figures) -> str:
    forms = {
        "mitoses": "d",
        "threshold_logit": "+.2f",
        "best_logit_here": "+.2f",
        "f1": ".3f",
        "best_f1_here": ".3f",
        "patch_f1": ".3f",
        "ece": ".3f",
        "candidate_recall_7_5_um": ".3f",
        "candidates_per_mm2": "d",
    }
    head = ["mitoses", "threshold carried over", "best here", "F1", "F1 at best", "patch F1", "ECE"]
    head += ["recall of candidates", "candidates per mm²"]
    rows = [
        [name, *(worded(row.get(key), form) for key, form in forms.items())]
        for name, row in (figures.get("development/by_slide") or {}).items()
    ]
    return _or_none(["slide", *head], rows)


def dense(figures: Figures) -> str:
    rows = [
        [name, f"{row['mitoses']}", f"{row['found']}", *(f"{row[key]:,.0f}" for key in DENSITIES)]
        for name, row in (figures.get("dense/slides") or {}).items()
    ]
    return _or_none(["slide", "mitoses", "found", "candidates per mm²", "dark nuclei per mm²"], rows)


def first_stages(figures: Figures) -> str:
    groups = {"pooled": figures.get("first-stages/pooled")} | (figures.get("first-stages/by_slide") or {})
    rows = [
        [name, *(worded(stages[stage].get(density), ".3f") for stage in ("learned", "haematoxylin") for density in AT)]
        for name, stages in groups.items()
        if stages
    ]
    head = [f"{stage}, {density}/mm²" for stage in ("learned", "by darkness") for density in AT]
    return _or_none(["slide", *head], rows)


def colours(figures: Figures) -> str:
    keys = (*RATIOS, "specificity", "f1_drop", "detection_f1", "detection_f1_drop")
    rows = [
        [name, {True: "yes", False: "no"}.get(row.get("trained"), ""), *(worded(row.get(key), ".3f") for key in keys)]
        for name, row in (figures.get("colours/changes") or {}).items()
    ]
    head = ["colours", "trained as far", "P", "R", "patch F1", "specificity", "drop", "detection F1", "drop"]
    return _or_none(head, rows)


def pointing(figures: Figures) -> str:
    rows = []
    for group in ("maps", "priors"):
        for name, row in (figures.get(f"pointing/{group}") or {}).items():
            low, high = row["share_95_bootstrap_by_window"]
            called = worded(row.get("of_those_called_mitosis"), ".2f")
            rows.append([name, group.removesuffix("s"), f"{row['share']:.3f}", f"{low:.2f} to {high:.2f}", called])
    return _or_none(["points with", "kind", "within 12 px", "95 % (windows drawn)", "of those called"], rows)


def normaliser(figures: Figures) -> str:
    kinds = ("unchanged", "profile", "fitted")
    slides = (figures.get("normaliser/slides") or {}) | (
        {"slides apart by": figures.get("normaliser/slides_apart")} if figures.get("normaliser/slides_apart") else {}
    )
    rows = [[name, *(f"{row[kind]:.2f}" for kind in kinds)] for name, row in slides.items()]
    return _or_none(["slide", "unchanged", "profile of the others", "fitted to the slide"], rows)


# Others' figures ----------------------------------------------------------------------------------------------
def paper(figures: Figures) -> str:
    own = figures.get("development/patch_margin_carried_over") or {}
    alone = figures.get("alone/best_margin") or {}
    theirs = figures.get("published/paper")
    names = {"precision": "P", "recall": "R", "specificity": "specificity", "f1": "F1"}
    printed = theirs | {"f1": theirs["f1_of_its_precision_and_recall"]}
    rows = [
        [word, f"{printed[key]:.2f}", *(worded(found.get(key), ".2f") for found in (alone, own))]
        for key, word in names.items()
    ]
    rows[-1][1] += f" (printed: {theirs['f1_printed']:.2f})"
    head = [
        "patch figure",
        "paper, Table 2",
        "the second network alone, best margin",
        "both stages, margin carried over",
    ]
    return markdown(head, rows)


def table1(figures: Figures) -> str:
    keys = ("system", "figure", "kind", "data", "compares", "note")
    words = {"no": "does not compare", "patch": "compares with the patch F1 here, roughly"}
    rows = [[words.get(row[key], row[key]) for key in keys] for row in figures.get("published/table1")]
    return markdown(["system", "figure", "which", "data", "with the figures here", "why"], rows)


def published(figures: Figures) -> str:
    keys = ("system", "data", "f1", "source")
    rows = [[row[key] for key in keys] for row in figures.get("published/detection")]
    return markdown(["system", "data", "detection F1", "source"], rows)


# Comparisons, cost, second heads ------------------------------------------------------------------------------
def comparison(figures: Figures, name: str) -> str:
    columns = {
        "arm": ("", "arm"),
        "px": ("d", "px"),
        "batch": ("d", "batch"),
        "steps": ("d", "steps"),
        "parameters": (",d", "parameters"),
        "f1": (".3f", "patch F1"),
        "f1_at_best_threshold": (".3f", "at its best threshold"),
        "roc_auc": (".3f", "ROC area"),
        "average_precision": (".3f", "average precision"),
    }
    rows = []
    for arm in figures.get(f"compare-{name}/arms") or []:
        low, high = arm["average_precision_95_by_frame"]
        cells = [worded(arm.get(key), form) for key, (form, _) in columns.items()]
        rows.append([*cells, f"{low:.2f} to {high:.2f}"])
    return _or_none([*(word for _, word in columns.values()), "95 % (frames drawn)"], rows)


def cost(figures: Figures) -> str:
    runs = figures.get("cost/runs") or {}
    return _or_none(["run", "minutes"], [[name, f"{row['seconds'] / 60:.1f}"] for name, row in runs.items()])


def speed(figures: Figures) -> str:
    rows = [
        [
            name,
            *(
                worded(row.get(key), form)
                for key, form in (("candidates_per_mm2", ",.0f"), ("candidates_over_grid", ".2f"))
            ),
        ]
        for name, row in (figures.get("speed/slides") or {}).items()
    ]
    return _or_none(["slide", "candidates per mm²", "time, candidates against grid"], rows)


def subtypes(figures: Figures) -> str:
    rows = []
    for name, words in (("subtype", "normal or atypical"), ("phase", "phase")):
        row: dict[str, Any] = figures.get(f"subtypes/{name}") or {}
        low, high = row.get("balanced_accuracy_95_bootstrap_by_slide", (None, None))
        counts = [worded(row.get(key), ",d") for key in ("figures", "slides")]
        interval = NOT_MEASURED if low is None else f"{low:.2f} to {high:.2f}"
        rows.append([words, *counts, worded(row.get("balanced_accuracy"), ".3f"), interval])
    return markdown(["head", "figures", "slides", "balanced accuracy", "95 % (slides drawn)"], rows)


def ood(figures: Figures) -> str:
    grades = ("ok", "caution", "not valid")
    rows = [
        [name, *(worded(row.get(grade), "d") for grade in grades)]
        for name, row in (figures.get("ood/grades") or {}).items()
    ]
    return _or_none(["frames", *grades], rows)


def _or_none(head: Sequence[str], rows: list) -> str:
    return markdown(head, rows or [[NOT_MEASURED, *[""] * (len(head) - 1)]])


TABLES: dict[str, Callable[[Figures], str]] = {
    "goals": goals,
    "data": data,
    "detection": detection,
    "looks": looks,
    "by_slide": by_slide,
    "first_stages": first_stages,
    "colours": colours,
    "dense": dense,
    "pointing": pointing,
    "normaliser": normaliser,
    "paper": paper,
    "table1": table1,
    "published": published,
    "cost": cost,
    "ood": ood,
    "speed": speed,
    "subtypes": subtypes,
    **{f"compare-{name}": partial(comparison, name=name) for name in COMPARISONS},
}
