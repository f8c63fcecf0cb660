"""The systems as a table for people, and the picture that says how far from converged each is."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.lab.train.curves import Curves
from analysis.pipeline.atomic_files import write_atomically

# After fewer steps a figure says how a system begins, and ranks nothing.
RANKS_FROM_STEPS = 500
HEAD = (
    *("system", "kind", "parameters", "as counted", "paper", "differs", "patch F1", "detection F1", "95 %", "P", "R"),
    *("GMAC/mm²", "s/mm²", "steps", "still falling"),
)
NOTES = (
    "Patch F1 is of given places at 29 % mitoses, at the more likely class; detection F1 is of whole frames, 7.5 µm, "
    "official matching. They are two figures and not to be compared. Parameters are counted as the paper seems to; ~ "
    "marks what it estimated. Still falling: the part of the loss's fall that came in the last quarter of the "
    "training, 0 when converged. Of systems that had fewer than "
    f"{RANKS_FROM_STEPS} steps in their share of the time no F1 is shown, since it would rank nothing."
)


def systems_table(rows: list[dict[str, Any]]) -> str:
    """Markdown: one row for each system, and below what there is to say of their numbers."""
    cells = [list(HEAD), *([_text(cell) for cell in _cells(row)] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = [f"| {' | '.join(c.ljust(w) for c, w in zip(row, widths, strict=True))} |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    reasons = [f"- {row['name']}, {row['difference']:+.1%}: {row['why']}" for row in rows if row["why"]]
    return "\n".join([NOTES, "", *lines, "", *reasons]).rstrip() + "\n"


def _cells(row: dict[str, Any]) -> list[object]:
    training = row["training"] or {}
    ranks = training.get("steps", 0) >= RANKS_FROM_STEPS
    detection, patch = (row[kind] if ranks and row[kind] else {} for kind in ("detection", "patch"))
    interval = next((found for key, found in detection.items() if key.startswith("f1_95_bootstrap")), None)
    mark = "~" if row["paper_is_estimate"] else ""
    return [
        row["name"],
        row["kind"],
        f"{row['parameters']:,}",
        f"{row['parameters_as_counted'] / 1e6:.1f} M",
        f"{mark}{row['paper_parameters'] / 1e6:.1f} M",
        f"{row['difference']:+.1%}",
        patch.get("f1"),
        detection.get("f1"),
        None if interval is None else f"{interval[0]:.2f}-{interval[1]:.2f}",
        detection.get("precision"),
        detection.get("recall"),
        row["gmac_per_mm2"],
        row["seconds_per_mm2"],
        training.get("steps"),
        training.get("still_falling"),
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def curve_of(run: Path) -> dict[str, Any]:
    """The losses of a run's curve, and how much of their fall came last."""
    points = [(line["step"], line["loss"]) for line in Curves(run, writes=False).lines() if "loss" in line]
    return {"curve": [list(point) for point in points], "still_falling": still_falling([loss for _, loss in points])}


def still_falling(losses: list[float]) -> float | None:
    """The part of a loss's whole fall that came in its last quarter, from 0 (converged) to 1; None for a curve of too
    few points, or one that did not fall.
    """
    if len(losses) < 4:
        return None
    first, *_, before, last = (float(np.mean(part)) for part in np.array_split(np.array(losses), 4))
    if first <= last:
        return None
    return round(min(1.0, max(0.0, (before - last) / (first - last))), 3)


def draw_curves(rows: list[dict[str, Any]], path: Path) -> None:
    """Each system's loss over its share of training, as a part of where it began."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        curve = (row["training"] or {}).get("curve") or []
        if len(curve) > 1:
            steps, losses = np.array(curve).T
            axes.plot(steps / steps[-1], losses / losses[0], label=row["name"])
    axes.set(xlabel="share of the training", ylabel="loss, as a part of the first", title="How far from converged")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="best", ncols=2)
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110)
    write_atomically(path, held.getvalue())
