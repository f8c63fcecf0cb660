"""The count of one analysis, as each reader has it: which region, how many, per mm², how sure.

*Confirmed* is what the reader judged to be mitoses, on the model's detections and on figures added by hand.
*Provisional* adds what is open: the model's calls and others' figures that the reader has not judged; unsure leaves it.
Readers are kept apart: where they differ is listed, never settled here. A count takes four queries and one sweep.
"""

from dataclasses import asdict
from functools import cached_property

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from analysis.models import Analysis
from analysis.pipeline.count import points_in_polygon, poisson_interval
from analysis.services import count_regions, review
from analysis.services.count_regions import BEST, FITS, PROTOCOL, WHOLE, CountedRegion
from analysis.services.runs import analysis_state
from mitoweb.lib.jobs.models import Job
from slides.models import Region, Slide
from slides.wsi.doubts import BASE_MISSING

NONE, MITOSIS, NOT_MITOSIS, UNSURE = range(4)
CODES = {"mitosis": MITOSIS, "not_mitosis": NOT_MITOSIS, "unsure": UNSURE}
LABELS = {code: label for label, code in CODES.items()}
SUMMARY = ("confirmed", "provisional", "judged", "open")


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

    def find_open(self, reader_id: int) -> np.ndarray:
        """The model's calls and others' figures that the reader has not judged: bool (n,)."""
        return (self.get_labels(reader_id) == NONE) & (self.called | self.standing_figures)

    def find_provisional(self, reader_id: int) -> np.ndarray:
        """Confirmed by the reader, or open: bool (n,)."""
        return (self.get_labels(reader_id) == MITOSIS) | self.find_open(reader_id)

    @cached_property
    def standing_figures(self) -> np.ndarray:
        """Figures that somebody still stands by, bool (n,). One whose adder withdrew it is there no more."""
        return self.is_figure & (self.labels != NONE).any(axis=0)

    def count_labels(self, reader_id: int, inside: np.ndarray) -> dict[str, int]:
        labels = self.get_labels(reader_id)
        confirmed = _count_true(inside & (labels == MITOSIS))
        left = _count_true(inside & self.find_open(reader_id))
        return {
            "confirmed": confirmed,
            "provisional": confirmed + left,
            "open": left,
            "unsure": _count_true(inside & (labels == UNSURE)),
            "judged": _count_true(inside & (labels != NONE)),
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
    return name_people(count_by_ids(analysis, reader, where))


def name_people(count: dict) -> dict:
    """The count with users in place of their ids."""
    people = get_user_model().objects.in_bulk([row["reader"] for row in count["readers"]])
    readers = [row | {"reader": people[row["reader"]]} for row in count["readers"]]
    return count | {"reader": people[count["reader"]], "readers": readers}


def name_region(region: dict) -> str:
    """What the region of a count is called; a drawn one as the person called it."""
    names = {BEST: f"best {PROTOCOL.name}", WHOLE: "all that was analysed"}
    return names.get(region["kind"], region["name"])


def count_by_ids(analysis: Analysis, reader, where: str | Region = BEST) -> dict:
    """The count in plain values, people by their ids."""
    table = LabelTable(analysis, reader)
    counted = _choose_region(analysis, table, reader.pk, where)
    everywhere = counted.polygon is None
    inside = np.ones(len(table.points), bool) if everywhere else points_in_polygon(table.points, counted.polygon)
    tallies = {pk: table.count_labels(pk, inside) for pk in table.readers}
    tally = tallies[reader.pk]
    nobody_judged = not (table.labels != NONE).any()
    no_density = _why_no_density(analysis, counted)
    area = None if no_density else counted.area_mm2
    added = table.points[inside & table.is_figure & table.find_provisional(reader.pk)]
    off_tissue = 0 if no_density else count_regions.count_off_tissue(analysis, added)
    return {
        "region": counted.as_json(),
        "protocol": asdict(PROTOCOL),
        "smaller_than_protocol": counted.fit != FITS,
        "protocol_fit": counted.fit,
        "protocol_note": counted.fit_note,
        "reader": reader.pk,
        **tally,
        "model_only": tally["judged"] == 0,
        "nobody_judged": nobody_judged,
        "per_mm2": area and {name: tally[name] / area for name in ("confirmed", "provisional")},
        "interval": area and _measure_interval(tally, area),
        "mpp_x": analysis.mpp_x,
        "mpp_y": analysis.mpp_y,
        "mpp_source": analysis.mpp_source,
        "doubts": analysis.slide.open_doubts,
        "readers": [{"reader": pk} | {name: each[name] for name in SUMMARY} for pk, each in tallies.items()],
        "differ": table.list_differing(inside),
        "notes": _write_notes(analysis, counted, no_density, tally, nobody_judged, off_tissue),
    }


def _measure_interval(tally: dict[str, int], area_mm2: float) -> dict[str, float] | None:
    """The 95 % interval per mm². None while anything is open: it would take what is not judged for not there."""
    if tally["open"]:
        return None
    low, high = poisson_interval(tally["confirmed"])
    return {"low": low / area_mm2, "high": high / area_mm2}


def _choose_region(analysis: Analysis, table: LabelTable, reader_id: int, where: str | Region) -> CountedRegion:
    if isinstance(where, Region):
        return count_regions.describe_drawn(analysis, where)
    if where == WHOLE:
        return count_regions.describe_whole(analysis)
    return count_regions.find_best_region(analysis, table.points[table.find_provisional(reader_id)])


def _why_no_density(analysis: Analysis, counted: CountedRegion) -> str:
    """The sentence that says why nothing per mm² is printed; empty where it is."""
    if analysis.slide.kind == Slide.Kind.SHEET:
        return "A sheet of cut-out figures is no tissue: no number per mm²."
    if not count_regions.has_size(analysis):
        return "The slide has no pixel size: no number per mm²."
    state = analysis_state(analysis)
    if state in {Job.State.QUEUED, Job.State.RUNNING}:
        return "The analysis has not finished: no number per mm² yet."
    if state != Job.State.DONE:
        return f"The analysis {'was cancelled' if state == Job.State.CANCELLED else 'failed'}: no number per mm²."
    if not counted.has_tissue:
        return f"No tissue {'in the region' if counted.region else 'was found'}: no number per mm²."
    return ""


def _write_notes(
    analysis: Analysis,
    counted: CountedRegion,
    no_density: str,
    tally: dict[str, int],
    nobody_judged: bool,
    off_tissue: int,
) -> list[str]:
    doubts = (doubt["text"] for doubt in analysis.slide.open_doubts)
    notes = [*doubts, counted.fit_note, *counted.notes, no_density]
    if nobody_judged:
        notes.append("Nothing is judged yet: these are the model's calls only.")
    if off_tissue:
        which = "1 added figure lies" if off_tissue == 1 else f"{off_tissue} added figures lie"
        notes.append(f"{which} where no tissue was found: counted, though the density is of the tissue's area alone.")
    if not no_density and tally["open"]:
        notes.append("While figures are open the density is a range, confirmed to provisional, without an interval.")
    elif not no_density:
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
