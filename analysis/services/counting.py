"""The count of one analysis, as each reader has it: which region, how many, per mm², how sure.

*Confirmed* is what the reader judged to be mitoses, on the model's detections and on figures added by hand.
*Provisional* adds the model's calls that the reader has not judged; unsure leaves it. Readers are kept apart: where
they differ is listed, never settled here. Nothing is cached: three queries and one sweep per count.
"""

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from shapely import Polygon, box
from shapely.validation import make_valid

from analysis.models import Analysis
from analysis.pipeline.count import PLAIN_SQUARE, best_square, points_in_polygon, poisson_interval, tissue_map
from analysis.services import review
from analysis.services.runs import analysis_state
from mitoweb.lib.jobs.models import Job
from slides.models import Region, Slide
from slides.wsi.doubts import BASE_MISSING

PROTOCOL = PLAIN_SQUARE
BEST, WHOLE, DRAWN = "best", "whole", "drawn"
NONE, MITOSIS, NOT_MITOSIS, UNSURE = range(4)
CODES = {"mitosis": MITOSIS, "not_mitosis": NOT_MITOSIS, "unsure": UNSURE}
LABELS = {code: label for label, code in CODES.items()}
SUMMARY = ("confirmed", "provisional", "judged", "open")


@dataclass(frozen=True)
class CountedRegion:
    """Where is counted. `polygon` in level-0 px, None for all that was analysed; `area_mm2` None where unknown."""

    kind: str
    polygon: list | None
    area_mm2: float | None
    smaller: bool = False
    region: Region | None = None
    notes: tuple[str, ...] = ()


class LabelTable:
    """The model's calls, all that was judged, and the figures: places and every reader's label, as arrays."""

    def __init__(self, analysis: Analysis, reader) -> None:
        votes = _load_votes(analysis)
        found = _load_detections(analysis)
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

    def get_labels(self, reader_id: int) -> np.ndarray:
        """The reader's labels, (n,) int8."""
        return self.labels[self.readers.index(reader_id)]

    def find_provisional(self, reader_id: int) -> np.ndarray:
        """Confirmed by the reader, or called by the model and not yet judged: bool (n,)."""
        labels = self.get_labels(reader_id)
        return (labels == MITOSIS) | (self.called & (labels == NONE))

    @cached_property
    def standing_figures(self) -> np.ndarray:
        """Figures that somebody still stands by, bool (n,). One whose adder withdrew it is there no more."""
        return self.is_figure & (self.labels != NONE).any(axis=0)

    def count_labels(self, reader_id: int, inside: np.ndarray) -> dict[str, int]:
        labels = self.get_labels(reader_id)
        unjudged = labels == NONE
        return {
            "confirmed": _count_true(inside & (labels == MITOSIS)),
            "provisional": _count_true(inside & self.find_provisional(reader_id)),
            "open": _count_true(inside & unjudged & (self.called | self.standing_figures)),
            "unsure": _count_true(inside & (labels == UNSURE)),
            "judged": _count_true(inside & ~unjudged),
        }

    def list_differing(self, inside: np.ndarray) -> list[dict]:
        """Detections and figures that two readers labelled differently, with the labels by reader id."""
        given = self.labels != NONE
        most = self.labels.max(axis=0, initial=NONE)
        least = np.where(given, self.labels, 127).min(axis=0, initial=127)
        return [
            self._describe_labels(column) for column in np.flatnonzero(inside & given.any(axis=0) & (most != least))
        ]

    def _describe_labels(self, column: int) -> dict:
        labels = zip(self.readers, self.labels[:, column].tolist(), strict=True)
        is_figure = bool(self.is_figure[column])
        return {
            "detection": None if is_figure else self.keys[column],
            "number": self.numbers[column],
            "figure": self.keys[column] if is_figure else None,
            "labels": {str(pk): LABELS[label] for pk, label in labels if label != NONE},
        }


def _load_votes(analysis: Analysis) -> list[dict]:
    """One row per reader and label with all that got it: arrays travel fast where ten thousand rows do not."""
    rows = review.verdicts_in_force(analysis).order_by().values("reader_id", "label")
    return list(
        rows.annotate(
            detections=ArrayAgg("detection_id", filter=Q(detection__isnull=False), default=[]),
            figures=ArrayAgg("figure_id", filter=Q(figure__isnull=False), default=[]),
        )
    )


def _load_detections(analysis: Analysis) -> dict[str, list]:
    """Columns of the model's calls and of all that anybody judged, by rising id."""
    judged = analysis.verdicts.filter(detection__isnull=False).order_by().values("detection")
    rows = analysis.detections.filter(Q(mitosis=True) | Q(pk__in=judged))
    columns = {"ids": "pk", "numbers": "number", "xs_l0": "x_l0", "ys_l0": "y_l0", "called": "mitosis"}
    return rows.aggregate(**{name: ArrayAgg(column, order_by="pk", default=[]) for name, column in columns.items()})


def _count_true(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))


def count_mitoses(analysis: Analysis, reader, where: str | Region = BEST) -> dict:
    """The reader's count in the best square, the whole or a drawn region, as CountSerializer describes it."""
    table = LabelTable(analysis, reader)
    counted = _choose_region(analysis, table, reader.pk, where)
    everywhere = counted.polygon is None
    inside = np.ones(len(table.points), bool) if everywhere else points_in_polygon(table.points, counted.polygon)
    tallies = {pk: table.count_labels(pk, inside) for pk in table.readers}
    tally = tallies[reader.pk]
    nobody_judged = not (table.labels != NONE).any()
    no_density = _why_no_density(analysis, counted)
    area = None if no_density else counted.area_mm2
    low, high = poisson_interval(tally["confirmed"])
    people = get_user_model().objects.in_bulk(table.readers)
    return {
        "region": {
            "kind": counted.kind,
            "id": counted.region and counted.region.pk,
            "name": counted.region.name if counted.region else "",
            "polygon": counted.polygon,
            "area_mm2": counted.area_mm2,
        },
        "protocol": asdict(PROTOCOL),
        "smaller_than_protocol": counted.smaller,
        "reader": reader,
        **tally,
        "model_only": tally["judged"] == 0,
        "nobody_judged": nobody_judged,
        "per_mm2": area and {name: tally[name] / area for name in ("confirmed", "provisional")},
        "interval": area and {"low": low / area, "high": high / area},
        "mpp_x": analysis.mpp_x,
        "mpp_y": analysis.mpp_y,
        "mpp_source": analysis.mpp_source,
        "doubts": analysis.slide.open_doubts,
        "readers": [{"reader": people[pk]} | {name: each[name] for name in SUMMARY} for pk, each in tallies.items()],
        "differ": table.list_differing(inside),
        "notes": _write_notes(analysis, counted, no_density, nobody_judged),
    }


def _choose_region(analysis: Analysis, table: LabelTable, reader_id: int, where: str | Region) -> CountedRegion:
    if isinstance(where, Region):
        return _drawn_region(analysis, where)
    if where == WHOLE or not _has_size(analysis) or not analysis.area_mm2:
        return _whole_region(analysis)
    return _busiest_square(analysis, table.points[table.find_provisional(reader_id)])


def _has_size(analysis: Analysis) -> bool:
    """Whether mm² mean something here: a pixel size, and tissue rather than cut-outs."""
    return analysis.slide.kind != Slide.Kind.SHEET and analysis.mpp_source != Slide.MppSource.UNKNOWN


def _whole_region(analysis: Analysis, *notes: str, kind: str = WHOLE, smaller: bool = False) -> CountedRegion:
    area = analysis.area_mm2 if _has_size(analysis) else None
    smaller = smaller or (area is not None and area < PROTOCOL.area_mm2)
    return CountedRegion(kind, analysis.polygon, area, smaller, notes=notes)


def _busiest_square(analysis: Analysis, points: np.ndarray) -> CountedRegion:
    """The busiest square of the protocol; all of the tissue where that does not hold one."""
    width, height = PROTOCOL.sides_l0(analysis.mpp_x, analysis.mpp_y)
    tissue = tissue_map(analysis.tissue, (0, 0, analysis.slide.width, analysis.slide.height), analysis.polygon)
    holds = analysis.area_mm2 >= PROTOCOL.area_mm2
    square = best_square(points, None, width, height, tissue) if holds else None
    if square is None:
        note = f"The tissue does not hold a {PROTOCOL.name}: all of it is counted, {analysis.area_mm2:.2f} mm²."
        return _whole_region(analysis, note, smaller=True)
    if square.enough_tissue:
        return CountedRegion(BEST, square.polygon, PROTOCOL.area_mm2)
    area = PROTOCOL.area_mm2 * square.tissue_fraction
    note = f"No {PROTOCOL.name} here is full of tissue: this one holds {area:.2f} mm² of it."
    return CountedRegion(BEST, square.polygon, area, smaller=True, notes=(note,))


def _drawn_region(analysis: Analysis, region: Region) -> CountedRegion:
    """The region as drawn. Its area is what of it lies on the slide and was analysed."""
    if not _has_size(analysis):
        return CountedRegion(DRAWN, region.polygon, None, region=region)
    drawn = make_valid(Polygon(region.polygon))
    analysed = drawn.intersection(box(0, 0, analysis.slide.width, analysis.slide.height))
    if analysis.polygon:
        analysed = analysed.intersection(make_valid(Polygon(analysis.polygon)))
    mm2_per_px2 = analysis.mpp_x * analysis.mpp_y / 1e6
    area = analysed.area * mm2_per_px2
    notes = []
    if analysed.area < drawn.area * 0.999:
        notes.append(f"Of the region {area:.2f} mm² were analysed, of {drawn.area * mm2_per_px2:.2f} mm² drawn.")
    smaller = area < PROTOCOL.area_mm2
    if smaller:
        notes.append(f"The region is smaller than the {PROTOCOL.name}: {area:.2f} mm².")
    return CountedRegion(DRAWN, region.polygon, area, smaller, region, tuple(notes))


def _why_no_density(analysis: Analysis, counted: CountedRegion) -> str:
    """The sentence that says why nothing per mm² is printed; empty where it is."""
    if analysis.slide.kind == Slide.Kind.SHEET:
        return "A sheet of cut-out figures is no tissue: no number per mm²."
    if not _has_size(analysis):
        return "The slide has no pixel size: no number per mm²."
    state = analysis_state(analysis)
    if state in {Job.State.QUEUED, Job.State.RUNNING}:
        return "The analysis has not finished: no number per mm² yet."
    if state != Job.State.DONE:
        return f"The analysis {'was cancelled' if state == Job.State.CANCELLED else 'failed'}: no number per mm²."
    if not counted.area_mm2:
        return "No tissue was found: no number per mm²."
    return ""


def _write_notes(analysis: Analysis, counted: CountedRegion, no_density: str, nobody_judged: bool) -> list[str]:
    notes = [*(doubt["text"] for doubt in analysis.slide.open_doubts), *counted.notes, no_density]
    if nobody_judged:
        notes.append("Nothing is judged yet: these are the model's calls only.")
    if not no_density:
        chosen = "; it does not know that the region was chosen as the busiest" if counted.kind == BEST else ""
        notes.append(f"The 95 % interval is Poisson's for the confirmed figures{chosen}.")
    if analysis.mpp_source == Slide.MppSource.HAND:
        notes.append("The pixel size was set by hand.")
    elif analysis.mpp_source in {Slide.MppSource.LENGTH, Slide.MppSource.OPTICS, Slide.MppSource.SCANNER}:
        notes.append(f"The pixel size comes {Slide.MppSource(analysis.mpp_source).label}.")
    slide = analysis.slide
    if any(doubt["code"] == BASE_MISSING and doubt["answer"] for doubt in slide.doubts):
        notes.append("Counted without the full resolution, which is missing.")
    if slide.mpp_x is not None and (slide.mpp_x, slide.mpp_y) != (analysis.mpp_x, analysis.mpp_y):
        notes.append("The slide's pixel size was changed after this analysis, which keeps its own.")
    return [note for note in notes if note]
