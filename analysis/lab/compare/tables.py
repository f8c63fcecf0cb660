"""A comparison as a table for people and as a picture."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from analysis.pipeline.atomic_files import write_atomically

COLUMNS = {
    "arm": "arm",
    "px": "px",
    "batch": "batch",
    "lr": "lr",
    "steps": "steps",
    "seconds": "s",
    "f1": "F1",
    "f1_at_best_threshold": "best F1",
    "precision": "P",
    "recall": "R",
    "specificity": "spec.",
    "roc_auc": "ROC",
    "average_precision": "AP",
    "average_precision_95_by_frame": "AP 95 %",
}


def comparison_table(result: dict) -> str:
    """Markdown with the protocol above it."""
    rows = [[_cell_text(row.get(key)) for key in COLUMNS] for row in result["arms"]]
    cells = [list(COLUMNS.values()), *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
    lines = [f"| {' | '.join(row)} |" for row in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    said = f"{result['protocol']} {result['windows_per_arm']:,} windows per arm."
    notes = "F1 at the more likely class; best F1 at the best threshold on these very slides, so too good."
    return f"{said}\n{notes}\n\n" + "\n".join(lines) + "\n"


def _cell_text(value: object) -> str:
    if isinstance(value, list):
        return f"{value[0]:.2f}-{value[1]:.2f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_table(result: dict, path: Path) -> None:
    write_atomically(path, comparison_table(result).encode())


def write_plot(result: dict, path: Path) -> None:
    """Average precision with its interval, and F1, for each arm."""
    arms = result["arms"]
    figure = Figure(figsize=(8, 1.5 + 0.45 * len(arms)), layout="constrained")
    axes, rows = figure.subplots(), range(len(arms))
    middle = [arm["average_precision"] for arm in arms]
    low, high = zip(*(arm["average_precision_95_by_frame"] for arm in arms), strict=True)
    ends = [
        [max(0, m - end) for m, end in zip(middle, low, strict=True)],
        [max(0, end - m) for m, end in zip(middle, high, strict=True)],
    ]
    axes.errorbar(middle, rows, xerr=ends, fmt="o", color="#0072B2", capsize=3, label="average precision, 95 %")
    axes.plot([arm["f1"] for arm in arms], rows, "D", color="#D55E00", label="F1 at the more likely class")
    axes.set_yticks(list(rows), [arm["arm"] for arm in arms])
    axes.invert_yaxis()
    slides, test = (", ".join(result["setup"][key]) for key in ("slides", "test"))
    title = f"{result['comparison']}: trained on {slides}, measured on {test}"
    axes.set(xlim=(0, 1), xlabel="patch figure at 29 % mitoses", title=title)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="best")
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110)
    write_atomically(path, held.getvalue())
