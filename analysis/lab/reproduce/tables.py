"""The tables of docs/MODEL.md, each a function from metrics to Markdown. What was not measured says so."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analysis.lab.reproduce.metrics import NOT_MEASURED, Metrics, metric_in_words
from analysis.lab.systems import shown

LEVELS = ("floor", "goal", "stretch")
DENSITIES = ("candidates_per_mm2", "nuclei_per_mm2")
AT = ("150", "300", "500")
RATIOS = ("precision", "recall", "f1")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# The goals --------------------------------------------------------------------------------------------
def goals_table(metrics: Metrics) -> str:
    rows = []
    for goal in metrics.get("goals") or []:
        found = [goal["levels"][level] for level in LEVELS]
        levels = [level["words"] if "words" in level else f"{level['value']:g}" for level in found]
        if "figure" in goal:
            measured = metric_in_words(metrics.get(goal["figure"]), goal["form"])
        else:
            values = [metrics.get(level["figure"]) for level in found]
            in_words = (metric_in_words(value, goal["form"]) for value in values)
            measured = NOT_MEASURED if None in values else " / ".join(in_words)
        rows.append([goal["name"], *levels, measured, level_reached(goal, metrics)])
    return markdown_table(["figure", *LEVELS, "measured", "reached"], rows)


def level_reached(goal: dict, metrics: Metrics) -> str:
    """The highest level that is reached, with none missed below it; `missed` where not even the floor is."""
    best = "missed"
    for level in LEVELS:
        wanted = goal["levels"][level]
        value = metrics.get(wanted.get("figure") or goal["figure"])
        limit = metrics.get(wanted["than"]) if "than" in wanted else wanted["value"]
        if value is None or limit is None:
            return NOT_MEASURED
        strict = "than" in wanted
        higher = value > limit if strict else value >= limit
        if not (higher if goal["better"] == "higher" else value <= limit):
            return best
        best = level
    return best


# Data ---------------------------------------------------------------------------------------------------------
def data_table(metrics: Metrics) -> str:
    slides = (metrics.get("data/mitos14/slides") or {}) | (metrics.get("data/mitos12a/slides") or {})
    counted = [
        [
            name,
            *(f"{row[key]:,}" for key in ("frames", "mitoses", "look_alikes")),
            "report alone" if name == "H05" else "training, left out in turn",
        ]
        for name, row in slides.items()
    ]
    return _or_none(["slide", "frames", "mitoses", "look-alikes", "use"], counted)


# Left-out slides ----------------------------------------------------------------------------------------------
def detection_table(metrics: Metrics) -> str:
    names = {
        "left out, pooled": "development/detection",
        "the same, several detections of one mitosis count once": "development/detection_amida",
        "the same, without 25 px at frame edges": "development/detection_without_25_px_edges",
        "H05": "card/metrics/h05/detection",
    }
    # Slides are drawn where there are several, frames where there is one.
    drawn = {"f1_95_bootstrap_by_case": "slides", "f1_95_bootstrap_by_frame": "frames"}
    rows = []
    for name, path in names.items():
        found = metrics.get(path) or {}
        ratios = [metric_in_words(found.get(key), ".3f") for key in RATIOS]
        key = next((key for key in drawn if key in found), None)
        interval = NOT_MEASURED if key is None else f"{found[key][0]:.2f} to {found[key][1]:.2f}, {drawn[key]}"
        rows.append([name, *ratios, interval, *(metric_in_words(found.get(key)) for key in ("tp", "fp", "fn"))])
    return markdown_table(["slides", "P", "R", "F1", "95 %, by drawing", "found", "false", "missed"], rows)


def looks_table(metrics: Metrics) -> str:
    rows = [[row["version"], metric_in_words(row["f1"], ".2f"), row["after"]] for row in metrics.get("looks") or []]
    return _or_none(["version", "detection F1 on H05", "what came of it"], rows)


def slides_table(metrics: Metrics) -> str:
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
        [name, *(metric_in_words(row.get(key), form) for key, form in forms.items())]
        for name, row in (metrics.get("development/by_slide") or {}).items()
    ]
    return _or_none(["slide", *head], rows)


def dense_table(metrics: Metrics) -> str:
    rows = [
        [name, f"{row['mitoses']}", f"{row['found']}", *(f"{row[key]:,.0f}" for key in DENSITIES)]
        for name, row in (metrics.get("dense/slides") or {}).items()
    ]
    return _or_none(["slide", "mitoses", "found", "candidates per mm²", "dark nuclei per mm²"], rows)


def first_stages_table(metrics: Metrics) -> str:
    groups = {"pooled": metrics.get("first-stages/pooled")} | (metrics.get("first-stages/by_slide") or {})
    rows = [
        [
            name,
            *(
                metric_in_words(stages[stage].get(density), ".3f")
                for stage in ("learned", "haematoxylin")
                for density in AT
            ),
        ]
        for name, stages in groups.items()
        if stages
    ]
    head = [f"{stage}, {density}/mm²" for stage in ("learned", "by darkness") for density in AT]
    return _or_none(["slide", *head], rows)


def colours_table(metrics: Metrics) -> str:
    keys = (*RATIOS, "specificity", "f1_drop", "detection_f1", "detection_f1_drop")
    rows = [
        [
            name,
            {True: "yes", False: "no"}.get(row.get("trained"), ""),
            *(metric_in_words(row.get(key), ".3f") for key in keys),
        ]
        for name, row in (metrics.get("colours/changes") or {}).items()
    ]
    head = ["colours", "trained as far", "P", "R", "patch F1", "specificity", "drop", "detection F1", "drop"]
    return _or_none(head, rows)


def pointing_table(metrics: Metrics) -> str:
    rows = []
    for group in ("maps", "priors"):
        for name, row in (metrics.get(f"pointing/{group}") or {}).items():
            low, high = row["share_95_bootstrap_by_window"]
            called = metric_in_words(row.get("of_those_called_mitosis"), ".2f")
            rows.append([name, group.removesuffix("s"), f"{row['share']:.3f}", f"{low:.2f} to {high:.2f}", called])
    return _or_none(["points with", "kind", "within 12 px", "95 % (windows drawn)", "of those called"], rows)


def normaliser_table(metrics: Metrics) -> str:
    kinds = ("unchanged", "profile", "fitted")
    slides = (metrics.get("normaliser/slides") or {}) | (
        {"slides apart by": metrics.get("normaliser/slides_apart")} if metrics.get("normaliser/slides_apart") else {}
    )
    rows = [[name, *(f"{row[kind]:.2f}" for kind in kinds)] for name, row in slides.items()]
    return _or_none(["slide", "unchanged", "profile of the others", "fitted to the slide"], rows)


# Others' metrics ----------------------------------------------------------------------------------------------
def paper_table(metrics: Metrics) -> str:
    own = metrics.get("development/patch_margin_carried_over") or {}
    alone = metrics.get("alone/best_margin") or {}
    theirs = metrics.get("published/paper")
    names = {"precision": "P", "recall": "R", "specificity": "specificity", "f1": "F1"}
    printed = theirs | {"f1": theirs["f1_of_its_precision_and_recall"]}
    rows = [
        [word, f"{printed[key]:.2f}", *(metric_in_words(found.get(key), ".2f") for found in (alone, own))]
        for key, word in names.items()
    ]
    rows[-1][1] += f" (printed: {theirs['f1_printed']:.2f})"
    head = [
        "patch figure",
        "paper, Table 2",
        "the second network alone, best margin",
        "both stages, margin carried over",
    ]
    return markdown_table(head, rows)


def paper_systems_table(metrics: Metrics) -> str:
    keys = ("system", "figure", "kind", "data", "compares", "note")
    words = {"no": "does not compare", "patch": "compares with the patch F1 here, roughly"}
    rows = [[words.get(row[key], row[key]) for key in keys] for row in metrics.get("published/table1")]
    return markdown_table(["system", "figure", "which", "data", "with the figures here", "why"], rows)


def published_table(metrics: Metrics) -> str:
    keys = ("system", "data", "f1", "source")
    rows = [[row[key] for key in keys] for row in metrics.get("published/detection")]
    return markdown_table(["system", "data", "detection F1", "source"], rows)


# Systems of the paper, cost, second heads ---------------------------------------------------------------------
def systems_table(metrics: Metrics) -> str:
    rows = list((metrics.get("systems/systems") or {}).values())
    return shown.systems_table(rows).rstrip() if rows else _or_none(["system"], [])


def cost_table(metrics: Metrics) -> str:
    runs = metrics.get("cost/runs") or {}
    return _or_none(["run", "minutes"], [[name, f"{row['seconds'] / 60:.1f}"] for name, row in runs.items()])


def speed_table(metrics: Metrics) -> str:
    rows = [
        [
            name,
            *(
                metric_in_words(row.get(key), form)
                for key, form in (("candidates_per_mm2", ",.0f"), ("candidates_over_grid", ".2f"))
            ),
        ]
        for name, row in (metrics.get("speed/slides") or {}).items()
    ]
    return _or_none(["slide", "candidates per mm²", "time, candidates against grid"], rows)


def turns_table(metrics: Metrics) -> str:
    columns = {
        "candidates": ",d",
        "mean_change": ".3f",
        "furthest_apart_95": ".3f",
        "calls_lost_by_a_turn": ".1%",
    }
    rows = [
        [words, *(metric_in_words(row.get(key), form) for key, form in columns.items())]
        for way, words in (
            ("one_view", "the window, scored in one view"),
            ("as_used", "the window, scored as the version is used"),
            ("slide_turned", "the slide, analysed anew"),
        )
        if (row := metrics.get(f"turns/{way}"))
    ]
    return _or_none(["what is turned", "candidates", "mean change", "95 % stay within", "calls lost by a turn"], rows)


def subtypes_table(metrics: Metrics) -> str:
    rows = []
    for name, words in (("subtype", "normal or atypical"), ("phase", "phase")):
        row: dict[str, Any] = metrics.get(f"subtypes/{name}") or {}
        low, high = row.get("balanced_accuracy_95_bootstrap_by_slide", (None, None))
        counts = [metric_in_words(row.get(key), ",d") for key in ("figures", "slides")]
        interval = NOT_MEASURED if low is None else f"{low:.2f} to {high:.2f}"
        rows.append([words, *counts, metric_in_words(row.get("balanced_accuracy"), ".3f"), interval])
    return markdown_table(["head", "figures", "slides", "balanced accuracy", "95 % (slides drawn)"], rows)


def ood_table(metrics: Metrics) -> str:
    grades = ("ok", "caution", "not valid")
    rows = [
        [name, *(metric_in_words(row.get(grade), "d") for grade in grades)]
        for name, row in (metrics.get("ood/grades") or {}).items()
    ]
    return _or_none(["frames", *grades], rows)


def _or_none(head: Sequence[str], rows: list) -> str:
    return markdown_table(head, rows or [[NOT_MEASURED, *[""] * (len(head) - 1)]])


TABLES: dict[str, Callable[[Metrics], str]] = {
    "goals": goals_table,
    "data": data_table,
    "detection": detection_table,
    "looks": looks_table,
    "by_slide": slides_table,
    "first_stages": first_stages_table,
    "colours": colours_table,
    "dense": dense_table,
    "pointing": pointing_table,
    "normaliser": normaliser_table,
    "paper": paper_table,
    "table1": paper_systems_table,
    "published": published_table,
    "cost": cost_table,
    "ood": ood_table,
    "speed": speed_table,
    "subtypes": subtypes_table,
    "turns": turns_table,
    "systems": systems_table,
}
