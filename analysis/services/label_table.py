"""What all readers say of one analysis, as arrays: the model's calls, all that was judged, and added figures."""

from functools import cached_property

import numpy as np
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from analysis.models import Analysis
from analysis.pipeline.count.decide import CONFIRMED, OPEN, REFUTED
from analysis.services import review

NONE, MITOSIS, NOT_MITOSIS, UNSURE = range(4)
CODES = {"mitosis": MITOSIS, "not_mitosis": NOT_MITOSIS, "unsure": UNSURE}
LABELS = {code: label for label, code in CODES.items()}


class LabelTable:
    """Places and every reader's label, in three queries. Of each place:

    points (n, 2), level-0 px. called: the model's call. probabilities: the model's; of a figure, which no model saw,
    from the readers who stand by it, by the rule of succession. is_figure: added by hand.
    """

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
        self.probabilities = self._estimate_figures()
        self.probabilities[:count] = found["probabilities"]

    def _estimate_figures(self) -> np.ndarray:
        stand_by, deny = (self.labels == MITOSIS).sum(axis=0), (self.labels == NOT_MITOSIS).sum(axis=0)
        return (stand_by + 1) / (stand_by + deny + 2)

    def get_labels(self, reader_id: int) -> np.ndarray:
        """The reader's labels, (n,) int8."""
        return self.labels[self.readers.index(reader_id)]

    def find_open(self, reader_id: int) -> np.ndarray:
        """The model's calls and others' figures that the reader has not judged: bool (n,)."""
        return (self.get_labels(reader_id) == NONE) & self.is_asked

    def find_provisional(self, reader_id: int) -> np.ndarray:
        """Confirmed by the reader, or open: bool (n,)."""
        return (self.get_labels(reader_id) == MITOSIS) | self.find_open(reader_id)

    def find_states(self, reader_id: int) -> np.ndarray:
        """As `mitosis decide` takes the reader's labels, (n,) int8: who is unsure has not decided, so that it is OPEN.
        What is neither asked nor confirmed is REFUTED: it is in no count."""
        labels = self.get_labels(reader_id)
        undecided = np.isin(labels, (NONE, UNSURE)) & self.is_asked
        return np.where(labels == MITOSIS, CONFIRMED, np.where(undecided, OPEN, REFUTED)).astype(np.int8)

    @cached_property
    def is_asked(self) -> np.ndarray:
        """What a reader is asked about: the model's calls, and figures that somebody still stands by, bool (n,). A
        figure that its adder withdrew is there no more."""
        return self.called | (self.is_figure & (self.labels != NONE).any(axis=0))

    @cached_property
    def is_placed(self) -> np.ndarray:
        """Whether a place is one: numbers that are none lie in no region. bool (n,)."""
        return np.isfinite(self.points).all(axis=1)

    def count_labels(self, reader_id: int, inside: np.ndarray) -> dict[str, int]:
        labels = self.get_labels(reader_id)
        confirmed = count_true(inside & (labels == MITOSIS))
        left = count_true(inside & self.find_open(reader_id))
        return {
            "confirmed": confirmed,
            "provisional": confirmed + left,
            "open": left,
            "unsure": count_true(inside & (labels == UNSURE)),
            "judged": count_true(inside & (labels != NONE)),
        }

    def list_differing(self, inside: np.ndarray) -> list[dict]:
        """Detections and figures that two readers labelled differently, with the labels by reader id."""
        given = self.labels != NONE
        most = self.labels.max(axis=0, initial=NONE)
        least = np.where(given, self.labels, 127).min(axis=0, initial=127)
        columns = np.flatnonzero(inside & given.any(axis=0) & (most != least))
        return [self._describe_labels(column) for column in columns]

    def _describe_labels(self, column: int) -> dict:
        labels = zip(self.readers, self.labels[:, column].tolist(), strict=True)
        given = {str(pk): LABELS[label] for pk, label in labels if label != NONE}
        return self.name_place(column) | {"number": self.numbers[column], "labels": given}

    def name_place(self, column: int) -> dict:
        """The detection's number in the database or the figure's, the other None."""
        is_figure = bool(self.is_figure[column])
        return {
            "detection": None if is_figure else self.keys[column],
            "figure": self.keys[column] if is_figure else None,
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
    columns = {
        "ids": "pk", "numbers": "number", "xs_l0": "x_l0", "ys_l0": "y_l0", "called": "mitosis",
        "probabilities": "probability",
    }  # fmt: skip
    return rows.aggregate(**{name: ArrayAgg(column, order_by="pk", default=[]) for name, column in columns.items()})


def count_true(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))
