"""Replays: every decided case told anew under another version, threshold or protocol, before anybody uses it.

What a model calls is compared, since that is what readers are shown first; what they counted stands beside it and
stays what it is. Under another protocol it is their own figures that are counted anew.
"""

import math
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from analysis.models import Analysis, ModelVersion, Replay, ReplayedCase
from analysis.pipeline.count.replay import Question, Told, find_alone
from analysis.pipeline.count.search import SearchTooLong
from analysis.services import count_regions, protocol_changes, protocols
from analysis.services.count_area import find_count_area
from analysis.services.decided_cases import DecidedCase
from analysis.services.label_table import MITOSIS, LabelTable
from analysis.services.model_standing import State, find_state
from analysis.services.protocols import Version
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit

KIND = "replay.version"  # looks at slides anew
KIND_OF_STORED = "replay.stored"  # of what is in the database already: does not wait for trainings
ATTEMPTS = 3
REPLAYED = (State.VALIDATED, State.CANDIDATE, State.APPROVED)
BOTH, NEW, LOST, CONFIRMED = "both", "new", "lost", "confirmed"
NO_ROOM = "no window of the protocol has room on it"
TOO_LONG = "the search for its best window took too long"
MARKS_SHOWN = 400  # of a window


# Asking for one ---------------------------------------------------------------------------------------------------
def ask_for_replay(
    by, model: ModelVersion | None = None, threshold: float | None = None, protocol: Version | None = None
) -> Replay:
    """Have every decided case told anew under one other thing. Rights are the caller's.

    Raises Refused for what cannot be replayed, and for the same again while it is on its way.
    """
    if (model is not None) + (threshold is not None) + (protocol is not None) != 1:
        raise Refused("Name one of version, threshold and protocol to replay.", "replay_question")
    if model is not None and find_state(model) not in REPLAYED:
        raise Refused(f"{model.name} is {find_state(model).label.lower()}; it is not replayed.", "model_state")
    if threshold is not None and not (math.isfinite(threshold) and 0 < threshold < 1):
        raise Refused("A threshold is a number between 0 and 1.", "replay_question")
    with transaction.atomic():
        if model is not None:
            ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        row = protocol_changes.keep_version(protocol) if protocol else None
        asked = {"model": model, "threshold": threshold, "protocol": row}
        if Replay.objects.filter(**asked, done=None, job__state__in=(Job.State.QUEUED, Job.State.RUNNING)).exists():
            raise Refused("The same is being replayed already.", "replay_on_its_way")
        replay = Replay.objects.create(**asked, asked_by=by if by and by.pk else None)
        replay.job = core.enqueue(
            KIND if model else KIND_OF_STORED, replay.pk, created_by=replay.asked_by, max_attempts=ATTEMPTS
        )
        replay.save(update_fields=["job"])
        subject = f"model {model.pk}" if model else f"replay {replay.pk}"
        audit.record_change(replay.asked_by, None, "replay.ask", subject, f"Decided cases replayed under {replay}")
    return replay


def find_newest_replay(model: ModelVersion) -> Replay | None:
    return Replay.objects.with_facts().filter(model=model).order_by("-asked").first()


# What its job works out ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Places:
    """Of one decided case: places in level-0 px, float (n, 2), and which of them its reader took for a mitosis."""

    called_l0: np.ndarray
    confirmed_l0: np.ndarray


def load_places(decided: DecidedCase) -> Places:
    """The model's calls, and what the reader confirmed, added figures too."""
    table = LabelTable(decided.analysis, _Reader(decided.reader_id))
    is_confirmed = (table.get_labels(decided.reader_id) == MITOSIS) & table.is_placed
    return Places(table.points[table.called & table.is_placed], table.points[is_confirmed])


@dataclass(frozen=True)
class _Reader:
    pk: int


def load_calls(analysis: Analysis, threshold: float) -> np.ndarray:
    """Places that the analysis would call at another threshold: level-0 px, float (n, 2). Raises Refused below the
    floor above which detections are kept."""
    if threshold < analysis.floor:
        raise Refused(f"detections are kept from {analysis.floor:.2f} on", "replay_question")
    rows = analysis.detections.filter(probability__gte=threshold).values_list("x_l0", "y_l0")
    return np.array(list(rows), float).reshape(-1, 2)


def tell_calls(decided: DecidedCase, before_l0: np.ndarray, after_l0: np.ndarray, confirmed_l0: np.ndarray) -> dict:
    """Facts of a ReplayedCase from what is called before and after, level-0 px (n, 2), under the case's protocol."""
    question = _ask(decided, protocols.protocol_of(decided.case))
    told = _tell_both(question, before_l0, question, after_l0)
    if isinstance(told, str):
        return _lack(told)
    um_per_px = question.frame.scale_um
    is_lost, is_new = find_alone(before_l0, after_l0, um_per_px), find_alone(after_l0, before_l0, um_per_px)
    of_before = _Side(told[0], before_l0, is_lost, LOST, ~find_alone(before_l0, confirmed_l0, um_per_px))
    of_after = _Side(told[1], after_l0, is_new, NEW, ~find_alone(after_l0, confirmed_l0, um_per_px))
    lost, lost_confirmed = of_before.count_alone()
    new, new_confirmed = of_after.count_alone()
    counts = {"lost": lost, "lost_confirmed": lost_confirmed, "new": new, "new_confirmed": new_confirmed}
    return _compare(*told) | counts | {"drawing": {"before": of_before.draw(), "after": of_after.draw()}}


def tell_protocol(decided: DecidedCase, version: Version, confirmed_l0: np.ndarray) -> dict:
    """The same of the reader's own figures, counted by the case's protocol and by another."""
    own, other = _ask(decided, protocols.protocol_of(decided.case)), _ask(decided, version.protocol)
    told = _tell_both(own, confirmed_l0, other, confirmed_l0)
    if isinstance(told, str):
        return _lack(told)
    nobody = np.zeros(len(confirmed_l0), bool)
    sides = [_Side(each, confirmed_l0, nobody, "", nobody, CONFIRMED).draw() for each in told]
    return _compare(*told) | {"drawing": {"before": sides[0], "after": sides[1]}}


def _ask(decided: DecidedCase, protocol) -> Question:
    analysis = decided.analysis
    bounds = find_count_area(analysis).bounds_windows(analysis)
    frame = count_regions.make_frame(analysis)
    return Question(protocol.shape, protocol.cutoffs, frame, analysis.tissue, bounds)


def _tell_both(one: Question, one_l0: np.ndarray, other: Question, other_l0: np.ndarray) -> tuple[Told, Told] | str:
    """Both counts, or why there are none."""
    try:
        before, after = one.tell(one_l0), other.tell(other_l0)
    except SearchTooLong:
        return TOO_LONG
    return NO_ROOM if before is None or after is None else (before, after)


def _lack(why: str) -> dict[str, Any]:
    return {"lacks": why}


def _compare(before: Told, after: Told) -> dict[str, Any]:
    return {
        "before_count": before.count,
        "before_score": before.score or "",
        "after_count": after.count,
        "after_score": after.score or "",
        "changes_score": before.score != after.score,
    }


@dataclass(frozen=True)
class _Side:
    """What one side calls, in its window. alone: called by it and not by the other; was_confirmed: near what the
    reader confirmed; both (n,)."""

    told: Told
    places_l0: np.ndarray
    alone: np.ndarray
    alone_kind: str
    was_confirmed: np.ndarray
    kind: str = BOTH

    def count_alone(self) -> tuple[int, int]:
        """In the window: how many it has alone, and how many of these the reader confirmed."""
        alone = self.told.inside & self.alone
        return int(alone.sum()), int((alone & self.was_confirmed).sum())

    def draw(self) -> dict[str, Any]:
        marks = [
            [round(x, 1), round(y, 1), self.alone_kind if alone else self.kind]
            for (x, y), alone in zip(
                self.places_l0[self.told.inside].tolist(), self.alone[self.told.inside].tolist(), strict=True
            )
        ]
        rings = [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in self.told.rings_l0]
        return {"rings_l0": rings, "marks": marks[:MARKS_SHOWN]}


# What it writes, inside its own transaction -------------------------------------------------------------------------
def keep_case(replay_id: uuid.UUID, decided: DecidedCase, facts: dict[str, Any]) -> None:
    """Once for each case; of what was erased meanwhile nothing is kept."""
    if not Analysis.objects.filter(pk=decided.analysis.pk).exists():
        return
    choice = protocols.choice_of(decided.case)
    ReplayedCase.objects.get_or_create(
        replay_id=replay_id,
        case=decided.case,
        defaults={
            "analysis": decided.analysis,
            "protocol": f"{choice.protocol.title}, version {choice.protocol.version}"[:200],
            "readers_count": decided.confirmed,
            "readers_score": decided.score,
        }
        | facts,
    )


def finish_replay(replay_id: uuid.UUID) -> None:
    Replay.objects.filter(pk=replay_id, done=None).update(done=timezone.now())


def list_replayed(replay_id: uuid.UUID) -> set[uuid.UUID]:
    """Cases that are told already."""
    return set(ReplayedCase.objects.filter(replay=replay_id).values_list("case_id", flat=True))
