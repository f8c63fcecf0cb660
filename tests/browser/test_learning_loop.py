"""The whole way of learning as two administrators go it: verdicts, a locked set, a data set, a training, its gate, an
override, an activation, and the way back. What is trained and what judges it are the real ones; a few steps are enough.
"""

import pytest
from playwright.sync_api import Page, expect

from analysis.models import DataSet, LockedSetLook, ModelVersion, TrainingRun
from analysis.services import model_versions
from analysis.services.learning import training_runs
from mitoweb.lib.jobs import claims
from mitoweb.lib.jobs.child import run_claimed, run_queued
from tests.analysis.learning.makers import administrator, judged_slide
from tests.analysis.learning.test_locked_set import READ, SQUARE
from tests.analysis.learning.training_makers import BOTH, base_version, tiny_recipe
from tests.factories import RegionFactory


@pytest.fixture
def base(live_server, settings, tmp_path, monkeypatch) -> ModelVersion:
    """The version in use, with folders of this test's own and the smallest recipe there can be."""
    for name in ("TRAINING", "MODELS", "DATA_SETS", "LOCKED_SETS", "GATES"):
        setattr(settings, f"{name}_ROOT", tmp_path / name.lower())
    settings.DEVICE, settings.TRAINING_THREADS = "cpu", 1
    recipe = tiny_recipe(about="A few steps.")
    monkeypatch.setattr(training_runs, "list_recipes", lambda: [recipe])
    monkeypatch.setattr(training_runs, "find_recipe", lambda name: recipe)
    return base_version()


def press(page: Page, role: str, name: str) -> None:
    page.get_by_role(role, name=name, exact=True).press("Enter")


def answer(page: Page, opener: str, reason: str, button: str) -> None:
    """Give a reason in the dialog that a button opens."""
    press(page, "button", opener)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).fill(reason)
    dialog.get_by_role("button", name=button, exact=True).press("Enter")


def lock_a_slide(page: Page) -> None:
    analysis, _ = judged_slide(READ)
    RegionFactory(slide=analysis.slide, polygon=SQUARE)
    page.goto("/learning/locked/")
    page.keyboard.press("n")
    page.get_by_label("Slide", exact=True).select_option(str(analysis.slide.pk))
    page.get_by_label("Reason", exact=True).fill("Kept to decide.")
    page.get_by_label("Reason", exact=True).press("Enter")
    expect(page.get_by_text("1 mitosis", exact=False).first).to_be_visible()
    expect(page.get_by_text("Needs a person: 1 case and 1 mitoses that readers agree on")).to_be_visible()


def freeze_a_data_set(page: Page) -> None:
    for _ in range(2):
        judged_slide([list(said) for said in BOTH for _ in range(2)])
    page.goto("/learning/new/")
    page.get_by_label("Name", exact=True).fill("Spring")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("Frozen: its patches are being cut.")).to_be_visible()
    run_queued("compute")
    page.reload()
    expect(page.locator(".chip", has_text="Ready")).to_be_visible()
    assert DataSet.objects.get().rows.count() == 8, "places of the locked slide are learned from, or others are not"


def train_a_candidate(page: Page) -> ModelVersion:
    """Its gate is queued with it, and is not evaluated yet."""
    page.goto("/training/new/")
    page.get_by_label("Base", exact=True).select_option(label="hybrid-0.5")
    press(page, "button", "Begin")
    expect(page.get_by_text("Run 1 waits for its turn.")).to_be_visible()
    job = claims.claim("training", "test")
    run_claimed(job.pk, job.claim)
    run = TrainingRun.objects.with_facts().get()
    assert run.state == TrainingRun.State.DONE, run.job.message + run.job.log
    page.reload()
    expect(page.get_by_text("against hybrid-0.5 on the locked set")).to_be_visible()
    press(page, "link", "hybrid-0.5+1")
    expect(page.get_by_text("Its gate is on its way.")).to_be_visible()
    return run.result


def override_the_gate(page: Page, other: Page, candidate: ModelVersion) -> None:
    run_queued("training")
    report = candidate.gate_reports.with_facts().get()
    assert report.done, report.job.message + report.job.log
    expect(page.get_by_text("Gate: needs a person.")).to_be_visible()  # the page follows by itself
    press(page, "link", "Gate report")
    expect(page.get_by_text("The locked set holds 1 case and 1 agreed mitosis").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    answer(page, "Approve against the gate…", "A walk through the loop.", "Ask for it")
    expect(page.get_by_text("An override waits.")).to_be_visible()
    expect(page.get_by_role("button", name="Grant it")).to_have_count(0)
    other.goto(page.url)
    press(other, "button", "Grant it")
    expect(other.get_by_text("Approved", exact=True)).to_be_visible()


def activate(page: Page, other: Page, candidate: ModelVersion) -> None:
    for each in (page, other):
        each.goto(f"/models/{candidate.pk}/")
    answer(page, "Activate…", "To see that it can be.", "Ask for it")
    expect(page.get_by_text("You asked; another administrator approves")).to_be_visible()
    other.reload()
    press(other, "button", "Approve")
    expect(other.locator(".chip", has_text="In use")).to_be_visible()


def test_two_administrators_walk_from_verdicts_to_another_version_in_use_and_back(desk, base):
    first, second = administrator(username="first"), administrator(username="second")
    page, other = (desk.page(user, reduced_motion="reduce") for user in (first, second))
    lock_a_slide(page)
    freeze_a_data_set(page)
    candidate = train_a_candidate(page)
    override_the_gate(page, other, candidate)
    assert model_versions.find_active_model(None) == base
    activate(page, other, candidate)
    assert model_versions.find_active_model(None) == candidate
    page.reload()
    press(page, "button", "Roll back to hybrid-0.5")
    expect(page.locator(".chip", has_text="Not in use")).to_be_visible()
    assert model_versions.find_active_model(None) == base
    assert LockedSetLook.objects.count() == 1
    told = page.locator(".history").inner_text()
    for words in ("Trained by run 1 from hybrid-0.5. Its gate is on its way", "Against its gate: A walk", "Withdrawn"):
        assert words in told, f"the version's history does not tell: {words}"
