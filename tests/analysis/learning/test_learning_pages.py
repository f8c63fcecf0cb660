"""Pages of data sets, of the locked set, and a case's switch."""

import pytest
from django.test import Client

from analysis.models import DataSet, LearningSwitch, LockedSlide
from analysis.services.learning import data_sets, locked_set
from analysis.services.learning.choice import Choice
from mitoweb.lib.jobs.models import Job
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, frozen, judged_slide
from tests.factories import SlideFactory, member

pytestmark = pytest.mark.django_db
THREE = [[MITOSIS, MITOSIS], [OTHER, OTHER], [MITOSIS, OTHER]]


@pytest.fixture
def browser():
    found = Client()
    found.force_login(administrator(username="the.admin"))
    return found


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_empty_pages_say_what_will_be_here(browser):
    assert "No data set yet" in text(browser.get("/learning/"))
    assert "No slide is locked" in text(browser.get("/learning/locked/"))
    assert "Nothing is left to learn from." in text(browser.get("/learning/new/"))


def test_the_form_shows_what_would_be_frozen_and_freezes_it(browser):
    analysis, _ = judged_slide(THREE)
    page = text(browser.get("/learning/new/"))
    assert "<b>3</b> of 1 case, 1 slide" in page
    part = text(browser.get("/learning/preview/", {"purposes": "validate", "disputed": "left_out"}))
    assert "<html" not in part
    assert "<b>2</b> of 1 case" in part
    assert "Readers differ" in part
    sent = {"name": "Spring", "purposes": ["validate"], "teams": [analysis.slide.case.team_id], "cap": "50"}
    answer = browser.post("/learning/new/", sent, follow=True)
    assert "Frozen: its patches are being cut." in text(answer)
    data_set = DataSet.objects.get()
    assert (data_set.choice["cap"], data_set.choice["teams"]) == (0.5, sent["teams"])


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(browser):
    judged_slide(THREE)
    for sent, sentence in (
        ({"name": ""}, "A data set needs a name."),
        ({"cap": "much"}, "A number is needed."),
        ({"cap": "nan"}, "A number is needed."),
        ({"since": "2026-40-01"}, "A day is needed"),
        ({"purposes": []}, "name one or both"),
        ({"teams": ["x"]}, "A list of whole numbers is needed."),
        ({"until": "1815-06-18"}, "No verdict was given then"),
        ({"teams": ["999999"]}, "Nothing to freeze"),
    ):
        page = text(browser.post("/learning/new/", {"name": "Spring", "purposes": ["validate"]} | sent))
        assert sentence in page, sent
        assert not DataSet.objects.exists()
    part = text(browser.get("/learning/preview/", {"purposes": "validate", "cap": "much"}))
    assert "At most from one reader, %: A number is needed." in part


def test_a_data_set_shows_readers_what_was_left_out_and_some_patches(browser):
    _, readers = judged_slide([*THREE, [MITOSIS, ""]])
    data_set = frozen()
    page = text(browser.get(f"/learning/{data_set.pk}/"))
    patch = f"/api/data_sets/{data_set.pk}/patches/1.png"
    words = ["One reader alone", "Not settled", "1 of 2", "Export", "All of it is of one slide", "two readers agree"]
    for part in [*words, readers[0].username, data_set.hash, patch]:
        assert part in page, part
    assert "Spring" in text(browser.get("/learning/"))


def test_what_is_not_cut_yet_says_how_far_it_is(browser):
    judged_slide(THREE)
    data_set = data_sets.freeze_data_set("Spring", Choice(), administrator())
    for state, said in (
        ("queued", "cut when a worker is free"), ("failed", "Cutting stopped."), ("cancelled", "Cutting stopped."),
    ):  # fmt: skip
        Job.objects.filter(pk=data_set.job_id).update(state=state)
        page = text(browser.get(f"/learning/{data_set.pk}/"))
        assert said in page, state
        assert "Export" not in page, state
        assert ("every 2s" in page) == (state == "queued")


def test_a_slide_is_locked_and_taken_out_with_reasons(browser):
    slide = SlideFactory()
    page = text(browser.post("/learning/locked/", {"slide": slide.pk, "reason": ""}, follow=True))
    assert "A reason is needed" in page
    page = text(browser.post("/learning/locked/", {"slide": slide.pk, "reason": "Read by two."}, follow=True))
    assert "Read by two." in page
    assert "Needs a person: 0 cases" in page
    assert "no analysis of it is done" in page
    lock = LockedSlide.objects.get()
    assert browser.post("/learning/locked/", {"slide": "none", "reason": "x"}).status_code == 404
    browser.post(f"/learning/locked/{lock.pk}/withdraw/", {"reason": "Worn out."})
    assert "No slide is locked" in text(browser.get("/learning/locked/"))


def test_h05_is_refused_on_the_page_too(browser):
    page = text(browser.post("/learning/locked/", {"slide": SlideFactory(label="H05").pk, "reason": "x"}, follow=True))
    assert "H05 is for reporting only" in page


def test_looks_are_listed_and_counted(browser):
    locked_set.record_look("hybrid-0.6 beside hybrid-0.5", "0" * 64, administrator())
    page = text(browser.get("/learning/locked/"))
    assert "hybrid-0.6 beside hybrid-0.5" in page
    assert "after 20 looks" in page


def test_a_lead_withdraws_a_case_on_its_page_and_others_read_who_did():
    case = SlideFactory().case
    lead, reader = Client(), Client()
    lead.force_login(member(case.team, "lead", username="the.lead"))
    reader.force_login(member(case.team, "reader"))
    address = f"/cases/{case.pk}/"
    assert "Versions may learn from its verdicts." in text(lead.get(address))
    assert "Versions may learn" not in text(reader.get(address))
    page = text(lead.post(f"{address}learning/", {"on": "", "reason": "The patient asked."}, follow=True))
    assert "Withdrawn from learning." in page
    assert "The patient asked." in text(reader.get(address))
    assert "Give back…" not in text(reader.get(address))
    lead.post(f"{address}learning/", {"on": "on", "reason": "Mistaken."})
    assert [switch.on for switch in LearningSwitch.objects.all()] == [True, False]


def test_the_side_bar_leads_administrators_alone_there(browser):
    lead = Client()
    lead.force_login(member(SlideFactory().case.team, "lead"))
    assert 'href="/learning/"' in text(browser.get("/cases/"))
    assert 'href="/learning/"' not in text(lead.get("/cases/"))
