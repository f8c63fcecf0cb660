"""What readers say: verdicts on detections and figures, and figures they add.

Rows are only ever added. The last row received of a reader is in force ("received" is the order of the analysis'
revisions, taken under a lock), an undo is a new row, and a row sent twice is one row: its UUID comes from the browser.
"""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import transaction

from analysis.models import Analysis, Detection, Figure, Verdict
from analysis.models.analysis import OfAnalysisQuerySet
from analysis.pipeline.count import points_in_polygon
from analysis.pipeline.merge import RADIUS_UM
from analysis.services.revisions import take_revision, take_revisions
from mitoweb.lib.errors import Refused
from slides.services.cases import mark_case_of_slide_changed

Label, Purpose = Verdict.Label, Verdict.Purpose


@dataclass(frozen=True)
class GivenVerdict:
    """What became of a request. `is_new` is False when the same request had been received before."""

    verdict: Verdict
    is_new: bool


@dataclass(frozen=True)
class AddedFigure:
    """What became of a figure: `figure` or, where one existed within reach, `detection`; and the verdict on it.

    `is_new` tells whether a figure was made by this request.
    """

    verdict: Verdict
    figure: Figure | None
    detection: Detection | None
    is_new: bool


def verdicts_in_force(analysis: Analysis, reader=None) -> OfAnalysisQuerySet:
    """The newest verdict of each reader (or of one) on each detection and figure, withdrawn ones left out."""
    return newest_verdicts(Verdict.objects.filter(analysis=analysis), reader).exclude(label=Label.WITHDRAWN)


def newest_verdicts(verdicts: OfAnalysisQuerySet, reader=None) -> OfAnalysisQuerySet:
    """Of these verdicts the newest of each reader on each detection and figure, withdrawn ones included. One query."""
    if reader is not None:
        verdicts = verdicts.filter(reader=reader)
    one_verdict = ("reader_id", "detection_id", "figure_id")
    last = verdicts.order_by(*one_verdict, "-revision").distinct(*one_verdict)
    return Verdict.objects.filter(pk__in=last.values("pk"))


def give_verdict(
    analysis: Analysis,
    reader,
    verdict_id: uuid.UUID,
    *,
    detection: int | None = None,
    figure: uuid.UUID | None = None,
    label: str,
    reason: str = "",
    comment: str = "",
    phase: str = "",
    atypical: bool = False,
    purpose: str = Purpose.VALIDATE,
) -> GivenVerdict:
    """Keep one verdict, as `give_verdicts` keeps several."""
    said = {"id": verdict_id, "detection": detection, "figure": figure, "label": label, "reason": reason}
    said |= {"comment": comment, "phase": phase, "atypical": atypical, "purpose": purpose}
    return give_verdicts(analysis, reader, [said])[0]


def give_verdicts(analysis: Analysis, reader, said: Sequence[dict]) -> list[GivenVerdict]:
    """Keep all of these verdicts or none, in their order, each with a revision of its own. Rights are the caller's.

    Each of `said` has an id, a label and a detection or a figure, and may have what else a verdict says; another
    phase, or another purpose, is another verdict. Refused: what is not in this analysis, a reason without "not
    mitosis", a phase or "atypical" without "mitosis", an id that was used for something else. The number of queries
    does not grow with the number of verdicts.
    """
    wanted = [_make_verdict(analysis, reader, one, len(said)) for one in said]
    with transaction.atomic():
        lock_analysis(analysis)
        known = Verdict.objects.filter(pk__in=[verdict.pk for verdict in wanted]).select_related("reader")
        kept = {verdict.pk: verdict for verdict in known}
        new: dict[uuid.UUID, Verdict] = {}
        for verdict in wanted:
            if not _says_the_same(verdict, kept.get(verdict.pk) or new.setdefault(verdict.pk, verdict)):
                raise used_id_refusal(len(said))
        refuse_foreign(analysis, list(new.values()), len(said))
        if new:
            for verdict, revision in zip(new.values(), take_revisions(analysis.pk, len(new)), strict=True):
                verdict.revision = revision
            Verdict.objects.bulk_create(new.values())
    if new:
        mark_case_of_slide_changed(analysis.slide_id)
    return [GivenVerdict((new | kept)[verdict.pk], is_new=verdict.pk in new) for verdict in wanted]


def _make_verdict(analysis: Analysis, reader, said: dict, of: int) -> Verdict:
    """The row of one answer, not yet kept; `of` came in one request."""
    label, reason = said["label"], said.get("reason", "")
    phase, atypical = said.get("phase", ""), said.get("atypical", False)
    if reason and label != Label.NOT_MITOSIS:
        raise Refused(_say_none_kept(of) + "A reason goes with “not mitosis” only.", "reason_without_not_mitosis")
    if phase and label != Label.MITOSIS:
        raise Refused(_say_none_kept(of) + "A phase goes with “mitosis” only.", "phase_without_mitosis")
    if atypical and label != Label.MITOSIS:
        raise Refused(_say_none_kept(of) + "“Atypical” goes with “mitosis” only.", "atypical_without_mitosis")
    return Verdict(
        pk=said["id"],
        analysis=analysis,
        reader=reader,
        detection_id=said.get("detection"),
        figure_id=said.get("figure"),
        label=label,
        reason=reason,
        comment=said.get("comment", ""),
        phase=phase,
        atypical=atypical,
        purpose=said.get("purpose", Purpose.VALIDATE),
    )


SAID = ("analysis_id", "reader_id", "detection_id", "figure_id", "label", "reason", "comment")
SAID += ("phase", "atypical", "purpose")


def _says_the_same(one: Verdict, other: Verdict) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in SAID)


def add_figure(
    analysis: Analysis, reader, figure_id: uuid.UUID, x_l0: float, y_l0: float, purpose: str = Purpose.VALIDATE
) -> AddedFigure:
    """Add a mitosis that the model missed; within 7.5 µm of a detection or figure it is a verdict on the nearest one.

    Either way the reader's verdict there is "mitosis". Its id follows from `figure_id`, so the same request again
    changes nothing. Refused: a place outside the slide or what was analysed, and a used id.
    """
    verdict_id = uuid.uuid5(figure_id, "verdict")
    with transaction.atomic():
        lock_analysis(analysis)
        if (known := Verdict.objects.filter(pk=verdict_id).select_related("reader").first()) is not None:
            if known.purpose != purpose:
                raise used_id_refusal()
            return _repeat_added(known, analysis, reader, figure_id, x_l0, y_l0)
        if Figure.objects.filter(pk=figure_id).exists():
            raise used_id_refusal()
        _refuse_outside(analysis, x_l0, y_l0)
        target = _find_nearest(analysis, x_l0, y_l0)
        if target is None:
            target = figure = Figure.objects.create(
                pk=figure_id,
                analysis=analysis,
                x_l0=x_l0,
                y_l0=y_l0,
                reader=reader,
                revision=take_revision(analysis.pk),
            )
        else:
            figure = None
        kind = "detection" if isinstance(target, Detection) else "figure"
        verdict = Verdict.objects.create(
            pk=verdict_id,
            analysis=analysis,
            reader=reader,
            label=Label.MITOSIS,
            purpose=purpose,
            revision=figure.revision if figure else take_revision(analysis.pk),
            **{kind: target},
        )
    mark_case_of_slide_changed(analysis.slide_id)
    return AddedFigure(verdict, verdict.figure, verdict.detection, is_new=figure is not None)


def lock_analysis(analysis: Analysis) -> None:
    """One writer at a time per analysis, so that a request sent twice at once is seen by the second."""
    if Analysis.objects.select_for_update().only("pk").filter(pk=analysis.pk).first() is None:
        raise Refused("Not found.", "not_found")  # deleted meanwhile


def refuse_other_use(known, wanted: dict) -> None:
    """Refused where a row that has the id says anything else than what is wanted of it now."""
    if any(getattr(known, name) != value for name, value in wanted.items()):
        raise used_id_refusal()


def used_id_refusal(of: int = 1) -> Refused:
    """`of`: how many came in one request, none of which is kept then."""
    return Refused(_say_none_kept(of) + "Not saved: this id was used for something else before.", "id_used")


def _say_none_kept(of: int) -> str:
    return f"None of the {of} verdicts was saved. " if of > 1 else ""


class OnOneThing(Protocol):
    detection_id: int | None
    figure_id: uuid.UUID | None


def refuse_foreign(analysis: Analysis, rows: Sequence[OnOneThing], of: int = 1) -> None:
    """Refuse what is said of something that is not in this analysis; `of` came in one request."""
    if any((row.detection_id is None) == (row.figure_id is None) for row in rows):
        raise Refused(_say_none_kept(of) + "What is said is of one detection or of one figure.", "one_thing")
    detections = {row.detection_id for row in rows} - {None}
    if detections and analysis.detections.filter(pk__in=detections).count() < len(detections):
        raise Refused(_say_none_kept(of) + "There is no such detection in this analysis.", "no_such_detection")
    figures = {row.figure_id for row in rows} - {None}
    if figures and analysis.figures.filter(pk__in=figures).count() < len(figures):
        raise Refused(_say_none_kept(of) + "There is no such figure in this analysis.", "no_such_figure")


def _repeat_added(
    known: Verdict, analysis: Analysis, reader, figure_id: uuid.UUID, x_l0: float, y_l0: float
) -> AddedFigure:
    """The answer to a figure that was received before: the same answer, refused when the place is another."""
    if known.analysis_id != analysis.pk or known.reader_id != reader.pk:
        raise used_id_refusal()
    if known.figure_id == figure_id and (known.figure.x_l0, known.figure.y_l0) != (x_l0, y_l0):
        raise used_id_refusal()
    target = known.figure or known.detection
    if known.figure_id != figure_id and _distance_um(analysis, target.x_l0, target.y_l0, x_l0, y_l0) > RADIUS_UM:
        raise used_id_refusal()
    return AddedFigure(known, known.figure, known.detection, is_new=False)


def _refuse_outside(analysis: Analysis, x_l0: float, y_l0: float) -> None:
    slide = analysis.slide
    if not (math.isfinite(x_l0) and math.isfinite(y_l0) and 0 <= x_l0 <= slide.width and 0 <= y_l0 <= slide.height):
        raise Refused("The place lies outside the slide.", "outside_slide")
    if analysis.polygon and not points_in_polygon([[x_l0, y_l0]], analysis.polygon)[0]:
        raise Refused("The place lies outside the region that was analysed.", "outside_region")


def _find_nearest(analysis: Analysis, x_l0: float, y_l0: float) -> Detection | Figure | None:
    """The nearest one within reach; of two equally near a detection, then the one with the lower id."""
    reach_x, reach_y = RADIUS_UM / analysis.mpp_x, RADIUS_UM / analysis.mpp_y
    near = {"x_l0__range": (x_l0 - reach_x, x_l0 + reach_x), "y_l0__range": (y_l0 - reach_y, y_l0 + reach_y)}
    marks = [*analysis.detections.filter(**near).order_by("pk"), *analysis.figures.filter(**near).order_by("pk")]
    measured = [(_distance_um(analysis, mark.x_l0, mark.y_l0, x_l0, y_l0), i) for i, mark in enumerate(marks)]
    distance, index = min(measured, default=(math.inf, 0))
    return marks[index] if distance <= RADIUS_UM else None


def _distance_um(analysis: Analysis, x1: float, y1: float, x2: float, y2: float) -> float:
    return math.hypot((x1 - x2) * analysis.mpp_x, (y1 - y2) * analysis.mpp_y)
