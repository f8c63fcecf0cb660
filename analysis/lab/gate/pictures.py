"""The gate's pictures: F1 with intervals, FROC and calibration of both versions, and each flip as a crop."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.lab.augment import cut_window
from analysis.lab.datasets.mitos14 import read_rgb
from analysis.lab.evaluate.plots import COLOURS, DASHES, DPI, GREY, MARKERS
from analysis.lab.gate.clauses import FAIL, FEW, Clause
from analysis.lab.gate.comparing import GateReport
from analysis.lab.gate.flips import Flip
from analysis.lab.gate.locked_set_folder import LockedSet
from analysis.pipeline.atomic_files import write_atomically

CROP_PX = 256  # 64 µm
# More of one kind nobody looks through; the report lists them all.
CROPS_PER_KIND = 100
FALSE_PER_MM2 = 50.0


def draw_report(report: GateReport, locked: LockedSet, folder: Path) -> dict[str, str]:
    """Writes the pictures into the folder, which is made where it is missing. Returns their names below it, by what
    they show: `f1`, `froc`, `calibration`, and `flip.N` for the report's flips that have one.
    """
    (folder / "flips").mkdir(parents=True, exist_ok=True)
    drawn = {"f1": _draw_f1(report), "froc": _draw_froc(report), "calibration": _draw_calibration(report)}
    names = {}
    for name, figure in drawn.items():
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DPI)
        names[name] = f"{name}.png"
        write_atomically(folder / names[name], content.getvalue())
    return names | _write_crops(report.flips, locked, folder)


def _write_crops(flips: list[Flip], locked: LockedSet, folder: Path) -> dict[str, str]:
    names, made = {}, Counter[str]()
    opened: tuple[str, np.ndarray] = ("", np.zeros((0, 0, 3), np.uint8))
    for number, flip in sorted(enumerate(flips), key=lambda row: row[1].file):
        made[flip.kind] += 1
        if made[flip.kind] > CROPS_PER_KIND:
            continue
        if opened[0] != flip.file:
            opened = flip.file, read_rgb(locked.folder / flip.file)
        crop = cut_window(opened[1], flip.x_px, flip.y_px, CROP_PX)
        _, png = cv2.imencode(".png", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        names[f"flip.{number}"] = f"flips/{number:04}.png"
        write_atomically(folder / names[f"flip.{number}"], png.tobytes())
    return names


def _draw_f1(report: GateReport) -> Figure:
    """One row for each group of slides: both figures, and beside it the change with its interval and tolerance."""
    rows = [
        clause for clause in report.clauses if clause.code == "f1" or clause.code.startswith(("domain.", "changed."))
    ]
    figure = Figure(figsize=(8.4, 1.6 + 0.42 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for at, clause in enumerate(reversed(rows)):
        _draw_row(left, right, at, clause)
    left.set_yticks(range(len(rows)), [clause.title for clause in reversed(rows)])
    left.set(xlabel="detection F1", xlim=(0, 1))
    right.set(xlabel="change, 95 % interval")
    figure.supxlabel("Red line: tolerance. Open ring: too few to be judged.", fontsize=7, color=GREY)
    right.axvline(0, color=GREY, linestyle=":")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
    _name_both(left, report)
    return figure


def _draw_row(left: Axes, right: Axes, at: int, clause: Clause) -> None:
    change = clause.measured
    assert change is not None and change.base is not None
    left.plot(change.base, at + 0.1, MARKERS[0], color=COLOURS[0])
    left.plot(change.candidate, at - 0.1, MARKERS[1], color=COLOURS[1])
    colour = "#B00020" if clause.says == FAIL else GREY if clause.says == FEW else COLOURS[2]
    if change.interval is not None:
        right.plot(change.interval, (at, at), color=colour)
    filled = colour if clause.says != FEW else "white"
    right.plot(change.change, at, "o", color=colour, markerfacecolor=filled)
    if clause.limit is not None and clause.says != FEW:
        right.plot([clause.limit] * 2, [at - 0.35, at + 0.35], color="#B00020", linewidth=1)


def _name_both(axes: Axes, report: GateReport) -> None:
    for number, about in enumerate((report.base, report.candidate)):
        axes.plot([], [], MARKERS[number], color=COLOURS[number], label=about["name"])
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _draw_froc(report: GateReport) -> Figure:
    figure, axes = _one_plot(report)
    for number, (which, about) in enumerate((("base", report.base), ("candidate", report.candidate))):
        line = report.curves[which]["froc"]
        style: dict[str, Any] = {"color": COLOURS[number], "linestyle": DASHES[number]}
        axes.plot(line["false_per_mm2"], line["recall"], label=about["name"], **style)
    axes.set(xlabel="false ones per mm²", ylabel="recall", xlim=(0, FALSE_PER_MM2), ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def _draw_calibration(report: GateReport) -> Figure:
    figure, axes = _one_plot(report)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as it should be")
    for number, (which, about) in enumerate((("base", report.base), ("candidate", report.candidate))):
        bins = report.curves[which]["reliability"]
        style: dict[str, Any] = {"color": COLOURS[number], "linestyle": DASHES[number], "marker": MARKERS[number]}
        axes.plot([b["probability"] for b in bins], [b["share"] for b in bins], label=about["name"], **style)
    axes.set(xlabel="probability that was told", ylabel="share of mitoses", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _one_plot(report: GateReport) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    locked = report.locked
    about = f"{locked['mitoses']} agreed mitoses of {locked['cases']} cases, {locked['area_mm2']:g} mm². "
    figure.supxlabel(about + f"{report.method['words']}.", fontsize=6, color=GREY)
    return figure, axes
