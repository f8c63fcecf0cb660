"""The gate in the product: from a candidate and a locked set to a report, and to what it lets people do."""

import pytest
from django.db import DatabaseError, transaction

from analysis.models import GateReport, LockedSetLook, ModelVersion
from analysis.services import gates, model_decisions, model_standing, model_versions
from analysis.services.model_standing import State, find_state
from analysis.views.gate_rows import WIDTH_PX, list_rows
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.child import run_queued
from mitoweb.lib.jobs.models import Job
from tests.analysis.learning.gate_makers import MEASURED, clause, made_report, told
from tests.analysis.learning.makers import administrator
from tests.analysis.learning.test_locked_set import read_slide
from tests.analysis.makers import ModelVersionFactory, network_file
from tests.factories import TeamFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def base() -> ModelVersion:
    """What is in use."""
    model = ModelVersionFactory(name="old", shipped=True)
    assert model_versions.find_active_model(None) == model
    return model


@pytest.fixture
def trainer():
    return administrator()


@pytest.fixture
def candidate(base, trainer) -> ModelVersion:
    return ModelVersionFactory(name="new", shipped=False, created_by=trainer, state=State.CANDIDATE)


def with_network(seed: int, state: State) -> ModelVersion:
    _, card = network_file(seed)
    values = {"name": card["name"], "sha256": card["sha256"], "card": card, "threshold": card["threshold"]}
    return ModelVersionFactory(shipped=False, state=state, **values)


def page(client, report: GateReport) -> str:
    return text_of(client, f"/models/gates/{report.pk}/")


def model_page(client, model: ModelVersion) -> str:
    return text_of(client, f"/models/{model.pk}/")


def text_of(client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def gates_job_failed(candidate: ModelVersion, base: ModelVersion) -> GateReport:
    values = {"kind": gates.KIND, "lane": "training", "object_id": candidate.pk, "state": "failed"}
    job = Job.objects.create(**values, message="The slide is gone.")
    return GateReport.objects.create(candidate=candidate, base=base, job=job)


def test_a_pass_is_approved_by_another_than_the_one_who_trained_it(candidate, base, trainer):
    with pytest.raises(Refused, match="was not held against the version in use yet") as refusal:
        model_decisions.approve_model(candidate, administrator())
    assert refusal.value.code == "gate_missing"
    report = made_report(candidate, base)
    with pytest.raises(Refused, match="another administrator approves it"):
        model_decisions.approve_model(candidate, trainer)
    step = model_decisions.approve_model(candidate, administrator())
    assert (step.state, step.facts["gate"]) == (State.APPROVED, str(report.pk))


def test_what_failed_or_is_too_small_or_of_another_version_in_use_is_not_approved(candidate, base):
    other = administrator()
    made_report(candidate, base, "fail", [clause(), clause("poor", "fail", 4)])
    with pytest.raises(Refused, match="the gate did not let it pass: Clause poor"):
        model_decisions.approve_model(candidate, other)
    made_report(candidate, base, "person", small="The locked set holds 1 case.")
    with pytest.raises(Refused, match="The locked set holds 1 case"):
        model_decisions.approve_model(candidate, other)
    made_report(candidate, ModelVersionFactory(name="older", shipped=False))
    with pytest.raises(Refused, match="old is in use by now, and the report is of older"):
        model_decisions.approve_model(candidate, other)
    assert find_state(candidate) == State.CANDIDATE


def test_a_recorded_look_settles_what_is_left_to_a_person_and_the_last_one_counts(candidate, base, client):
    other = administrator()
    report = made_report(candidate, base, "person", [clause(), clause("flips", "person", 8)])
    with pytest.raises(Refused, match="1 clause waits for a person"):
        model_decisions.approve_model(candidate, other)
    with pytest.raises(Refused, match="not left to a person"):
        gates.settle_clause(report, "f1", True, "Seen.", other)
    with pytest.raises(Refused, match="A reason is needed"):
        gates.settle_clause(report, "flips", True, " ", other)
    client.force_login(other)
    url = f"/models/gates/{report.pk}/look/"
    client.post(url, {"code": "flips", "passes": "no", "reason": "Two real mitoses."})
    assert "Two real mitoses." in page(client, report)
    assert not gates.find_standing(candidate).may_be_approved
    client.post(url, {"code": "flips", "passes": "yes", "reason": "Both were apoptotic."})
    assert "Approve</button>" in page(client, report)
    client.post(f"/models/gates/{report.pk}/approve/")
    assert find_state(candidate) == State.APPROVED


def test_an_override_needs_two_administrators_and_a_reason(candidate, base, client):
    first, second = administrator(), administrator()
    report = made_report(candidate, base, "fail", [clause("f1", "fail")])
    client.force_login(first)
    client.post(f"/models/gates/{report.pk}/override/", {"reason": "  "})
    assert not report.overrides.exists()
    client.post(f"/models/gates/{report.pk}/override/", {"reason": "The labels are wrong."})
    override = report.overrides.get()
    with pytest.raises(Refused, match="waits for a second administrator"):
        gates.ask_override(report, "Again.", second)
    client.post(f"/models/gates/overrides/{override.pk}/settle/", {"granted": "yes"})
    assert find_state(candidate) == State.CANDIDATE, "who asked has granted it too"
    assert "An override waits" in page(client, report)
    client.force_login(second)
    client.post(f"/models/gates/overrides/{override.pk}/settle/", {"granted": "yes"})
    assert find_state(candidate) == State.APPROVED
    assert candidate.standings.last().reason == "Against its gate: The labels are wrong."
    with pytest.raises(DatabaseError), transaction.atomic():
        report.overrides.update(reason="Another.")


def test_a_report_never_changes_once_it_is_there(candidate, base):
    report = made_report(candidate, base, "fail")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        GateReport.objects.filter(pk=report.pk).update(verdict="pass")
    GateReport.objects.filter(pk=report.pk).update(asked_by=administrator())


def test_what_cannot_be_judged_is_refused_in_words(candidate, base):
    by = administrator()
    with pytest.raises(Refused, match="no other version in use"):
        gates.ask_for_report(base, by)
    with pytest.raises(Refused, match="holds no slide that two readers have read"):
        gates.ask_for_report(candidate, by)
    read_slide()
    gates.ask_for_report(candidate, by)
    with pytest.raises(Refused, match="is held against old already"):
        gates.ask_for_report(candidate, by)
    model_standing.take_step(candidate, State.RETIRED, by, "No use.")
    with pytest.raises(Refused, match="it is not judged"):
        gates.ask_for_report(candidate, by)


@pytest.mark.timeout(300)
def test_a_report_comes_of_two_versions_and_the_locked_set(client, settings, tmp_path):
    settings.GATES_ROOT = tmp_path / "gates"
    by = administrator()
    client.force_login(by)
    base, candidate = with_network(1, State.APPROVED), with_network(2, State.CANDIDATE)
    for _ in range(2):
        read_slide()
    report = gates.ask_for_report(candidate, by, base)
    run_queued("training")
    report.refresh_from_db()
    report.job.refresh_from_db()
    assert report.done, report.job.message + report.job.log
    assert report.verdict == "person", "a locked set of two mitoses has decided"
    assert LockedSetLook.objects.get().hash == report.report["locked"]["hash"]
    shown = page(client, report)
    assert "The locked set holds 2 cases and 2 agreed mitoses" in shown
    assert client.get(f"/models/gates/{report.pk}/pictures/f1.png").headers["Content-Type"] == "image/png"
    assert client.get(f"/models/gates/{report.pk}/pictures/../../secret").status_code == 404
    client.force_login(member(TeamFactory(), "lead"))
    assert client.get(f"/models/gates/{report.pk}/").status_code in (403, 404)


def test_a_version_is_held_against_the_one_in_use_by_itself_or_says_why_not(candidate, base, trainer, client):
    client.force_login(trainer)
    why = gates.ask_by_itself(candidate, trainer)
    assert why.startswith("Not held against the version in use: The locked set holds no slide that two readers have")
    assert not GateReport.objects.exists()
    read_slide()
    assert gates.ask_by_itself(candidate, trainer) == "Its gate is on its way, beside old."
    report = candidate.gate_reports.get()
    assert (report.base, report.asked_by, report.job.state) == (base, trainer, "queued")
    assert "held against old already" in gates.ask_by_itself(candidate, trainer)
    assert "There is no other version in use" in gates.ask_by_itself(base)
    shown = model_page(client, candidate)
    assert "<b>Its gate is on its way.</b> Held against old on the locked set: waits for its turn." in shown
    assert f'href="/models/gates/{report.pk}/">Gate report</a>' in shown


def test_the_page_of_a_version_tells_how_it_stands_with_its_gate(candidate, base, client):
    client.force_login(administrator())
    assert "<b>No gate yet.</b> made in a test" in model_page(client, candidate)
    gates_job_failed(candidate, base)
    assert "<b>Its gate ended without a verdict.</b> The slide is gone." in model_page(client, candidate)
    report = made_report(candidate, base, "person", small="The locked set holds 1 case.")
    assert f"<b>Gate: needs a person.</b> {report.sentence}" in model_page(client, candidate)
    assert "gate-news" not in model_page(client, base), "a version that waits for no gate tells of one"
    client.force_login(member(TeamFactory(), "lead"))
    assert "gate-news" not in model_page(client, candidate)


def test_rows_are_drawn_within_their_picture_with_what_is_not_allowed_on_its_side():
    ratio = dict(MEASURED, kind="ratio", change=1.3, low=1.0, high=1.6)
    share = dict(MEASURED, kind="share", change=0.98, low=0.94, high=1.0)
    clauses = [
        clause("f1"),
        clause("poor", "fail", 4, limit=1.1, measured=ratio),
        clause("candidates", "pass", 5, limit=0.97, measured=share),
        clause("domain.tumour.x", "few", 2),
        clause("repeats", "pass", 11, limit=None, measured=None),
    ]
    f1, poor, candidates, few, repeats = list_rows(told("fail", clauses), {})
    assert f1.drawing.shade_px == 0 and poor.drawing.shade_px > 0 and candidates.drawing.shade_px == 0
    assert poor.drawing.dot_px > poor.drawing.shade_px, "a dot beyond the bound is drawn outside of the shade"
    assert (f1.change, f1.interval, poor.change) == ("+0.020", "−0.010 to +0.050", "1.30 times")
    assert few.drawing.is_few and few.drawing.limit_px is None
    assert repeats.drawing is None
    for row in (f1, poor, candidates, few):
        assert 0 <= row.drawing.low_px <= row.drawing.dot_px <= row.drawing.high_px <= WIDTH_PX
