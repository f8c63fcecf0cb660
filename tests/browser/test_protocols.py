"""Protocols by keyboard: a copy that is wrong first, then made and switched on, then chosen for a case."""

from playwright.sync_api import expect

from analysis.services import protocols
from tests.browser.axe import list_axe_faults
from tests.factories import CaseFactory, UserFactory


def test_a_version_is_copied_made_right_switched_on_and_chosen_for_a_case(desk):
    page = desk.page(UserFactory(is_superuser=True, is_staff=True), reduced_motion="reduce")
    page.goto("/protocols/nottingham/1/")
    page.keyboard.press("n")
    page.wait_for_url("**/copy/")
    area, diameter = page.get_by_label("Area, mm²", exact=True), page.get_by_label("Diameter of a field, µm")
    expect(area).to_be_hidden()
    page.get_by_label("Counted in").select_option("circle")
    expect(area).to_be_visible()
    expect(diameter).to_be_hidden()
    page.get_by_label("Counted in").select_option("fields")
    diameter.fill("0.5")
    diameter.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was kept")
    expect(diameter).to_have_accessible_description("550 for 0.55 mm. The laboratory's own: field number by "
        "magnification. Diameter of a field is 0.5; 100 to 2000 can be")  # fmt: skip
    assert list_axe_faults(page) == []
    diameter.fill("500")
    diameter.press("Enter")
    expect(page.get_by_text("Its cut-offs are from 0, 9, 18, by its own rule from 0, 8, 15")).to_be_visible()
    page.get_by_label("Score 2 from a count of").fill("8")
    page.get_by_label("Score 3 from a count of").fill("15")
    page.get_by_label("Score 3 from a count of").press("Enter")
    page.wait_for_url("**/protocols/nottingham/2/")
    page.get_by_role("button", name="Switch on…").press("Enter")
    expect(page.get_by_label("Reason optional")).to_be_focused()
    page.keyboard.type("measured here")
    page.get_by_role("button", name="Switch on", exact=True).press("Enter")
    expect(page.get_by_text("Switched on: measured here")).to_be_visible()

    case = CaseFactory()
    page.goto(f"/cases/{case.pk}/")
    choice, save = page.get_by_label("Protocol of the case"), page.get_by_role("button", name="Change the protocol")
    expect(save).to_be_hidden()
    choice.select_option("nottingham:2")
    choice.press("Escape")
    expect(choice).to_have_value("")
    choice.select_option("nottingham:2")
    save.press("Enter")
    expect(page.get_by_text("Chosen for this case by")).to_be_visible()
    expect(choice).to_have_value("nottingham:2")
    assert protocols.protocol_of(case).shape.field_um == 500
