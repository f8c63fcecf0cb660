"""The count of one analysis, as each reader has it: which region, how many, per mm², how sure.

*Confirmed* is what the reader judged to be mitoses, on the model's detections and on figures added by hand.
*Provisional* adds the model's calls that the reader has not judged; unsure leaves it. Readers are kept apart: where
they differ is listed, never settled here. Nothing is cached: three queries and one sweep per count.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q
from shapely import Polygon, box
from shapely.validation import make_valid

from analysis.models import Analysis, Detection, Figure, Verdict
from analysis.pipeline.count import best_square, points_in_polygon, poisson_interval, tissue_map
from analysis.services import review
from analysis.services.runs import state_of
from mitoweb.lib.jobs.models import Job
from slides.models import Region, Slide

PROTOCOL = {"name": "2 mm² square", "area_mm2": 2.0}
BEST, WHOLE, DRAWN = "best", "whole", "drawn"
NONE, MITOSIS, NOT_MITOSIS, UNSURE = range(4)
CODES = {"mitosis": MITOSIS, "not_mitosis": NOT_MITOSIS, "unsure": UNSURE}
LABELS = {code: label for label, code in CODES.items()}


@dataclass(frozen=True)
class Place:
    """Where is counted. `polygon` in level-0 px, None for all that was analysed; `area_mm2` None where unknown."""

    kind: str
    polygon: list | None
    area_mm2: float | None
    smaller: bool = False
    region: Region | None = None
    notes: tuple[str, ...] = ()


class Things:
    """The model's calls, all that was judged, and the figures: places and every reader's label, as arrays."""

    def __init__(self, analysis: Analysis, reader) -> None:
        votes = _votes(analysis)
        found = _detections(analysis)
        figures = list(analysis.figures.order_by("revision").values_list("pk", "x_l0", "y_l0"))
        count, total = len(found["ids"]), len(found["ids"]) + len(figures)
        self.keys = [*found["ids"], *(row[0] for row in figures)]
        self.numbers = [*found["numbers"], *[None] * len(figures)]
        self.points = np.zeros((total, 2))
        self.points[:count] = np.array([found["xs_l0"], found["ys_l0"]], float).T
        self.points[count:] = np.array([row[1:] for row in figures], float).reshape(-1, 2)
        self.called = np.zeros(total, bool)
        self.called[:count] = found["called"]
        self.is_figure = np.arange(total) >= count
        self.readers = sorted({vote["reader_id"] for vote in votes} | {reader.pk})
        self.labels = np.zeros((len(self.readers), total), np.int8)
        column_of = {row[0]: column for column, row in enumerate(figures, count)}
        for vote in votes:
            given = self.labels[self.readers.index(vote["reader_id"])]
            given[np.searchsorted(found["ids"], vote["detections"])] = CODES[vote["label"]]
            given[[column_of[pk] for pk in vote["figures"]]] = CODES[vote["label"]]

    def of(self, reader_id: int) -> np.ndarray:
        """The reader's labels, (n,) int8."""
        return self.labels[self.readers.index(reader_id)]

    def provisional(self, reader_id: int) -> np.ndarray:
        """Confirmed by the reader, or called by the model and not yet judged: bool (n,)."""
        labels = self.of(reader_id)
        return (labels == MITOSIS) | (self.called & (labels == NONE))

    @cached_property
    def standing(self) -> np.ndarray:
        """Figures that somebody still stands by, bool (n,). One whose adder withdrew it is there no more."""
        return self.is_figure & (self.labels != NONE).any(axis=0)

    def tally(self, reader_id: int, inside: np.ndarray) -> dict[str, int]:
        labels = self.of(reader_id)
        unjudged = labels == NONE
        return {
            "confirmed": _sum(inside & (labels == MITOSIS)),
            "provisional": _sum(inside & self.provisional(reader_id)),
            "open": _sum(inside & unjudged & (self.called | self.standing)),
            "unsure": _sum(inside & (labels == UNSURE)),
            "judged": _sum(inside & ~unjudged),
        }

    def differing(self, inside: np.ndarray) -> list[dict]:
        """Things that two readers labelled differently, with the labels by reader id."""
        given = self.labels != NONE
        most = self.labels.max(axis=0, initial=NONE)
        least = np.where(given, self.labels, 127).min(axis=0, initial=127)
        return [self._labelled(column) for column in np.flatnonzero(inside & given.any(axis=0) & (most != least))]

    def _labelled(self, column: int) -> dict:
        labels = zip(self.readers, self.labels[:, column].tolist(), strict=True)
        is_figure = bool(self.is_figure[column])
        return {
            "detection": None if is_figure else self.keys[column],
            "number": self.numbers[column],
            "figure": self.keys[column] if is_figure else None,
            "labels": {str(pk): LABELS[label] for pk, label in labels if label != NONE},
        }


def _votes(analysis: Analysis) -> list[dict]:
    """One row per reader and label with all that got it: arrays travel fast where ten thousand rows do not."""
    rows = review.in_force(analysis).order_by().values("reader_id", "label")
    return list(
        rows.annotate(
            detections=ArrayAgg("detection_id", filter=Q(detection__isnull=False), default=[]),
            figures=ArrayAgg("figure_id", filter=Q(figure__isnull=False), default=[]),
        )
    )


def _detections(analysis: Analysis) -> dict[str, list]:
    """Columns of the model's calls and of all that anybody judged, by rising id."""
    judged = analysis.verdicts.filter(detection__isnull=False).order_by().values("detection")
    rows = analysis.detections.filter(Q(mitosis=True) | Q(pk__in=judged))
    columns = {"ids": "pk", "numbers": "number", "xs_l0": "x_l0", "ys_l0": "y_l0", "called": "mitosis"}
    return rows.aggregate(**{name: ArrayAgg(column, order_by="pk", default=[]) for name, column in columns.items()})


def _sum(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))


def count(analysis: Analysis, reader, where: str | Region = BEST) -> dict:
    """The reader's count in the best square, the whole or a drawn region, as CountSerializer describes it."""
    things = Things(analysis, reader)
    place = _place(analysis, things, reader.pk, where)
    inside = _inside(things.points, place)
    tally = things.tally(reader.pk, inside)
    no_density = _why_no_density(analysis, place)
    area = None if no_density else place.area_mm2
    people = get_user_model().objects.in_bulk(things.readers)
    return {
        "region": {
            "kind": place.kind,
            "id": place.region and place.region.pk,
            "name": place.region.name if place.region else "",
            "polygon": place.polygon,
            "area_mm2": place.area_mm2,
        },
        "protocol": PROTOCOL,
        "smaller_than_protocol": place.smaller,
        "reader": reader,
        **tally,
        "model_only": tally["judged"] == 0,
        "per_mm2": area and {name: tally[name] / area for name in ("confirmed", "provisional")},
        "interval": area and _interval(tally["confirmed"], area),
        "mpp_x": analysis.mpp_x,
        "mpp_y": analysis.mpp_y,
        "mpp_source": analysis.mpp_source,
        "readers": [
            {"reader": people[pk], **_only(things.tally(pk, inside), "confirmed", "provisional", "judged", "open")}
            for pk in things.readers
        ],
        "differ": things.differing(inside),
        "notes": _notes(analysis, place, no_density, tally),
    }


def _only(values: dict, *names: str) -> dict:
    return {name: values[name] for name in names}


def _interval(confirmed: int, area_mm2: float) -> dict[str, float]:
    low, high = poisson_interval(confirmed)
    return {"low": low / area_mm2, "high": high / area_mm2}


def _inside(points: np.ndarray, place: Place) -> np.ndarray:
    if place.polygon is None:
        return np.ones(len(points), bool)
    return points_in_polygon(points, place.polygon)


def _place(analysis: Analysis, things: Things, reader_id: int, where: str | Region) -> Place:
    if isinstance(where, Region):
        return _drawn(analysis, where)
    if where == WHOLE or not _has_size(analysis) or not analysis.area_mm2:
        return _whole(analysis)
    return _best(analysis, things.points[things.provisional(reader_id)])


def _has_size(analysis: Analysis) -> bool:
    """Whether mm² mean something here: a pixel size, and tissue rather than cut-outs."""
    return analysis.slide.kind != Slide.Kind.SHEET and analysis.mpp_source != Slide.MppSource.UNKNOWN


def _whole(analysis: Analysis, *notes: str, kind: str = WHOLE, smaller: bool = False) -> Place:
    area = analysis.area_mm2 if _has_size(analysis) else None
    smaller = smaller or (area is not None and area < PROTOCOL["area_mm2"])
    return Place(kind, analysis.polygon, area, smaller, notes=notes)


def _best(analysis: Analysis, points: np.ndarray) -> Place:
    """The busiest square of the protocol; all of the tissue where that does not hold one."""
    side_um = 1000 * sqrt(PROTOCOL["area_mm2"])
    width, height = side_um / analysis.mpp_x, side_um / analysis.mpp_y
    tissue = tissue_map(analysis.tissue, (0, 0, analysis.slide.width, analysis.slide.height), analysis.polygon)
    holds = analysis.area_mm2 >= PROTOCOL["area_mm2"]
    square = best_square(points, None, width, height, tissue) if holds else None
    if square is None:
        note = f"The tissue does not hold a {PROTOCOL['name']}: all of it is counted, {analysis.area_mm2:.2f} mm²."
        return _whole(analysis, note, smaller=True)
    if square.enough_tissue:
        return Place(BEST, square.polygon, PROTOCOL["area_mm2"])
    area = PROTOCOL["area_mm2"] * square.tissue_fraction
    note = f"No {PROTOCOL['name']} here is full of tissue: this one holds {area:.2f} mm² of it."
    return Place(BEST, square.polygon, area, smaller=True, notes=(note,))


def _drawn(analysis: Analysis, region: Region) -> Place:
    """The region as drawn. Its area is what of it lies on the slide and was analysed."""
    if not _has_size(analysis):
        return Place(DRAWN, region.polygon, None, region=region)
    drawn = make_valid(Polygon(region.polygon))
    counted = drawn.intersection(box(0, 0, analysis.slide.width, analysis.slide.height))
    if analysis.polygon:
        counted = counted.intersection(make_valid(Polygon(analysis.polygon)))
    mm2_per_px2 = analysis.mpp_x * analysis.mpp_y / 1e6
    area = counted.area * mm2_per_px2
    notes = []
    if counted.area < drawn.area * 0.999:
        notes.append(f"Of the region {area:.2f} mm² were analysed, of {drawn.area * mm2_per_px2:.2f} mm² drawn.")
    smaller = area < PROTOCOL["area_mm2"]
    if smaller:
        notes.append(f"The region is smaller than the {PROTOCOL['name']}: {area:.2f} mm².")
    return Place(DRAWN, region.polygon, area, smaller, region, tuple(notes))


def _why_no_density(analysis: Analysis, place: Place) -> str:
    """The sentence that says why nothing per mm² is printed; empty where it is."""
    if analysis.slide.kind == Slide.Kind.SHEET:
        return "A sheet of cut-out figures is no tissue: no number per mm²."
    if not _has_size(analysis):
        return "The slide has no pixel size: no number per mm²."
    state = state_of(analysis)
    if state in {Job.State.QUEUED, Job.State.RUNNING}:
        return "The analysis has not finished: no number per mm² yet."
    if state != Job.State.DONE:
        return f"The analysis {'was cancelled' if state == Job.State.CANCELLED else 'failed'}: no number per mm²."
    if not place.area_mm2:
        return "No tissue was found: no number per mm²."
    return ""


def _notes(analysis: Analysis, place: Place, no_density: str, tally: dict[str, int]) -> list[str]:
    notes = [*place.notes, no_density]
    if not tally["judged"]:
        notes.append("Nothing is judged yet: these are the model's calls only.")
    if not no_density:
        chosen = "; it does not know that the region was chosen as the busiest" if place.kind == BEST else ""
        notes.append(f"The 95 % interval is Poisson's for the confirmed figures{chosen}.")
    if analysis.mpp_source == Slide.MppSource.HAND:
        notes.append("The pixel size was set by hand.")
    elif analysis.mpp_source in {Slide.MppSource.LENGTH, Slide.MppSource.OPTICS, Slide.MppSource.SCANNER}:
        notes.append(f"The pixel size comes {Slide.MppSource(analysis.mpp_source).label}.")
    slide = analysis.slide
    if slide.mpp_x is not None and (slide.mpp_x, slide.mpp_y) != (analysis.mpp_x, analysis.mpp_y):
        notes.append("The slide's pixel size was changed after this analysis, which keeps its own.")
    return [note for note in notes if note]


def summary(analysis_ids: Iterable[uuid.UUID], user) -> dict[uuid.UUID, dict[str, int]]:
    """{id: {"confirmed", "provisional", "judged", "open"}} of the user over whole analyses, in three queries."""
    ids = list(analysis_ids)
    found = {pk: dict.fromkeys(("confirmed", "provisional", "judged", "open"), 0) for pk in ids}
    calls = (
        Detection.objects.filter(analysis__in=ids, mitosis=True).order_by().values("analysis").annotate(n=Count("pk"))
    )
    for row in calls:
        found[row["analysis"]]["provisional"] = found[row["analysis"]]["open"] = row["n"]
    mine = review.newest(Verdict.objects.filter(analysis__in=ids), user).exclude(label=Verdict.Label.WITHDRAWN)
    groups = mine.order_by().values("analysis", "label", "detection__mitosis").annotate(n=Count("pk"))
    for row in groups:
        totals, is_mitosis, was_called = found[row["analysis"]], row["label"] == "mitosis", row["detection__mitosis"]
        totals["judged"] += row["n"]
        totals["confirmed"] += row["n"] * is_mitosis
        totals["provisional"] += row["n"] * (is_mitosis - bool(was_called))
        totals["open"] -= row["n"] * bool(was_called)
    for row in _open_figures(ids, user):
        found[row["analysis"]]["open"] += row["n"]
    return found


def _open_figures(analysis_ids: list[uuid.UUID], user) -> Iterable[dict]:
    """Per analysis, how many figures somebody stands by and the user has not judged."""
    rows = review.newest(Verdict.objects.filter(analysis__in=analysis_ids, figure__isnull=False))
    rows = rows.exclude(label=Verdict.Label.WITHDRAWN)
    judged = rows.filter(reader=user).values("figure")
    standing = Figure.objects.filter(pk__in=rows.values("figure")).exclude(pk__in=judged)
    return standing.order_by().values("analysis").annotate(n=Count("pk"))
