"""Drawings of what a model's card holds: F1 by group, precision over recall, recall by false ones, calibration. Nothing
is drawn that the card does not say; what it lacks is a sentence in the drawing's place.
"""

import math
from dataclasses import dataclass, replace

from mitoweb.lib.natural_order import natural_key

RELIABLE = 50  # a metric from fewer labelled mitoses is shown with an open ring
GROUPS = {"by_slide": "slide", "by_scanner": "scanner", "by_tumour": "tumour"}
INTERVALS = {"f1_95_bootstrap_by_case": "case", "f1_95_bootstrap_by_frame": "frame"}
SIDE_PX, MARGIN_PX = 240, 34  # of a plot's square, and left of and below it for the numbers
FALSE_PER_MM2 = 50  # as far as the axis of a free-response curve goes, or a multiple of it


@dataclass(frozen=True)
class Bar:
    """One line of an F1 chart. Numbers in [0, 1]; low and high are None where no interval was measured."""

    label: str
    f1: float
    mitoses: int
    low: float | None = None
    high: float | None = None
    is_total: bool = False

    @property
    def is_reliable(self) -> bool:
        return self.mitoses >= RELIABLE


@dataclass(frozen=True)
class BarChart:
    """F1 of groups of slides; without bars its fact says why."""

    title: str
    fact: str
    bars: list[Bar]


@dataclass(frozen=True)
class Point:
    """A measured place in a plot: x in [0, x_most] and y in [0, 1], where they are drawn in px, and what they are in
    words."""

    x: float
    y: float
    words: str
    count: int | None = None  # of detections behind it, where that is known
    is_in_use: bool = False
    x_most: float = 1.0  # the end of the axis, the same for all points of a plot

    @property
    def x_px(self) -> float:
        return round(MARGIN_PX + self.x / self.x_most * SIDE_PX, 1)

    @property
    def y_px(self) -> float:
        return round((1 - self.y) * SIDE_PX + 8, 1)

    @property
    def is_reliable(self) -> bool:
        return self.count is None or self.count >= RELIABLE


@dataclass(frozen=True)
class Plot:
    """Points of one kind with the names of their axes; without points its fact says why."""

    title: str
    fact: str
    x_name: str
    y_name: str
    points: list[Point]
    has_diagonal: bool = False

    @property
    def line(self) -> str:
        """The points from left to right, for an SVG polyline."""
        return " ".join(f"{point.x_px},{point.y_px}" for point in self.points)

    @property
    def x_ticks(self) -> list[str]:
        """Begin, middle and end of the axis."""
        return [f"{share * self.points[0].x_most:g}" for share in (0, 0.5, 1)]


def named(plot: Plot, name: str) -> Plot:
    """The plot with the name of whose it is in its title."""
    return replace(plot, title=f"{plot.title}, {name}")


def find_interval(found: dict) -> tuple[list | None, str]:
    """The 95 % interval of F1 and over what it was drawn: by case where there are several, else by frame."""
    for key, over in INTERVALS.items():
        if found.get(key):
            return found[key], over
    return None, ""


def draw_charts(report: dict) -> list[BarChart]:
    return [_draw_chart(report, key, word) for key, word in GROUPS.items()]


def _draw_chart(report: dict, key: str, word: str) -> BarChart:
    title, groups = f"Detection F1 by {word}", report.get(f"detection_{key}") or {}
    if not groups:
        return BarChart(title, f"Not measured by {word}.", [])
    rows = [(label, found) for label, found in sorted(groups.items(), key=lambda named: natural_key(named[0]))]
    bars = [_make_bar(label, found, found["tp"] + found["fn"]) for label, found in rows]
    drawn = [report["detection"], *(found for _, found in rows)]
    over = sorted({by for found in drawn if (by := find_interval(found)[1])})
    facts = [f"95 % intervals over {' or '.join(f'{by}s' for by in over)}, too narrow for new slides." if over else ""]
    if len(bars) == 1:
        facts.append(f"One {word} alone was measured: how good it is on another is not known.")
    if not all(bar.is_reliable for bar in bars):
        facts.append(f"Open ring: fewer than {RELIABLE} mitoses, not to be relied on.")
    total = _make_bar("All slides", report["detection"], report["mitoses"], is_total=True)
    return BarChart(title, " ".join(filter(None, facts)), [total, *bars])


def _make_bar(label: str, found: dict, mitoses: int, is_total: bool = False) -> Bar:
    low, high = find_interval(found)[0] or (None, None)
    return Bar(label, found["f1"], mitoses, low, high, is_total)


def draw_precision_recall(report: dict) -> Plot:
    """The threshold in use, the one of high sensitivity, and the free-response curve's points as precision.

    At so many false detections per mm² the card gives the recall; with the area and the labelled mitoses, which it
    gives too, the precision follows.
    """
    title, points = "Precision and recall", []
    found = report["detection"]
    if "recall" in found and "precision" in found:
        points.append(Point(found["recall"], found["precision"], "threshold in use", is_in_use=True))
    sensitive = report.get("high_sensitivity") or report.get("high_sensitivity_here") or {}
    if "recall" in sensitive and "precision" in sensitive:
        points.append(Point(sensitive["recall"], sensitive["precision"], "threshold of high sensitivity"))
    froc = (report.get("froc") or {}).get("recall_at_false_per_mm2") or {}
    area_mm2 = report.get("area_mm2")
    if area_mm2:
        for false_per_mm2, recall in froc.items():
            true, false = recall * report["mitoses"], float(false_per_mm2) * area_mm2
            if true + false:
                points.append(Point(recall, true / (true + false), f"{false_per_mm2} false per mm²"))
    if len(points) < 2:
        return Plot(title, "The card holds no precision at other recalls, so there is no curve.", "", "", [])
    points.sort(key=lambda point: (point.x, -point.y))
    fact = "Only the points are measured. Precision depends on how frequent mitoses are: in routine tissue it is lower."
    return Plot(title, fact, "Recall", "Precision", points)


def draw_froc(report: dict) -> Plot:
    """The free-response curve's points, and the threshold in use, whose false ones per mm² follow from the area."""
    title = "Recall by false ones (FROC)"
    recalls = (report.get("froc") or {}).get("recall_at_false_per_mm2") or {}
    if not recalls:
        return Plot(title, "Not measured: the card holds no recall at false detections per mm².", "", "", [])
    points = [Point(float(false), recall, f"{false} false per mm²") for false, recall in recalls.items()]
    found, area_mm2 = report["detection"], report.get("area_mm2")
    if area_mm2 and "fp" in found and "recall" in found:
        points.append(Point(found["fp"] / area_mm2, found["recall"], "threshold in use", is_in_use=True))
    x_most = FALSE_PER_MM2 * max(1, math.ceil(max(point.x for point in points) / FALSE_PER_MM2))
    points = sorted((replace(point, x_most=x_most) for point in points), key=lambda point: (point.x, point.y))
    fact = "Only the points are measured. Of two curves the upper one finds more mitoses at as many false ones."
    return Plot(title, fact, "False per mm²", "Recall", points)


def draw_calibration(report: dict) -> Plot:
    """Of detections with about the same probability, how many are mitoses."""
    title = "Calibration"
    rows = (report.get("calibration") or {}).get("reliability") or []
    points = [
        Point(row["probability"], row["share"], f"{row['count']} detections", row["count"])
        for row in rows
        if row.get("count")
    ]
    if not points:
        return Plot(title, "The card holds no shares by probability, so there is no curve.", "", "", [])
    points.sort(key=lambda point: point.x)
    facts = ["On the diagonal a probability says how many are mitoses; above it, it says too few."]
    if not all(point.is_reliable for point in points):
        facts.append(f"Open ring: fewer than {RELIABLE} detections.")
    return Plot(title, " ".join(facts), "Probability", "Share that are mitoses", points, has_diagonal=True)


def list_measured_faults(report: dict) -> list[str]:
    """What the metrics say against the model, in sentences; each is a number of the card."""
    found, faults = report["detection"], []
    if missed := found.get("fn"):
        faults.append(f"Misses {missed} of {report['mitoses']} labelled mitoses at its threshold")
    calls = found.get("tp", 0) + found.get("fp", 0)
    if false := found.get("fp"):
        faults.append(f"{false} of its {calls} calls are no labelled mitosis")
    alike = report.get("false_on_look_alikes") or {}
    if alike.get("on_look_alikes"):
        faults.append(f"{alike['on_look_alikes']} of {alike['false']} false calls lie on labelled look-alikes")
    by_slide = report.get("detection_by_slide") or {}
    if len(by_slide) > 1:
        worst, best = (pick(by_slide, key=lambda slide: by_slide[slide]["f1"]) for pick in (min, max))
        faults.append(f"Slides differ: F1 {by_slide[worst]['f1']:.2f} on {worst}, {by_slide[best]['f1']:.2f} on {best}")
    if limits := ((report.get("counts") or {}).get("per_slide_and_mm2") or {}).get("limits_of_agreement_95"):
        faults.append(f"Its count of a slide differs from the labels by {limits[0]:.1f} to {limits[1]:+.1f} per mm²")
    faults.extend(
        f"Measured on one {word} alone: {next(iter(groups))}"
        for key, word in GROUPS.items()
        if key != "by_slide" and len(groups := report.get(f"detection_{key}") or {}) == 1
    )
    return faults
