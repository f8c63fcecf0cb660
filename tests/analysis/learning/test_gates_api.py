"""The gate by the API: asked for, read, its clauses settled and overridden, by administrators alone."""

import pytest

from analysis.models import GateReport, ModelVersion
from analysis.services.model_standing import State, find_state
from tests.analysis.learning.gate_makers import clause, made_report
from tests.analysis.learning.makers import administrator
from tests.analysis.learning.test_locked_set import read_slide
from tests.analysis.makers import ModelVersionFactory
from tests.analysis.review_makers import client
from tests.factories import TeamFactory, member

pytestmark = pytest.mark.django_db
URL = "/api/gates/"


@pytest.fixture
def base() -> ModelVersion:
    return ModelVersionFactory(name="old", shipped=True)


@pytest.fixture
def candidate(base) -> ModelVersion:
    return ModelVersionFactory(name="new", shipped=False, state=State.CANDIDATE)


def post(user, url: str, **body):
    answer = client(user).post(url, body, format="json")
    return answer.status_code, answer.json()


def test_a_report_is_asked_for_listed_and_read(candidate, base):
    by = administrator()
    status, told = post(by, URL, candidate=str(candidate.pk))
    assert (status, told["code"]) == (409, "locked_set_empty")
    read_slide()
    status, told = post(by, URL, candidate=str(candidate.pk))
    assert (status, told["state"], told["verdict"], told["report"]) == (201, "waiting", "", None)
    assert (told["candidate_name"], told["base_name"], told["asked_by"]["id"]) == ("new", "old", by.pk)
    assert post(by, URL, candidate=str(candidate.pk))[1]["code"] == "gate_on_its_way"
    done = made_report(candidate, base, "fail", [clause("poor", "fail", 4)])
    listed = client(by).get(URL, {"candidate": str(candidate.pk)}).json()["results"]
    assert {row["id"] for row in listed} == {told["id"], str(done.pk)}
    assert client(by).get(URL, {"candidate": str(base.pk)}).json()["results"] == []
    read = client(by).get(f"{URL}{done.pk}/").json()
    assert (read["state"], read["verdict"], read["lacks"]) == (
        "done", "fail", "the gate did not let it pass: Clause poor",
    )  # fmt: skip
    assert [each["code"] for each in read["report"]["clauses"]] == ["poor"]


def test_a_clause_is_settled_by_a_look_with_what_was_seen(candidate, base):
    by, report = administrator(), made_report(candidate, base, "person", [clause(), clause("flips", "person", 8)])
    url = f"{URL}{report.pk}/look/"
    assert post(by, url, code="f1", passes=True, reason="Seen.")[1]["code"] == "gate_clause"
    assert post(by, url, code="flips", passes=True, reason=" ")[0] == 400
    assert post(by, url, code="flips", passes="yes", reason="Seen.")[1]["fields"] == {
        "passes": ["true or false is needed."]
    }
    assert not report.looks.exists()
    status, told = post(by, url, code="flips", passes=True, reason="Both were apoptotic.")
    assert (status, told["lacks"]) == (200, "")
    assert [(look["code"], look["by"]["id"]) for look in told["looks"]] == [("flips", by.pk)]


def test_an_override_is_asked_for_by_one_and_granted_by_another(candidate, base):
    first, second = administrator(), administrator()
    old, report = made_report(candidate, base), made_report(candidate, base, "fail", [clause("f1", "fail")])
    assert post(first, f"{URL}{old.pk}/override/", reason="x")[1]["code"] == "gate_outdated"
    assert client(first).get(f"{URL}{old.pk}/").json()["lacks"] == "there is a newer report"
    status, override = post(first, f"{URL}{report.pk}/override/", reason="The labels are wrong.")
    assert (status, override["granted"], override["settled_by"]) == (201, None, None)
    url = f"/api/gate_overrides/{override['id']}/settle/"
    assert post(first, url, granted=True)[0] == 403
    status, told = post(second, url, granted=True)
    assert (status, told["granted"], told["settled_by"]["id"]) == (200, True, second.pk)
    assert find_state(candidate) == State.APPROVED
    assert post(second, url, granted=False)[1]["code"] == "settled"


def test_others_are_told_nothing_of_reports_and_what_is_not_there_is_missing(candidate, base):
    report, lead = made_report(candidate, base), member(TeamFactory(), "lead")
    nothing = "00000000-0000-4000-8000-000000000000"
    for path in ("", f"{report.pk}/", f"{nothing}/"):
        assert client(lead).get(URL + path).status_code == 403
    assert post(lead, URL, candidate=str(candidate.pk))[0] == 403
    assert client(administrator()).get(f"{URL}{nothing}/").status_code == 404
    assert post(administrator(), URL, candidate=nothing)[0] == 404
    assert GateReport.objects.count() == 1
