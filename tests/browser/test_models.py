"""A model version sent by an administrator from the browser: refused in words at once, then sent, and being checked."""

import json

from playwright.sync_api import expect

from analysis.models import ModelUpload
from tests.analysis.hostile_models import SHIPPED
from tests.analysis.makers import ModelVersionFactory, card
from tests.browser.axe import list_axe_faults
from tests.factories import UserFactory


def test_a_model_is_sent_with_its_card_and_waits_for_its_check(desk, tmp_path):
    ModelVersionFactory(name="first", card=json.loads(SHIPPED.with_suffix(".json").read_text()))
    weights, told = tmp_path / "ours.safetensors", tmp_path / "ours.json"
    weights.write_bytes(SHIPPED.read_bytes())
    told.write_text(json.dumps(card(name="first")))
    desk.expected.append("400 (Bad Request)")
    page = desk.page(UserFactory(is_superuser=True, is_staff=True), reduced_motion="reduce")
    page.goto("/models/")
    page.get_by_role("button", name="Upload…").press("Enter")
    assert list_axe_faults(page) == []
    page.get_by_label("Weights").set_input_files(weights)
    page.get_by_label("Card").set_input_files(told)
    send = page.get_by_role("button", name="Send")
    send.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is another model named first")
    told.write_text(json.dumps(card(name="ours")))
    page.get_by_label("Card").set_input_files(told)
    send.press("Enter")
    expect(page.get_by_text("is being checked")).to_be_visible(timeout=60_000)
    upload = ModelUpload.objects.get()
    assert (upload.state, upload.name, upload.job.state) == ("checking", "ours", "queued")
    page.get_by_role("button", name="Remove").press("Enter")
    expect(page.get_by_text("is being checked")).to_have_count(0)
    assert not ModelUpload.objects.exists()
