"""Plots of the curves. Each names its data and protocol below its title.

Colours are those of Okabe and Ito, which colour-blind people tell apart; lines differ in their dashes and points in
their shape as well. Plots are drawn without pyplot, so nothing is shared between two of them.
"""

import io
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LegendLocType

from analysis.lab.evaluate.counts import limits_of_agreement
from analysis.lab.evaluate.patches import PREVALENCE
from analysis.pipeline.atomic_files import write_atomically

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#777777"
DPI = 120


def plot_roc(points: dict, about: str) -> Figure:
    patch = points["patch"]
    figure, (axes,) = _new_figure("ROC of patches", about)
    axes.plot([0, *patch["false_positive_rate"]], [0, *patch["recall"]], color=COLOURS[0], label="network")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
    return _finish_axes(figure, axes, "false positive rate", "recall", (0, 1), (0, 1))


def plot_precision_recall(points: dict, about: str) -> Figure:
    patch = points["patch"]
    figure, (axes,) = _new_figure("Precision and recall of patches", about)
    axes.plot(patch["recall"], patch["precision"], color=COLOURS[0], label="network")
    axes.axhline(patch["precision"][-1], color=GREY, linestyle=":", label="all called mitoses")
    return _finish_axes(figure, axes, "recall", "precision", (0, 1), (0, 1.02), "lower left")


def plot_froc(points: dict, about: str) -> Figure:
    line = points["froc"]
    figure, (left, right) = _new_figure("FROC: recall against false detections", about, columns=2)
    for axes, key, most, unit in ((left, "false_per_image", 8, "image"), (right, "false_per_mm2", 50, "mm²")):
        axes.plot(line[key], line["recall"], color=COLOURS[0])
        _finish_axes(figure, axes, f"false detections per {unit}", "recall", (0, most), (0, 1.02))
    return figure


def plot_reliability(points: dict, about: str) -> Figure:
    bins = points["reliability"]
    figure, (axes,) = _new_figure("Reliability: what probabilities mean", about)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as it should be")
    probabilities, shares = ([b[key] for b in bins] for key in ("probability", "share"))
    axes.plot(probabilities, shares, color=COLOURS[0], marker="o", label="detections, with their number")
    for b in bins:
        axes.annotate(
            f"{b['count']:,}", (b["probability"], b["share"]), (6, -10), textcoords="offset points", fontsize=7
        )
    return _finish_axes(figure, axes, "mean probability", "share of mitoses", (0, 1), (0, 1.02), "upper left")


def plot_bland_altman(points: dict, about: str) -> Figure:
    slides, labelled, called = (np.array(points["counts"][key]) for key in ("slide", "labelled", "called"))
    figure, (axes,) = _new_figure("Bland and Altman: counts per frame", about)
    for number, slide in enumerate(sorted(set(slides.tolist()))):
        own = slides == slide
        places, times = np.unique(np.column_stack([labelled, called])[own], axis=0, return_counts=True)
        mean, error = places.mean(axis=1), places[:, 1] - places[:, 0]
        axes.scatter(
            mean + number * 0.06,
            error,
            s=18 + 10 * times,
            edgecolors=COLOURS[number % len(COLOURS)],
            label=slide,
            marker=MARKERS[number % len(MARKERS)],
            facecolors="none",
        )
    found = limits_of_agreement(labelled, called)
    axes.axhline(found["mean_difference"], color="black", label=f"mean {found['mean_difference']:+.2f}")
    for limit in found["limits_of_agreement_95"] or ():
        axes.axhline(limit, color=GREY, linestyle="--", label=f"95 % limit {limit:+.2f}")
    axes.axhline(0, color=GREY, linewidth=0.5)
    return _finish_axes(
        figure, axes, "mean of called and labelled mitoses", "called less labelled", legend="upper left"
    )


def plot_candidates(points: dict, about: str) -> Figure:
    line = points["candidates"]
    figure, (axes,) = _new_figure("Candidates before scoring: recall within 7.5 µm", about)
    axes.plot(line["per_mm2"], line["recall"], color=COLOURS[0])
    return _finish_axes(figure, axes, "candidates per mm²", "recall", (0, max(line["per_mm2"])), (0.5, 1.005))


def plot_f1_by_logit(points: dict, about: str) -> Figure:
    """Where the slides' peaks lie apart, one threshold for all cannot serve them."""
    logits = np.array(points["f1_by_logit"]["logit"])
    figure, (axes,) = _new_figure("Detection F1 of each slide against the threshold", about)
    for number, (slide, f1) in enumerate(points["f1_by_logit"]["f1"].items()):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        best = int(np.argmax(f1))
        axes.plot(logits, f1, color=colour, linestyle=dash, label=f"{slide}, best at {logits[best]:+.2f}")
        axes.plot(logits[best], f1[best], color=colour, marker=MARKERS[number % len(MARKERS)])
    return _finish_axes(
        figure, axes, "threshold, uncalibrated logits", "F1", (logits[0], logits[-1]), (0, 1), "upper left"
    )


# Each picture with the part of the points that it needs.
PLOTS: dict[str, tuple[str, Callable[[dict, str], Figure]]] = {
    "roc": ("patch", plot_roc),
    "precision_recall": ("patch", plot_precision_recall),
    "froc": ("froc", plot_froc),
    "reliability": ("reliability", plot_reliability),
    "bland_altman": ("counts", plot_bland_altman),
    "candidates": ("candidates", plot_candidates),
    "f1_by_logit": ("f1_by_logit", plot_f1_by_logit),
}


PATCHES = f"Windows centred on labels, weighted to {PREVALENCE:.0%} mitoses; no threshold."


def draw_plots(points: dict, data: str, protocol: str, folder: Path) -> list[Path]:
    """Writes a PNG into the folder for each curve that `points` (of `evaluate.curve_points`) holds; returns their
    paths. `data` and `protocol` are sentences for below the pictures; patches have a protocol of their own.
    """
    written = []
    for name, (part, picture) in PLOTS.items():
        if part in points:
            content = io.BytesIO()
            about = f"{data} {PATCHES if part == 'patch' else protocol}"
            picture(points, about).savefig(content, format="png", dpi=DPI)
            write_atomically(folder / f"{name}.png", content.getvalue())
            written.append(folder / f"{name}.png")
    return written


def _new_figure(title: str, about: str, columns: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(6.4 if columns == 1 else 10, 5.4), layout="constrained")
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    figure.suptitle(title, fontsize=12)
    figure.supxlabel(textwrap.fill(about, 88 if columns == 1 else 140), fontsize=7, color=GREY)
    return figure, axes


def _finish_axes(
    figure: Figure,
    axes: Axes,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    legend: LegendLocType = "lower right",
) -> Figure:
    axes.set(xlabel=x_label, ylabel=y_label, xlim=x_range, ylim=y_range)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8, loc=legend)
    return figure
