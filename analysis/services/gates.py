"""The gate in the product: asked for, evaluated by a job, read, and what it lets an administrator do.

A version that was trained here is approved on the newest report alone, as long as the locked set and the version in use
are those that it was made with. What a clause leaves to a person is settled by a recorded look; a locked set that is
too small to decide is settled by none. Against the gate a version is approved by two administrators with a reason.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from analysis.lab import tolerances
from analysis.models import ClauseLook, GateOverride, GateReport, ModelStanding, ModelVersion
from analysis.services import model_versions
from analysis.services.learning import locked_set
from analysis.services.learning.leaving import check_reason
from analysis.services.model_standing import State, find_state, take_step
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from mitoweb.people import audit

KIND = "model.gate"
ATTEMPTS = 2
LONGEST_REASON = 1000
PERSON, FAIL, PASS = GateReport.Verdict.PERSON, GateReport.Verdict.FAIL, GateReport.Verdict.PASS
JUDGED = (State.CANDIDATE, State.VALIDATED, State.APPROVED)


def list_asked() -> tuple[tolerances.Asked, ...]:
    """The clauses that a candidate will have to meet, told before there is a result."""
    return tolerances.ALL


# Asking for one ---------------------------------------------------------------------------------------------------
def ask_for_report(candidate: ModelVersion, by, base: ModelVersion | None = None) -> GateReport:
    """Have a version held against a base, the one in use where none is named. Rights are the caller's.

    Raises Refused for a version that cannot be judged, for the same again while it is on its way, and where the locked
    set holds nothing that two readers have read.
    """
    if find_state(candidate) not in JUDGED:
        raise Refused(f"{candidate.name} is {find_state(candidate).label.lower()}; it is not judged.", "model_state")
    return _begin_report(candidate, by, base)


def ask_by_itself(model: ModelVersion, by=None) -> str:
    """Have a version held against the one in use while it is taken in, in that transaction, without anybody asking.

    A sentence for its history: what it is held against, or why against nothing.
    """
    try:
        with transaction.atomic():
            report = _begin_report(model, by)
    except Refused as refusal:
        return f"Not held against the version in use: {refusal}"
    return f"Its gate is on its way, beside {report.base.name}."


def _begin_report(candidate: ModelVersion, by, base: ModelVersion | None = None) -> GateReport:
    base = base or model_versions.find_active_model(None)
    if base is None or base.sha256 == candidate.sha256:
        raise Refused("There is no other version in use to hold it against.", "gate_base")
    if not locked_set.holds_anything():
        raise Refused("The locked set holds no slide that two readers have read: lock some first.", "locked_set_empty")
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=candidate.pk)
        live = (Job.State.QUEUED, Job.State.RUNNING)
        if candidate.gate_reports.filter(base=base, job__state__in=live).exists():
            raise Refused(f"{candidate.name} is held against {base.name} already.", "gate_on_its_way")
        report = GateReport.objects.create(candidate=candidate, base=base, asked_by=by if by and by.pk else None)
        report.job = core.enqueue(KIND, report.pk, created_by=report.asked_by, max_attempts=ATTEMPTS)
        report.save(update_fields=["job"])
        text = f"{candidate.name} is held against {base.name}"
        audit.record_change(report.asked_by, None, "gate.ask", f"model {candidate.pk}", text)
    return report


# What its job writes, inside its own transaction --------------------------------------------------------------------
def note_look(report_id: uuid.UUID, digest: str) -> None:
    """Before anything is evaluated; an attempt that comes after a kill is the same look, unless the set has changed."""
    report = GateReport.objects.select_for_update(of=("self",)).select_related("base", "candidate", "look").get(
        pk=report_id
    )  # fmt: skip
    if report.look is None or report.look.hash != digest:
        report.look = locked_set.record_look(
            f"{report.candidate.name} beside {report.base.name}", digest, report.asked_by
        )
        report.save(update_fields=["look"])


def keep_report(report_id: uuid.UUID, found: dict[str, Any]) -> None:
    """`found` as the laboratory's gate gives it."""
    report = GateReport.objects.select_for_update(of=("self",)).select_related("base", "candidate").get(pk=report_id)
    report.verdict, report.sentence, report.report = found["verdict"], found["sentence"], found
    report.done = timezone.now()
    report.save(update_fields=["verdict", "sentence", "report", "done"])
    text = f"{report.candidate.name} beside {report.base.name}: {report.get_verdict_display()}"
    audit.record_change(report.asked_by, None, "gate.verdict", f"model {report.candidate_id}", text)


def folder_of(report_id: uuid.UUID) -> Path:
    """Where its pictures lie."""
    return Path(settings.GATES_ROOT) / str(report_id)


# What it says ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standing:
    """What a version's newest report lets be done. lacks: why it may not be approved on it, "" where it may."""

    report: GateReport | None
    lacks: str
    open_clauses: tuple[str, ...] = ()

    @property
    def may_be_approved(self) -> bool:
        return not self.lacks


def find_standing(model: ModelVersion) -> Standing:
    """By the newest report that is done."""
    report = model.gate_reports.done().with_facts().order_by("-done").first()
    if report is None:
        return Standing(None, f"{model.name} was not held against the version in use yet")
    if outdated := _why_outdated(report):
        return Standing(report, outdated)
    if report.report["small"]:
        return Standing(report, report.report["small"].rstrip("."))
    failed = [clause["title"] for clause in report.report["clauses"] if clause["says"] == FAIL]
    looks = {look.code: look for look in report.looks.all()}  # the last one of each
    failed += [
        each["title"] for each in _left_to_persons(report) if each["code"] in looks and not looks[each["code"]].passes
    ]
    if failed:
        return Standing(report, f"the gate did not let it pass: {'; '.join(failed)}")
    waiting = tuple(each["code"] for each in _left_to_persons(report) if each["code"] not in looks)
    if waiting:
        count = f"{len(waiting)} clauses wait" if len(waiting) > 1 else "1 clause waits"
        return Standing(report, f"{count} for a person to look at", waiting)
    return Standing(report, "")


def why_not_approved(report: GateReport) -> str:
    """What is in the way of an approval on this very report, "" where nothing is."""
    standing = find_standing(report.candidate)
    is_newest = standing.report is not None and standing.report.pk == report.pk
    return standing.lacks if is_newest or not report.done else "there is a newer report"


def _left_to_persons(report: GateReport) -> list[dict]:
    return [clause for clause in report.report["clauses"] if clause["says"] == PERSON]


def _why_outdated(report: GateReport) -> str:
    if (active := model_versions.find_active_model(None)) is not None and active.pk != report.base_id:
        return f"{active.name} is in use by now, and the report is of {report.base.name}"
    return ""


# What people say to it ----------------------------------------------------------------------------------------------
def settle_clause(report: GateReport, code: str, passes: bool, reason: str, by) -> ClauseLook:
    """Record that somebody looked at what a clause leaves to a person. Refused for any other clause."""
    reason = check_reason(reason, LONGEST_REASON)
    if not report.done or code not in {clause["code"] for clause in _left_to_persons(report)}:
        raise Refused("This clause is not left to a person.", "gate_clause")
    with transaction.atomic():
        look = ClauseLook.objects.create(report=report, code=code, passes=passes, reason=reason, by=by)
        text = f"Clause {code}: {'may pass' if passes else 'does not pass'}"
        audit.record_change(by, None, "gate.look", f"model {report.candidate_id}", text)
    return look


def approve_on_report(model: ModelVersion, by) -> ModelStanding:
    """An administrator's yes to a candidate that the gate let pass; not of the one who trained it, unless the lab
    switched that off. Raises Refused with what is in the way.
    """
    with transaction.atomic():
        ModelVersion.objects.select_for_update(of=("self",)).get(pk=model.pk)
        standing = find_standing(model)
        if not standing.may_be_approved or standing.report is None:
            raise Refused(f"{model.name} cannot be approved: {standing.lacks}.", "gate_missing")
        if model.created_by_id == by.pk and model_versions.needs_second_admin(None):
            raise Refused("You trained this version; another administrator approves it.", "permission_denied")
        return take_step(model, State.APPROVED, by, "The gate let it pass.", {"gate": str(standing.report.pk)})


def ask_override(report: GateReport, reason: str, by) -> GateOverride:
    """Ask for a version's approval against its gate. Refused where the gate let it pass, and while one waits."""
    reason = check_reason(reason, LONGEST_REASON)
    standing = find_standing(report.candidate)
    if standing.report is None or standing.report.pk != report.pk:
        raise Refused("There is a newer report, which alone can be overridden.", "gate_outdated")
    if standing.may_be_approved:
        raise Refused("The gate let it pass; nothing is to be overridden.", "gate_passed")
    if find_state(report.candidate) != State.CANDIDATE:
        raise Refused("Only a candidate is approved against its gate.", "model_state")
    try:
        with transaction.atomic():
            override = GateOverride.objects.create(report=report, reason=reason, asked_by=by)
            _record(override, by, "ask", f"asked for: {reason}")
    except IntegrityError as error:
        raise Refused("An override is asked for already and waits for a second administrator.", "asked") from error
    return override


def settle_override(override: GateOverride, granted: bool, by) -> GateOverride:
    """The second administrator's yes or no. The one who asked may only take it back."""
    with transaction.atomic():
        override = GateOverride.objects.select_for_update(of=("self",)).select_related("report__candidate").get(
            pk=override.pk
        )  # fmt: skip
        if override.settled:
            raise Refused("This override is settled already.", "settled")
        if granted and override.asked_by_id == by.pk:
            raise Refused("You asked for this override; another administrator settles it.", "permission_denied")
        override.granted, override.settled, override.settled_by = granted, timezone.now(), by
        override.save(update_fields=["granted", "settled", "settled_by"])
        _record(override, by, "settle", "granted" if granted else "refused")
        if granted:
            facts = {"gate": str(override.report_id), "override": str(override.pk)}
            take_step(override.report.candidate, State.APPROVED, by, f"Against its gate: {override.reason}", facts)
    return override


def _record(override: GateOverride, by, action: str, text: str) -> None:
    model = override.report.candidate
    audit.record_change(by, None, f"gate.override.{action}", f"model {model.pk}", f"{model.name}: override {text}")
