"""A run's curves: one JSON line for every measurement, and a picture of them."""

import json
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.pipeline.atomic_files import write_atomically


class Curves:
    """`curves.jsonl` and `curves.png` of a run's folder."""

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.lines_path, self.picture_path, self.writes = folder / "curves.jsonl", folder / "curves.png", writes

    def add_line(self, step: int, **values: float) -> None:
        """One more line. Raises OSError as the file system does."""
        if self.writes:
            with self.lines_path.open("a") as file:
                file.write(json.dumps({"step": step} | values) + "\n")

    def lines(self) -> list[dict]:
        """All lines; the half of one that a kill left is passed over."""
        if not self.lines_path.exists():
            return []
        found = []
        for line in self.lines_path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
        return found

    def go_back_to(self, step: int) -> None:
        """Takes away what was written after the checkpoint that the run goes on from."""
        if self.writes and self.lines_path.exists():
            kept = [json.dumps(line) + "\n" for line in self.lines() if line["step"] <= step]
            write_atomically(self.lines_path, "".join(kept).encode())

    def draw_plot(self, title: str) -> None:
        """Loss and learning rate over steps, and the validation's metrics where there are any, with those of a base."""
        lines = self.lines()
        if not self.writes or not lines:
            return

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        axes.set(title=title, xlabel="step", ylabel="loss")
        drawn = _draw_line(axes, lines, "loss", "loss (training)", "C0") + _draw_line(
            axes, lines, "validation_loss", "loss (validation)", "C1"
        )
        right = axes.twinx()
        right.set(ylim=(0, 1.02), ylabel="figure on what validates, learning rate of its highest")
        highest = max((line["lr"] for line in lines if "lr" in line), default=1.0)
        shares = [{"step": line["step"], "lr": line["lr"] / highest} for line in lines if "lr" in line]
        drawn += _draw_line(right, shares, "lr", "learning rate", "0.75")
        drawn += _draw_line(right, lines, "average_precision", "average precision", "C2")
        drawn += _draw_line(right, lines, "f1", "patch F1", "C3")
        for line in lines:
            if "base_average_precision" in line:
                drawn.append(right.axhline(line["base_average_precision"], ls=":", color="C2", label="the base's"))
        axes.legend(handles=drawn, loc="best")
        figure.savefig(self.picture_path, dpi=110)


def _draw_line(axes: Axes, lines: list[dict], key: str, label: str, colour: str) -> list:
    found = [(line["step"], line[key]) for line in lines if key in line]
    return axes.plot(*zip(*found, strict=True), color=colour, label=label) if found else []
