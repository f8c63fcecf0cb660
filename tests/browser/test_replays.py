"""An administrator has decided cases told anew at another threshold, and sees on the slide what would go."""

import re

from playwright.sync_api import expect

from analysis.models import ModelVersion
from analysis.pipeline.count.shapes import SQUARE, Shape
from mitoweb.lib.jobs.child import run_queued
from mitoweb.people.models import Role
from tests.analysis.learning.gate_makers import made_report
from tests.analysis.makers import ModelVersionFactory, make_analysis
from tests.analysis.protocol_makers import count_all_by, make_protocol
from tests.analysis.review_makers import add_detections, judge
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import PLACES, PROBABILITIES
from tests.factories import CaseFactory, SlideFactory, UserFactory, member

TISSUE = [[[0, 0], [1000, 0], [1000, 800], [0, 800]]]


def decided_case(accession: str):
    analysis = make_analysis(SlideFactory(case=CaseFactory(accession=accession)))
    analysis.tissue, analysis.area_mm2 = TISSUE, 1000 * 800 * analysis.mpp_x * analysis.mpp_y / 1e6
    analysis.save()
    reader = member(analysis.slide.case.team, Role.LEAD)
    for detection in add_detections(analysis, PLACES, PROBABILITIES):
        if detection.mitosis:
            judge(detection, reader, "mitosis")
    return analysis


def test_decided_cases_are_replayed_at_another_threshold_and_shown_with_both_overlays(desk, monkeypatch):
    count_all_by(monkeypatch, make_protocol(Shape(SQUARE, 0.02)))
    for number in range(2):
        decided_case(f"26-431{number}")
    page = desk.page(UserFactory(is_superuser=True, is_staff=True), reduced_motion="reduce")
    page.goto("/models/")
    page.get_by_role("link", name="Replays").press("Enter")
    expect(page.get_by_role("heading", name="Nothing was replayed yet")).to_be_visible()
    assert list_axe_faults(page) == []
    page.get_by_role("radio", name="Threshold").press("Space")
    page.get_by_role("spinbutton", name="Threshold").fill("0.85")
    page.get_by_role("button", name="Replay").press("Enter")
    expect(page.get_by_text("Waits for its turn").first).to_be_visible()
    assert run_queued("compute") == 1
    expect(page.get_by_text("2 of 2 cases change score")).to_be_visible()
    expect(page.locator("#replay-look")).to_have_text("Done")
    before, after = page.get_by_role("img", name="Before"), page.get_by_role("img", name="After")
    expect(before.first.locator(".lost")).to_have_count(3)
    expect(after.first.locator(".mark")).to_have_count(2)
    expect(page.get_by_text("Readers counted 5: farther.").first).to_be_visible()
    assert list_axe_faults(page) == []
    page.get_by_role("link", name="26-4310").press("Enter")
    expect(page).to_have_url(re.compile(r"\?analysis="))


def test_a_gates_page_tells_of_the_candidates_replay(desk):
    base = ModelVersionFactory(name="old", shipped=True)
    candidate = ModelVersionFactory(name="new", shipped=False, state="candidate")
    report = made_report(candidate, base)
    desk.expected.append("404 (Not Found)")  # its pictures, which a made report has none of
    page = desk.page(UserFactory(is_superuser=True, is_staff=True), reduced_motion="reduce")
    page.goto(f"/models/gates/{report.pk}/")
    page.get_by_role("button", name="Replay decided cases").press("Enter")
    expect(page.get_by_role("heading", name="Decided cases under new")).to_be_visible()
    run_queued("training")
    page.goto(f"/models/gates/{report.pk}/")
    expect(page.get_by_text("0 of 0 cases change score")).to_be_visible()
    assert ModelVersion.objects.get(name="new").replays.count() == 1
