"""A run's curves as drawings for its page: what came so far, the base as a dotted line, the future shaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor

WIDTH_PX, HEIGHT_PX = 400, 200  # of the plot itself
LEFT_PX, TOP_PX = 40, 14


@dataclass(frozen=True)
class Curve:
    """One measured line: its points as an SVG polyline, the last of them, and what it says there."""

    name: str
    words: str
    points: str
    x_px: float
    y_px: float
    is_main: bool


@dataclass(frozen=True)
class Mark:
    x_px: float
    y_px: float
    words: str


@dataclass(frozen=True)
class CurvePlot:
    """Curves over the steps of a run; without any its fact says why."""

    title: str
    fact: str
    curves: list[Curve] = field(default_factory=list)
    y_ticks: list[Mark] = field(default_factory=list)
    x_ticks: list[Mark] = field(default_factory=list)
    now_px: float = LEFT_PX
    base: Mark | None = None
    best: Mark | None = None

    @property
    def future_px(self) -> float:
        """How wide what is still to come is."""
        return max(0.0, LEFT_PX + WIDTH_PX - self.now_px)


def draw_curves(lines: Sequence[dict], steps: int, base_name: str) -> list[CurvePlot]:
    """Loss, and the measure that chooses the weights, from a run's lines."""
    loss = _draw(
        "Loss", "lower is better", lines, steps, {"validation_loss": "held out", "loss": "training"}, full=False
    )
    chooses = "of held-out places; it chooses the weights"
    precision = _draw(
        "Average precision", chooses, lines, steps, {"average_precision": "now"}, full=True, base_name=base_name
    )
    return [loss, precision]


def _draw(
    title: str, fact: str, lines: Sequence[dict], steps: int, names: dict[str, str], full: bool, base_name: str = ""
) -> CurvePlot:
    found = {key: [(line["step"], line[key]) for line in lines if key in line] for key in names}
    values = [value for points in found.values() for _, value in points]
    if not values:
        return CurvePlot(title, "Nothing was measured yet.")
    known = {key.removeprefix("base_"): value for line in lines for key, value in line.items() if key[:5] == "base_"}
    of_base = next((known[key] for key in names if key in known), None) if base_name else None
    values += [] if of_base is None else [of_base]
    low = floor(min(values) * 10 - 1e-9) / 10 if full else 0.0
    high = 1.0 if full else max(0.1, ceil(max(values) * 10) / 10)
    low = max(0.0, min(low, high - 0.1))

    def place(step: float, value: float) -> tuple[float, float]:
        x = LEFT_PX + WIDTH_PX * min(1.0, step / max(1, steps))
        return round(x, 1), round(TOP_PX + HEIGHT_PX * (high - value) / (high - low), 1)

    curves = []
    for key, name in names.items():
        if found[key]:
            placed = [place(*point) for point in found[key]]
            words = f"{name} {found[key][-1][1]:.2f}" if not full else f"{name} {found[key][-1][1]:.3f}"
            points = " ".join(f"{x},{y}" for x, y in placed)
            curves.append(Curve(name, words, points, *placed[-1], is_main=key == next(iter(names))))
    best = max(found[next(iter(names))], key=lambda point: point[1], default=None) if full else None
    tenths = round((high - low) * 10)
    at = [low + part / 10 for part in range(0, tenths + 1, 1 + tenths // 6)]
    return CurvePlot(
        title,
        fact,
        curves,
        [Mark(LEFT_PX, place(0, value)[1], f"{value:.2f}") for value in at],
        [Mark(place(step, low)[0], TOP_PX + HEIGHT_PX, str(step)) for step in _steps_of(steps)],
        place(max(line["step"] for line in lines), low)[0],
        None if of_base is None else Mark(LEFT_PX, place(0, of_base)[1], f"base {base_name}: {of_base:.3f}"),
        None if best is None else Mark(*place(*best), f"best {best[1]:.3f} at {best[0]}"),
    )


def _steps_of(steps: int) -> list[int]:
    return sorted({round(steps * part / 4) for part in range(5)})
