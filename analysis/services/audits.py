"""Audits of unmarked fields: what a reader found in those drawn, and what that says of figures still missed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from analysis.models import Analysis, AuditSample
from analysis.pipeline.count.fields_walk import find_fields_of
from analysis.pipeline.count.missed import MissedEstimate, estimate_missed
from analysis.services import count_regions, looks
from analysis.services.label_table import MITOSIS, LabelTable


@dataclass(frozen=True)
class Audit:
    """A reader's newest sample. looked: how many of its fields, from the first on, have been looked at."""

    sample: AuditSample
    looked: int
    estimate: MissedEstimate

    def is_of(self, region: dict) -> bool:
        """Whether it was drawn in this region, as a count tells it: an estimate is of no other."""
        return [self.sample.polygon, self.sample.further_rings] == [region["polygon"], region["further_rings"]]


def find_audit(analysis: Analysis, table: LabelTable, user, reader_id: int) -> Audit | None:
    """The reader's newest sample with what came of it, as far as `user` may know of it, in two queries; None where none
    was drawn."""
    sample = looks.samples_shown_to(user, analysis).filter(reader=reader_id).order_by("revision").last()
    if sample is None:
        return None
    fields = np.array(sample.fields_l0, float).reshape(-1, 2)
    seen = looks.looks_shown_to(user, analysis).filter(sample=sample)
    looked = _count_looked(seen.values_list("x_l0", "y_l0"), fields)
    # What the model called is not what it missed, whoever confirmed it since.
    found = (table.get_labels(reader_id) == MITOSIS) & ~table.called & table.is_placed
    frame = count_regions.make_frame(analysis)
    held_by = find_fields_of(table.points[found], fields, sample.field_um, frame)
    counts = np.bincount(held_by[held_by >= 0], minlength=len(fields))[:looked]
    return Audit(sample, looked, estimate_missed(counts.tolist(), len(fields)))


def hide_estimate(count: dict, analysis: Analysis, user) -> dict:
    """The count of a reader as `user` may know it, who may be another: without the estimate from an audit that is
    hidden from them. What is kept of a count is the reader's own, whoever asked first."""
    reader, missed = count["reader"], count["missed"]
    if missed is None or reader.pk == user.pk or looks.may_know_audits(user, analysis, reader.pk):
        return count
    return count | {"missed": None, "notes": [note for note in count["notes"] if note != missed["sentence"]]}


def tell_estimate(estimate: MissedEstimate) -> dict:
    """As MissedEstimateSerializer describes it."""
    return asdict(estimate) | {"sentence": estimate.sentence}


def _count_looked(seen: Iterable[tuple[float, float]], fields: np.ndarray) -> int:
    """How many fields from the first on: what was looked at out of the drawn order is no random sample."""
    places = np.array(list(seen), float).reshape(-1, 2)
    if not len(fields) or not len(places):
        return 0
    away = np.abs(fields[:, None] - places).max(axis=2).min(axis=1)
    unseen = np.flatnonzero(away > looks.NEAR_PX)
    return int(unseen[0]) if len(unseen) else len(fields)
