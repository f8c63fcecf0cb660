"""Protocols of counting: versions that never change, which of them are on, and which one a case is counted by."""

import json
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from analysis.models import CaseProtocol, ProtocolSwitch, ProtocolVersion
from analysis.pipeline.count.protocols import load_protocols
from analysis.services import protocol_changes, protocols
from analysis.services.protocol_documents import MOST_BYTES, check_document
from mitoweb.lib.errors import Refused
from mitoweb.people.models import AuditEntry, Role
from slides.models import Case
from slides.services.cases import create_case
from slides.services.erase import erase_case
from tests.analysis.makers import ModelVersionFactory, make_analysis
from tests.factories import CaseFactory, SlideFactory, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db
OWN = {
    "name": "own", "version": 1, "title": "Own square", "shape": "square", "area_mm2": 1.0,
    "cutoffs": [{"score": "1", "from": 0}, {"score": "2", "from": 5}],
    "sources": {"area_mm2": "Measured here.", "cutoffs": "Agreed here."},
}  # fmt: skip


@pytest.fixture
def admin():
    return UserFactory(is_superuser=True, username="admin")


@pytest.fixture
def team():
    return TeamFactory()


@pytest.fixture
def lead(team):
    return member(team, Role.LEAD)


def add(by, **changes) -> protocols.Version:
    return protocol_changes.add_version(OWN | changes, by)


def shipped(name: str) -> protocols.Version:
    return protocols.find_version(name, 1)


# Versions --------------------------------------------------------------------------------------------------------
def test_what_is_shipped_is_listed_without_a_row_and_the_plain_square_comes_first():
    listed = protocols.list_protocols()
    assert [each.key[0] for each in listed][:2] == ["plain", "adrenocortical"]
    assert {each.key[0] for each in listed} == set(load_protocols())
    assert [each.key[0] for each in listed if not each.on] == ["fnclcc"]
    assert not ProtocolVersion.objects.exists()


def test_a_new_version_is_off_until_somebody_switches_it_on_and_that_is_an_event_of_its_own(admin):
    made = add(admin)
    assert (made.on, made.shipped, made.row.created_by) == (False, False, admin)
    switched = protocol_changes.switch_version(made, True, "checked by two", admin)
    assert switched.on
    assert protocol_changes.switch_version(switched, True, "again", admin).on
    (event,) = protocols.list_switches(switched)
    assert (event.on, event.by, event.reason) == (True, admin, "checked by two")
    said = list(AuditEntry.objects.filter(subject=f"protocol {made.row.pk}").values_list("action", "text"))
    assert said == [
        ("protocol.on", "Protocol own, version 1 switched on: checked by two"),
        ("protocol.made", "Protocol own, version 1 made"),
    ]


def test_a_document_that_says_it_is_on_is_switched_on_with_who_did_it(admin):
    made = add(admin, on=True)
    assert (made.on, made.switched.by) == (True, admin)
    assert made.row.document["on"] is False


@pytest.mark.parametrize("table", ["ProtocolVersion", "ProtocolSwitch", "CaseProtocol"])
def test_the_database_lets_nobody_change_what_was_kept(table, admin):
    made = protocol_changes.switch_version(add(admin), True, "", admin)
    protocol_changes.choose_for_case(CaseFactory(), made, admin)
    change = {
        "ProtocolVersion": lambda: ProtocolVersion.objects.update(document={}),
        "ProtocolSwitch": lambda: ProtocolSwitch.objects.update(on=False),
        "CaseProtocol": lambda: CaseProtocol.objects.update(version=None),
    }[table]
    with pytest.raises(IntegrityError, match="are added, never changed"), transaction.atomic():
        change()
    for model in (ProtocolVersion, ProtocolSwitch):
        with pytest.raises(IntegrityError, match="are added, never changed"), transaction.atomic():
            model.objects.all()._raw_delete("default")


def test_versions_of_a_name_rise_and_a_name_is_written_one_way(admin):
    add(admin)
    with pytest.raises(Refused, match="There is a version 1 of own already; the next one is 2") as refused:
        add(admin)
    assert (refused.value.code, list(refused.value.fields)) == ("version_taken", ["version"])
    add(admin, version=4)
    with pytest.raises(Refused, match="Versions rise; the next one is 5"):
        add(admin, version=3)
    for alike in ("OWN", "ｏwn"):
        with pytest.raises(Refused, match="its name is written 'own' here"):
            add(admin, name=alike, version=9)
    assert add(admin, name=" a  b ").key == add(admin, name="a b", version=2).key[:1] + (1,)
    with pytest.raises(Refused, match="There is a version 1 of nottingham already"):
        add(admin, name="nottingham")
    made = [each.key for each in protocols.list_protocols() if not each.shipped]
    assert made == [("a b", 2), ("a b", 1), ("own", 4), ("own", 1)]


@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_make_the_same_version_at_once_one_is_told_the_next_number():
    people, told = [UserFactory(is_superuser=True) for _ in range(2)], []
    together = threading.Barrier(2)

    def make(by) -> None:
        together.wait()
        try:
            told.append(str(add(by)))
        except Refused as refused:
            told.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=make, args=[by]) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["own, version 1", "version_taken"]


def test_a_shipped_version_that_is_in_use_stays_as_it_was_whatever_a_later_release_brings(admin, monkeypatch):
    before = shipped("gist")
    case = CaseFactory()
    protocol_changes.choose_for_case(case, before, admin)
    later = {name: each for name, each in load_protocols().items() if name != "gist"}
    monkeypatch.setattr(protocols, "load_protocols", lambda: later)
    assert protocols.protocol_of(case) == before.protocol
    assert protocols.choice_of(case).version.shipped


def test_what_was_not_verified_is_switched_on_with_a_reason_alone(admin):
    with pytest.raises(Refused, match="not all numbers of this protocol were verified") as refused:
        protocol_changes.switch_version(shipped("fnclcc"), True, "  ", admin)
    assert refused.value.code == "reason_missing"
    assert protocol_changes.switch_version(shipped("fnclcc"), True, "measured here", admin).on


def test_the_plain_square_that_everything_falls_back_to_stays_on(admin):
    with pytest.raises(Refused, match="so it stays on"):
        protocol_changes.switch_version(shipped("plain"), False, "", admin)


# What a document may say -----------------------------------------------------------------------------------------
def faults_of(document) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        check_document(document)
    assert refused.value.code == "protocol"
    return refused.value.fields


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"cutoffs": [{"score": "1", "from": 0}, {"score": "2", "from": 0}]}, "cutoffs", "overlap"),
        ({"cutoffs": [{"score": "1", "from": 2}]}, "cutoffs", "have a gap: counts below 2"),
        ({"cutoffs": [{"score": "Grade 1", "from": 0}]}, "cutoffs", "names a grade"),
        ({"cutoffs": [{"score": "g3", "from": 0}]}, "cutoffs", "names a grade"),
        ({"cutoffs": [{"score": "1\u202e", "from": 0}]}, "cutoffs", "cannot be shown"),
        ({"sources": {"area_mm2": "x"}}, "sources.cutoffs", "sources.cutoffs is missing"),
        ({"sources": {"area_mm2": " ", "cutoffs": "x"}}, "sources.area_mm2", "sources.area_mm2 is missing"),
        ({"sources": {"area_mm2": "x\x00", "cutoffs": "x"}}, "sources.area_mm2", "cannot be shown"),
        ({"sources": OWN["sources"] | {"\x00": "x"}}, "sources", "keys of up to 60"),
        ({"shape": "fields", "fields": 0}, "fields", "fields is 0"),
        ({"area_mm2": 0}, "area_mm2", "area_mm2 is 0"),
        ({"divided_by": 0}, "divided_by", "divided_by is 0"),
        ({"rounding": "down", "cutoff_rule": {"upper": [9], "area_mm2": 1}}, "cutoffs", "by its own rule from 0, 10"),
        ({"cutoff_rule": {"upper": [4], "area_mm2": 1}}, "cutoff_rule", "needs rounding"),
        ({"version": 10_000}, "version", "1 to 9999"),
        ({"version": 10**200}, "version", "1 to 9999"),
        ({"title": "x" * 201}, "title", "at most 200"),
        ({"notes": "a\x00b"}, "notes", "cannot be shown"),
        ({"cutofs": []}, "document", "did you mean cutoffs"),
        ({"notes": "x" * MOST_BYTES}, "document", "larger than 64 kB"),
        *(
            ({"name": name}, "name", "its name")
            for name in ("", "a/b", "..", ".", "-a", "a%2Fb", "a\\b", "a?b", "a\x00")
        ),
        *(({"name": name}, "name", "its name") for name in ("a\u200bb", "a\nb", "<b>", "x" * 61, 7)),
    ],
)
def test_each_fault_of_a_document_is_told_at_its_key(changes, key, sentence):
    assert sentence.replace("its name", "") in faults_of(OWN | changes)[key]


def test_all_faults_are_told_at_once():
    wrong = OWN | {"area_mm2": -1, "divided_by": 0, "cutoffs": [{"score": "1", "from": 1}]}
    assert set(faults_of(wrong)) == {"area_mm2", "divided_by", "cutoffs"}


@pytest.mark.parametrize("document", [None, [], "own", 3])
def test_what_is_no_table_is_refused_in_words(document):
    assert faults_of(document) == {"document": "it is no table of keys"}


@pytest.mark.parametrize("name", ["Mammakarzinom, Größe", "乳癌", "स्तन कैंसर", "Lab 3 (10 HPF)", "e\u0301"])
def test_names_of_any_script_are_taken_and_kept_in_one_form(name, client, admin):
    made = add(admin, name=name)
    assert len(made.key[0]) <= len(name)
    client.force_login(admin)
    listed = client.get("/api/protocols/").json()
    assert made.key[0] in {row["name"] for row in listed}
    assert client.get(f"/api/protocols/{made.key[0]}/1/").json()["title"] == "Own square"
    assert client.get(f"/protocols/{made.key[0]}/1/").status_code == 200


@pytest.mark.parametrize("name", sorted(load_protocols()))
def test_a_copy_of_what_is_shipped_is_a_document_of_ones_own(name, admin):
    document = protocols.find_version(name, 1).protocol.as_json() | {"version": 2}
    made = protocol_changes.add_version(document, admin, shipped(name))
    assert made.protocol.as_json() == document | {"on": document["on"]}
    assert made.row.copied_from.shipped


# The protocol of a case ------------------------------------------------------------------------------------------
def test_a_case_has_what_was_chosen_for_it_else_its_teams_default_else_the_plain_square(team, lead):
    case = CaseFactory(team=team, tumour_type="Breast, invasive carcinoma NST")
    assert (protocols.protocol_of(case).name, protocols.choice_of(case).chosen) == ("plain", "default")
    protocol_changes.set_team_default(team, "BREAST", shipped("nottingham-area"), lead)
    choice = protocols.choice_of(case)
    assert (choice.protocol.name, choice.chosen, choice.tumour) == ("nottingham-area", "team", "BREAST")
    protocol_changes.choose_for_case(case, shipped("nottingham"), lead)
    choice = protocols.choice_of(case)
    assert (choice.protocol.name, choice.chosen, choice.by) == ("nottingham", "case", lead)
    assert protocols.choices_of(case)[1].protocol.name == "nottingham-area"
    protocol_changes.choose_for_case(case, None, lead)
    assert protocols.choice_of(case).chosen == "team"
    texts = AuditEntry.objects.filter(action="case.protocol").values_list("text", flat=True)
    assert list(texts) == [
        "Counted by the default again, was nottingham, version 1",
        "Counted by nottingham, version 1, was nottingham-area, version 1",
    ]


@pytest.mark.parametrize(
    ("tumour", "name"),
    [
        ("Breast, invasive carcinoma NST", "nottingham"),
        ("CARCINOMA OF THE BREAST", "nottingham"),
        ("Canine cutaneous mast-cell tumour", "canine-mct"),
        ("breast, metaplastic", "gist"),  # more words than "breast" alone
        ("Breasted", "plain"),
        ("mast tumour", "plain"),
        ("", "plain"),
    ],
)
def test_a_default_is_of_the_tumours_that_hold_all_its_words(team, lead, tumour, name):
    protocol_changes.set_team_default(team, "breast", shipped("nottingham"), lead)
    protocol_changes.set_team_default(team, "Breast metaplastic", shipped("gist"), lead)
    protocol_changes.set_team_default(team, "mast cell", shipped("canine-mct"), lead)
    protocol_changes.set_team_default(TeamFactory(), "carcinoma", shipped("melanoma"), lead)
    assert protocols.protocol_of(CaseFactory(team=team, tumour_type=tumour)).name == name


def test_a_tumour_has_one_default_however_it_is_written(team, lead):
    protocol_changes.set_team_default(team, "Mast cell", shipped("gist"), lead)
    protocol_changes.set_team_default(team, " cell,  MAST", shipped("canine-mct"), lead)
    ((default, version, newer),) = protocol_changes.list_team_defaults(team)
    assert (default.tumour, str(version), newer) == ("cell, MAST", "canine-mct, version 1", None)
    protocol_changes.remove_team_default(default, lead)
    assert protocol_changes.list_team_defaults(team) == []


@pytest.mark.parametrize("tumour", ["", " ,;- ", "x" * 101, "a\x00"])
def test_a_default_is_for_a_tumour_that_has_words(team, lead, tumour):
    with pytest.raises(Refused, match="A tumour is named"):
        protocol_changes.set_team_default(team, tumour, shipped("gist"), lead)


def test_a_case_keeps_its_version_when_there_is_a_newer_one_and_is_told_of_it(admin):
    first = add(admin, on=True)
    case = CaseFactory()
    protocol_changes.choose_for_case(case, first, admin)
    second = add(admin, version=2, area_mm2=1.5)
    assert protocols.choice_of(case).newer is None  # it is off
    protocol_changes.switch_version(second, True, "", admin)
    choice = protocols.choice_of(case)
    assert (choice.protocol.version, choice.newer) == (1, 2)
    assert choice.notes == ("There is a newer version, 2; the case keeps version 1 until it is chosen.",)


def test_a_version_that_is_switched_off_is_kept_by_its_cases_and_given_to_no_others(admin, team, lead):
    made = add(admin, on=True)
    chosen, by_default = CaseFactory(team=team), CaseFactory(team=team, tumour_type="gist")
    protocol_changes.choose_for_case(chosen, made, lead)
    protocol_changes.set_team_default(team, "gist", made, lead)
    off = protocol_changes.switch_version(made, False, "", admin)
    for case in (chosen, by_default):
        choice = protocols.choice_of(case)
        assert (choice.protocol.name, choice.protocol.on) == ("own", False)
        assert "the case keeps it until another is chosen" in choice.notes[0]
    later = protocols.choice_of(CaseFactory(team=team, tumour_type="gist"))
    assert (later.protocol.name, later.chosen) == ("plain", "default")
    assert later.notes[0].startswith("own, version 1 is the team's default for gist, but it is switched off")
    assert protocol_changes.choose_for_case(chosen, off, lead).protocol.name == "own"  # it has it
    for refused in (
        lambda: protocol_changes.choose_for_case(by_default, off, lead),
        lambda: protocol_changes.set_team_default(team, "lung", off, lead),
    ):
        with pytest.raises(Refused, match="is switched off; an administrator"):
            refused()


def test_a_change_in_the_middle_touches_no_verdict_and_tells_viewers_and_open_forms(lead, team):
    slide = SlideFactory(case__team=team)
    analysis = make_analysis(slide, model=ModelVersionFactory())
    revision, version = analysis.revision, slide.case.version
    for name in ("nottingham", "nottingham", "gist"):  # the same again is no change
        protocol_changes.choose_for_case(slide.case, shipped(name), lead)
    analysis.refresh_from_db()
    slide.case.refresh_from_db()
    assert (analysis.revision, slide.case.version) == (revision + 2, version + 2)
    assert CaseProtocol.objects.filter(case=slide.case).count() == 2


def test_many_cases_cost_as_many_queries_as_one(team, lead):
    cases = [create_case(lead, team, accession=f"A{n}", tumour_type="breast") for n in range(4)]
    protocol_changes.choose_for_case(cases[0], shipped("gist"), lead)
    protocol_changes.set_team_default(team, "breast", shipped("nottingham"), lead)
    with CaptureQueriesContext(
        connection,
    ) as one:
        protocols.map_choices(cases[:1])
    with CaptureQueriesContext(connection) as many:
        found = protocols.map_choices(cases)
    assert len(one) == len(many) == 4
    assert [found[case.pk].protocol.name for case in cases] == ["gist", *["nottingham"] * 3]
    assert protocols.count_cases(lead) == {("gist", 1): 1}


def test_an_erased_case_takes_its_choice_with_it(lead, team):
    case = create_case(lead, team, accession="A")
    protocol_changes.choose_for_case(case, shipped("gist"), lead)
    erase_case(lead, case)
    assert not CaseProtocol.objects.exists()


# REST ------------------------------------------------------------------------------------------------------------
def test_a_new_version_by_rest_from_keys_or_from_a_file(client, admin):
    client.force_login(admin)

    def post(body):
        return client.post("/api/protocols/", json.dumps(body), "application/json")

    answer = post(OWN | {"copied_from": {"name": "gist", "version": 1}})
    assert (answer.status_code, answer.json()["copied_from"]) == (201, {"name": "gist", "version": 1})
    assert answer.json()["created_by"]["username"] == "admin"
    assert answer.json()["on"] is False
    again = client.get("/api/protocols/own/1/").json()
    assert again["document"] == OWN | {"on": False, "where": "", "divided_by": 1, "rounding": "none", "notes": ""}
    taken = post(OWN)
    assert (taken.status_code, taken.json()["code"]) == (409, "version_taken")
    toml = 'name = "own"\nversion = 2\nshape = "circle"\narea_mm2 = 1.0\n[sources]\narea_mm2 = "here"\n'
    assert post({"text": toml}).json()["shape"] == "circle"
    wrong = post({"text": "name ="})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "protocol")
    assert "neither TOML nor JSON" in wrong.json()["detail"]
    assert post({"text": "a = " + "[" * 40_000}).status_code == 400
    assert (
        post({"text": "x" * 100_000}).json()["detail"]
        == "This is no protocol: it is larger than 64 kB, and no protocol is."
    )
    faults = post(OWN | {"version": 3, "area_mm2": 0, "cutoffs": []}).json()
    assert faults["fields"] == {"area_mm2": ["area_mm2 is 0; 0.01 to 1000 can be"]}
    assert post(OWN | {"copied_from": {"name": "nothing", "version": 1}}).json()["code"] == "no_protocol"
    assert post([1]).json()["detail"] == "This is no protocol: it is no table of keys."
    assert client.post("/api/protocols/", b"x" * 3_000_000, "application/json").status_code == 413


def test_a_case_is_made_with_its_protocol_by_rest_or_not_at_all(client, lead, team, admin):
    client.force_login(lead)

    def make(accession, protocol):
        body = {"team": team.pk, "accession": accession, "protocol": protocol}
        return client.post("/api/cases/", json.dumps(body), "application/json")

    made = make("26-1", "lung-net:1")
    assert made.status_code == 201
    assert "protocol" not in made.json()
    address = f"/api/cases/{made.json()['id']}/"
    assert client.get(f"{address}protocol/").json()["name"] == "lung-net"
    assert client.get(f"/api/cases/{make('26-2', '').json()['id']}/protocol/").json()["chosen"] == "default"
    for protocol, status, code in (
        ("none:1", 400, "no_protocol"),
        ("lung-net", 400, "no_protocol"),
        ("fnclcc:1", 409, "protocol_off"),
    ):
        refused = make("26-3", protocol)
        assert (refused.status_code, refused.json()["code"]) == (status, code), protocol
    assert make("26-3", 7).status_code == make("26-3", None).status_code == 400
    assert not Case.objects.filter(accession="26-3").exists()
    version = client.get(address).json()["version"]
    headers = {"If-Match": f'"{version}"'}
    changed = client.patch(address, json.dumps({"protocol": "gist:1"}), "application/json", headers=headers)
    assert changed.status_code == 200
    assert client.get(f"{address}protocol/").json()["name"] == "gist"


def test_a_case_is_given_a_protocol_by_rest(client, lead, team, admin):
    client.force_login(lead)
    case = CaseFactory(team=team)
    address = f"/api/cases/{case.pk}/protocol/"
    assert {key: client.get(address).json()[key] for key in ("name", "chosen", "by")} == {
        "name": "plain", "chosen": "default", "by": None,
    }  # fmt: skip

    def put(body):
        return client.put(address, json.dumps(body), "application/json")

    chosen = put({"name": "nottingham"}).json()
    assert (chosen["version"], chosen["chosen"], chosen["by"]["username"]) == (1, "case", lead.username)
    assert [cutoff["from"] for cutoff in chosen["protocol"]["cutoffs"]] == [0, 9, 18]
    assert chosen["default"] == {
        "name": "plain", "version": 1, "title": "Plain 2 mm² square", "chosen": "default", "tumour": "",
    }  # fmt: skip
    assert put({"name": "none of ours"}).json() == {
        "detail": "There is no protocol 'none of ours'.", "code": "no_protocol",
    }  # fmt: skip
    assert put({"name": "gist", "version": 7}).json()["detail"] == "There is no protocol 'gist', version 7."
    off = put({"name": "fnclcc"})
    assert (off.status_code, off.json()["code"]) == (409, "protocol_off")
    assert put({"name": "fnclcc", "version": 1}).json()["code"] == "protocol_off"
    assert (
        put({"name": 3}).status_code
        == put({}).status_code
        == put({"name": "gist", "version": 10**30}).status_code
        == 400
    )
    assert put({"name": None}).json()["chosen"] == "default"
