"""Fields that readers looked at, and the unmarked ones that they drew to look at.

Rows are only ever added, and one sent twice is one row.
"""

import math
import uuid
from dataclasses import dataclass

from django.db import transaction

from analysis.models import Analysis, AuditSample, FieldLook
from analysis.models.analysis import OfAnalysisQuerySet
from analysis.services.review import lock_analysis, refuse_other_use
from analysis.services.revisions import take_revision
from mitoweb.lib.errors import Refused

LEAST_FIELD_UM, MOST_FIELD_UM = 100.0, 2000.0
NEAR_PX = 0.5  # a place of a sample, sent back


@dataclass(frozen=True)
class KeptLook:
    """What became of a request. `is_new` is False when the same had been received before."""

    look: FieldLook
    is_new: bool


def looks_shown_to(user, analysis: Analysis) -> OfAnalysisQuerySet:
    return _list_shown(FieldLook, user, analysis)


def samples_shown_to(user, analysis: Analysis) -> OfAnalysisQuerySet:
    return _list_shown(AuditSample, user, analysis)


def may_know_audits(user, analysis: Analysis, reader_id: int) -> bool:
    """Whether nothing that a reader drew to look at, or saw of it, is hidden from this person."""
    shown = (samples_shown_to(user, analysis), looks_shown_to(user, analysis).filter(sample__isnull=False))
    there = (analysis.audit_samples, analysis.looks.filter(sample__isnull=False))
    return all(
        some.filter(reader=reader_id).count() == rows.filter(reader=reader_id).count()
        for some, rows in zip(shown, there, strict=True)
    )


def _list_shown(model: type[FieldLook] | type[AuditSample], user, analysis: Analysis) -> OfAnalysisQuerySet:
    """What readers looked at or drew to look at, as far as this person may know of it: one's own in any case. Feed,
    walk, audit and the estimate beside a count ask nothing else, so a reading that hides what others did has to narrow
    this alone."""
    rows = model.objects.filter(analysis=analysis)
    return (rows.visible_to(user) | rows.filter(reader=user.pk)).select_related("reader")


def keep_look(
    analysis: Analysis,
    reader,
    look_id: uuid.UUID,
    *,
    x_l0: float,
    y_l0: float,
    radius_um: float,
    kind: str = FieldLook.Kind.WALK,
    sample: uuid.UUID | None = None,
) -> KeptLook:
    """Keep that a reader has looked at a field. Rights are the caller's.

    Refused: a field outside the slide, or of a size that no field has; an audit that is not of a field of the reader's
    own sample; an id that was used for something else.
    """
    wanted = {"analysis_id": analysis.pk, "reader_id": reader.pk, "kind": kind, "sample_id": sample}
    wanted |= {"x_l0": x_l0, "y_l0": y_l0, "radius_um": radius_um}
    with transaction.atomic():
        lock_analysis(analysis)
        known = FieldLook.objects.filter(pk=look_id).select_related("reader").first()
        if known is not None:
            refuse_other_use(known, wanted)
            return KeptLook(known, is_new=False)
        _refuse_no_field(analysis, x_l0, y_l0, radius_um)
        if kind == FieldLook.Kind.AUDIT or sample is not None:
            _refuse_outside_sample(analysis, reader, kind, sample, x_l0, y_l0)
        look = FieldLook(pk=look_id, revision=take_revision(analysis.pk), **wanted)
        look.save(force_insert=True)
    return KeptLook(look, is_new=True)


def _refuse_no_field(analysis: Analysis, x_l0: float, y_l0: float, radius_um: float) -> None:
    if not LEAST_FIELD_UM <= 2 * radius_um <= MOST_FIELD_UM:
        raise Refused(f"A field is {LEAST_FIELD_UM:.0f} to {MOST_FIELD_UM:.0f} µm across.", "no_field")
    if not (math.isfinite(x_l0) and math.isfinite(y_l0)):
        raise Refused("The place lies outside the slide.", "outside_slide")
    # The middle of a field at the edge may lie beyond it.
    reach_x, reach_y = radius_um / analysis.mpp_x, radius_um / analysis.mpp_y
    slide = analysis.slide
    if not (-reach_x <= x_l0 <= slide.width + reach_x and -reach_y <= y_l0 <= slide.height + reach_y):
        raise Refused("The place lies outside the slide.", "outside_slide")


def _refuse_outside_sample(
    analysis: Analysis, reader, kind: str, sample_id: uuid.UUID | None, x_l0: float, y_l0: float
) -> None:
    own = samples_shown_to(reader, analysis).filter(reader=reader)
    sample = own.filter(pk=sample_id).first() if kind == FieldLook.Kind.AUDIT else None
    fields = [] if sample is None else sample.fields_l0
    if not any(abs(x - x_l0) <= NEAR_PX and abs(y - y_l0) <= NEAR_PX for x, y in fields):
        raise Refused("An audit is of the fields that were drawn for it; this is none of yours.", "not_drawn")
