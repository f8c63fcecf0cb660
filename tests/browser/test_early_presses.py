"""A slow connection: buttons are there before the scripts that answer them."""

import time

import pytest
from playwright.sync_api import expect

from slides.models import Slide
from tests.factories import SlideFactory, TeamFactory, member


@pytest.fixture
def slide(live_server) -> Slide:
    return SlideFactory(case__team=TeamFactory(name="Pathology"), label="A1")


def slow_scripts(page, pattern: str) -> None:
    def late(route):
        time.sleep(1.5)
        route.continue_()

    page.route(pattern, late)


def test_a_button_pressed_before_its_script_runs_is_answered_when_it_does(desk, slide):
    page = desk.page(member(slide.case.team, "technician"))
    slow_scripts(page, "**/pages/case.js")
    page.goto(f"/cases/{slide.case.pk}/", wait_until="commit")
    page.get_by_label("More on slide A1").click()
    page.get_by_role("button", name="Rename…").click()
    expect(page.get_by_role("dialog").get_by_label("Label", exact=True)).to_have_value("A1")


def test_a_form_that_asks_first_asks_also_before_its_script_runs(desk, slide):
    team = slide.case.team
    gone = member(team, "technician", username="gone")
    page = desk.page(member(team, "lead"))
    questions = []

    def refuse(dialog):
        questions.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    slow_scripts(page, "**/pages/shell.js")
    page.goto("/team/", wait_until="commit")
    page.get_by_role("row", name="gone").get_by_role("button", name="Remove").click()
    page.wait_for_timeout(3000)
    assert questions == [f"Remove gone from {team}? Verdicts stay."], "the form was sent without its question"
    assert team.memberships.filter(user=gone).exists(), "a member was removed although the question was answered by no"
