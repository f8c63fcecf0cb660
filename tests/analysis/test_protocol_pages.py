"""Pages of the protocols, the choice on a case and in its form, and a team's defaults."""

from html import unescape

import pytest
from django.urls import reverse

from analysis.pipeline.count.protocols import load_protocols
from analysis.services import protocol_changes, protocols
from analysis.views.protocol_form import ProtocolForm
from mitoweb.people.models import Role
from slides.models import Case
from tests.analysis.test_protocols import OWN, add, shipped
from tests.factories import CaseFactory, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return UserFactory(is_superuser=True, username="admin")


@pytest.fixture
def team():
    return TeamFactory()


@pytest.fixture
def lead(team, client):
    user = member(team, Role.LEAD)
    client.force_login(user)
    return user


def show(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return unescape(" ".join(answer.content.decode().split()))


def test_the_list_says_of_each_version_what_it_counts_in_its_scores_and_whether_it_is_on(client, lead):
    page = show(client, "/protocols/")
    assert "never a grade" in page
    assert "10 fields of 0.55 mm" in page
    assert "<b>2</b> <span>9 to 17</span>" in page
    for named_by_its_counts in ("0-3", "20 or more", "more than 20"):
        assert f"<b>{named_by_its_counts}</b></li>" in page
    assert "not all numbers verified" in page
    assert "From a file" not in page


def test_the_page_of_a_version_has_a_source_for_each_number_and_no_keys_for_who_may_not(client, lead):
    page = show(client, "/protocols/nottingham/1/")
    for words in ("Meuten et al. 2016", "at most 10 and 20 in 2.74 mm²", "1: 0 to 8; 2: 9 to 17; 3: at least 18"):
        assert words in page
    assert "Copy into a new version" not in page
    assert "Switch off" not in page


@pytest.mark.parametrize("name", sorted(load_protocols()))
def test_the_form_of_a_version_says_the_same_protocol_again(name, admin):
    protocol = load_protocols()[name]
    form = ProtocolForm.of_protocol(protocol, 2)
    answers = {key: value for key, value in form.initial.items() if isinstance(value, str)}
    document = ProtocolForm.of_answers(_post_of(answers, form.rows)).read_document()
    made = protocol_changes.add_version(document, admin).protocol
    assert made.shape.area_mm2 == pytest.approx(protocol.shape.area_mm2, rel=1e-8)
    assert (made.cutoffs, made.rule, made.rounding) == (protocol.cutoffs, protocol.rule, protocol.rounding)
    assert (made.shape.kind, made.divided_by, made.notes) == (protocol.shape.kind, protocol.divided_by, protocol.notes)


def _post_of(answers: dict, rows):
    from django.http import QueryDict

    post = QueryDict(mutable=True)
    for key, value in answers.items():
        post[key] = value
    post.setlist("score", [score for score, _ in rows])
    post.setlist("from", [start for _, start in rows])
    return post


def test_a_copy_is_kept_as_a_new_version_and_each_refusal_stands_at_its_field(client, admin):
    client.force_login(admin)
    address = reverse("protocol-copy", args=["nottingham", 1])
    assert 'name="version" value="2"' in show(client, address)
    answers = {
        "name": "nottingham", "version": "2", "title": "Ours", "shape": "fields", "field_count": "10",
        "field_um": "0,5", "touching": "no", "score": ["1", "2", ""], "from": ["0", "0", ""], "divided_by": "1",
        "source_fields": "a", "source_touching": "b", "source_cutoffs": "c", "where": "there", "rounding": "none",
    }  # fmt: skip
    page = unescape(client.post(address, answers).content.decode())
    assert "Nothing was kept" in page
    assert (
        '<ul class="errorlist" id="id_field_um_error"><li>Diameter of a field is 0.5; 100 to 2000 can be</li></ul>'
        in page
    )
    assert "Its cut-offs overlap: 2 is from 0, 1 from 0" in page
    assert 'value="0,5"' in page
    page = unescape(client.post(address, answers | {"field_um": "500", "from": ["0", "7", ""]}).content.decode())
    assert '<ul class="errorlist" id="id_source_field_um_error"><li>Its source is missing' in page
    right = answers | {"field_um": "500,5", "from": ["0", "7", ""], "source_field_um": "measured"}
    answer = client.post(address, right)
    assert answer.headers["Location"] == "/protocols/nottingham/2/"
    page = show(client, answer.headers["Location"])
    for words in ("Ours", "0.5005 mm", "copied from nottingham, version 1", "It is off until it is switched on."):
        assert words in page
    taken = unescape(client.post(address, right).content.decode())
    assert "There is a version 2 of nottingham already; the next one is 3." in taken


@pytest.mark.parametrize(("shape", "kept"), [("triangle", "none of square"), ("", "none of square")])
def test_a_form_that_no_page_sends_is_refused_in_words(client, admin, shape, kept):
    client.force_login(admin)
    page = client.post(reverse("protocol-copy", args=["plain", 1]), {"shape": shape, "version": "9" * 5000})
    assert page.status_code == 200
    assert kept in unescape(page.content.decode())


def test_a_file_is_taken_as_text_and_refused_in_words(client, admin):
    client.force_login(admin)
    answer = client.post("/protocols/new/", {"text": "name = "})
    assert "neither TOML nor JSON" in unescape(answer.content.decode())
    text = 'name = "ours & <b>"\nversion = 1\nshape = "circle"\narea_mm2 = 1\n'
    page = unescape(client.post("/protocols/new/", {"text": text}).content.decode())
    assert "Its name has letters, digits" in page
    assert "Sources.area_mm2 is missing" in page
    answer = client.post("/protocols/new/", {"text": text.replace(" & <b>", "") + 'sources = {area_mm2 = "here"}'})
    assert answer.headers["Location"] == "/protocols/ours/1/"


def test_a_version_is_switched_by_its_page_and_says_since_when(client, admin):
    client.force_login(admin)
    address = "/protocols/fnclcc/1/"
    assert "Not all of its numbers were verified" in show(client, address)
    refused = client.post(f"{address}switch/", {"on": "on"}, follow=True)
    assert "A reason is needed" in refused.content.decode()
    client.post(f"{address}switch/", {"on": "on", "reason": "measured"})
    page = show(client, address)
    assert "Switched on: measured" in page
    assert "<b>Off.</b>" not in page


def test_a_case_shows_its_protocol_and_offers_others_to_who_may_choose(client, lead, team):
    case = CaseFactory(team=team, tumour_type="Breast")
    protocol_changes.set_team_default(team, "breast", shipped("nottingham-area"), lead)
    page = show(client, f"/cases/{case.pk}/")
    assert "The team's default for breast" in page
    assert '<option value="" selected>Default for breast: Nottingham mitotic score, 2 mm²</option>' in page
    assert "fnclcc" not in page
    client.post(f"/cases/{case.pk}/protocol/", {"protocol": "gist:1"})
    page = show(client, f"/cases/{case.pk}/")
    assert f"Chosen for this case by {lead.username}" in page
    assert '<option value="gist:1" selected>' in page
    assert "Counted by gist, version 1, was nottingham-area, version 1" in page
    for wrong in ("gist", "gist:7", "gist:x", ":", "fnclcc:1", "gist:" + "9" * 40):
        client.post(f"/cases/{case.pk}/protocol/", {"protocol": wrong})
    assert protocols.choice_of(case).protocol.name == "gist"
    client.force_login(member(team, Role.OBSERVER))
    page = show(client, f"/cases/{case.pk}/")
    assert "GIST" in page
    assert "/protocol/" not in page


def test_a_case_says_that_its_version_was_switched_off_and_keeps_it_in_its_form(client, lead, team, admin):
    made = add(admin, on=True)
    case = CaseFactory(team=team)
    protocol_changes.choose_for_case(case, made, lead)
    protocol_changes.switch_version(made, False, "", admin)
    assert "the case keeps it until another is chosen" in show(client, f"/cases/{case.pk}/")
    assert '<option value="own:1" selected>Own square, version 1 (switched off)</option>' in show(
        client, f"/cases/{case.pk}/edit/"
    )
    assert "own:1" not in show(client, "/cases/new/")


def test_the_form_of_a_case_chooses_a_protocol_with_it(client, lead, team):
    answers = {"accession": "B1", "tumour_type": "Lung", "species": "human", "version": "1", "protocol": "lung-net:1"}
    client.post("/cases/new/", answers)
    case = Case.objects.get(accession="B1")
    assert protocols.choice_of(case).protocol.name == "lung-net"
    page = show(client, f"/cases/{case.pk}/edit/")
    version = Case.objects.get(pk=case.pk).version
    assert '<option value="lung-net:1" selected>' in page
    # Somebody chooses another one while the form is open: nothing of it is saved.
    protocol_changes.choose_for_case(case, shipped("gist"), lead)
    stale = client.post(f"/cases/{case.pk}/edit/", answers | {"version": version, "accession": "B2"})
    assert "was changed meanwhile" in stale.content.decode()
    assert protocols.choice_of(case).protocol.name == "gist"
    now = Case.objects.get(pk=case.pk).version
    client.post(f"/cases/{case.pk}/edit/", answers | {"version": now, "protocol": ""})
    assert protocols.choice_of(case).chosen == "default"
    refused = client.post(f"/cases/{case.pk}/edit/", answers | {"version": now + 1, "protocol": "fnclcc:1"})
    assert "This protocol is not offered any more" in refused.content.decode()


def test_a_team_has_defaults_by_tumour_which_its_lead_sets(client, lead, team, admin):
    assert "counted in the plain square of 2 mm²" in show(client, "/team/")
    made = add(admin, on=True)
    client.post("/team/protocols/", {"tumour": "Mast cell", "protocol": "own:1"})
    protocol_changes.add_version(OWN | {"version": 2, "on": True}, admin)
    page = show(client, "/team/")
    assert "<b>Mast cell</b>" in page
    assert 'name="protocol" value="own:2"' in page
    protocol_changes.switch_version(made, False, "", admin)
    assert "Switched off: cases that had it keep it" in show(client, "/team/")
    assert (
        "A tumour is named by" in client.post("/team/protocols/", {"protocol": "gist:1"}, follow=True).content.decode()
    )
    for wrong in ({"tumour": "x"}, {"tumour": "x", "protocol": "gist:9"}):
        client.post("/team/protocols/", wrong)
    ((default, _, _),) = protocol_changes.list_team_defaults(team)
    client.force_login(member(team, Role.READER))
    page = show(client, "/team/")
    assert "<b>Mast cell</b>" in page
    assert "Set the default" not in page
    client.force_login(lead)
    client.post(f"/team/protocols/{default.pk}/remove/")
    assert protocol_changes.list_team_defaults(team) == []
