"""What `make bench-learning` found, as a table, as a picture, and against what was expected of it."""

import io
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.lab.evaluate.plots import COLOURS, DASHES, DPI, GREY, MARKERS
from analysis.pipeline.atomic_files import write_atomically
from benchmarks.bench_learning_loop import HONEST, HOSTILE

RING: dict[str, Any] = {"marker": "o", "markersize": 12, "fillstyle": "none", "color": "black", "linestyle": ""}
HEAD = f"{'labels':9}{'round':>6}{'verdicts':>9}{'wrong':>6}{'F1 before':>11}{'after':>7}{'95 %':>12}  gate"


def compare_with_expected(rounds: list[dict], curve: list[dict], base_f1: float) -> list[dict[str, Any]]:
    """What was expected before anything was measured, and whether it held. `base_f1`: on the left-out slides."""
    honest, hostile = ([row for row in rounds if row["labels"] == labels] for labels in (HONEST, HOSTILE))
    in_use = [row["f1_after"] for row in honest if row["activated"]]
    harmful = [row for row in hostile if row["f1_after"] < row["f1_before"]]
    return [
        {"what": "after three rounds of honest readers the version in use has a higher F1 on the left-out slides",
         "held": bool(in_use) and in_use[-1] > base_f1},
        {"what": "the gate lets an honest candidate through", "held": bool(in_use)},
        {"what": "the gate refuses every candidate with a fifth of its labels turned",
         "held": not any(row["activated"] for row in hostile)},
        {"what": "no candidate of hostile readers that is worse on the left-out slides comes into use",
         "held": not any(row["activated"] for row in harmful)},
        {"what": "most verdicts on an unseen scanner give a higher F1 there than none",
         "held": curve[-1]["f1"] is not None and curve[-1]["f1"] > curve[0]["f1"]},
    ]  # fmt: skip


def format_report(report: dict[str, Any]) -> str:
    """The table for the terminal."""
    lines = ["QUICK: tiny budgets, so these figures rank nothing."] if report["quick"] else []
    lines += [HEAD, *map(_round_line, report["rounds"]), ""]
    lines += [f"{'verdicts':>9}{'wrong':>6}{'mitoses':>8}{'F1':>7}{'95 %':>12}  on other slides of an unseen scanner"]
    lines += [*map(_curve_line, report["scanner_curve"]), ""]
    lines += [f"{'held' if each['held'] else 'NOT held':9} {each['what']}" for each in report["expected"]]
    return "\n".join([*lines, f"{report['seconds'] / 60:.0f} minutes"])


def _round_line(row: dict[str, Any]) -> str:
    gate = f"{row['gate']['verdict']}{', activated' if row['activated'] else ''}: {row['gate']['sentence']}"
    counted = f"{row['labels']:9}{row['round']:>6}{row['verdicts']:>9}{row['wrong_verdicts']:>6}"
    return f"{counted}{row['f1_before']:>11.3f}{row['f1_after']:>7.3f}{_interval(row['f1_after_95']):>12}  {gate}"


def _curve_line(row: dict[str, Any]) -> str:
    counted = f"{row['verdicts']:>9}{row['wrong_verdicts']:>6}{row['mitoses']:>8}"
    if row["f1"] is None:
        return f"{counted}{'-':>7}{'':12}  {row['refused']}"
    return f"{counted}{row['f1']:>7.3f}{_interval(row['f1_95']):>12}"


def _interval(ends: list[float]) -> str:
    return f"{ends[0]:.2f}-{ends[1]:.2f}"


def draw_report(report: dict[str, Any], path: Path) -> None:
    """F1 against verdicts on an unseen scanner, and beside it F1 after each round of both kinds of readers."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    curve = [row for row in report["scanner_curve"] if row["f1"] is not None]
    _draw_line(left, [row["verdicts"] for row in curve], [(row["f1"], row["f1_95"]) for row in curve], 0, "")
    left.axhline(curve[0]["f1"], color=GREY, linestyle=":", label="no verdict")
    left.set(xticks=[row["verdicts"] for row in report["scanner_curve"]], xlabel="verdicts on the unseen scanner")
    left.set(ylabel="detection F1", ylim=(0, 1), title="An unseen scanner")
    for number, labels in enumerate((HONEST, HOSTILE)):
        rows = [row for row in report["rounds"] if row["labels"] == labels]
        found = [(row["f1_after"], row["f1_after_95"]) for row in rows]
        # Beside each other, so that neither bar hides the other.
        _draw_line(right, [row["round"] + 0.06 * number for row in rows], found, number, f"{labels} readers")
        passed = [(row["round"] + 0.06 * number, row["f1_after"]) for row in rows if row["activated"]]
        for place in passed:
            right.plot(*place, **RING)
    right.plot([], [], label="came into use", **RING)
    right.axhline(report["base"]["f1"], color=GREY, linestyle=":", label="base")
    rounds = sorted({row["round"] for row in report["rounds"]})
    right.set(xlabel="round", xticks=rounds, title="Candidates on left-out slides")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.supxlabel(report["method"] + (" QUICK: ranks nothing." if report["quick"] else ""), fontsize=6, color=GREY)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    write_atomically(path, content.getvalue())


def _draw_line(axes: Axes, at: list[float], found: list[tuple[float, list[float]]], number: int, label: str) -> None:
    middle = [f1 for f1, _ in found]
    ends = [[max(0.0, f1 - low) for f1, (low, _) in found], [max(0.0, high - f1) for f1, (_, high) in found]]
    style: dict[str, Any] = {"color": COLOURS[number], "linestyle": DASHES[number], "marker": MARKERS[number]}
    axes.errorbar(at, middle, yerr=ends, capsize=3, label=label or "with its 95 % interval", **style)
