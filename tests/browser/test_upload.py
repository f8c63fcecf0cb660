"""Slides come in through the browser: dropped, told what they are, continued after a reload."""

import base64

import pytest
from playwright.sync_api import Page, expect

from mitoweb.people.models import User
from slides.models import Case, Slide
from tests.factories import CaseFactory, SlideFactory, TeamFactory, member, small_slide

TWO_PIECES = 20_000_000  # a piece is 16 MiB
DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
  }
  const target = document.querySelector("[data-drop]");
  for (const type of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(autouse=True)
def own_place(settings, tmp_path):
    settings.SLIDES_ROOT, settings.UPLOADS_ROOT = tmp_path / "slides", tmp_path / "uploads"
    settings.DECODER_TIMEOUT_S = 300  # a busy machine is slow; that a decoder is given up has its own tests


@pytest.fixture
def case(live_server) -> Case:
    return CaseFactory(team=TeamFactory(name="Pathology"), accession="26-04417")


@pytest.fixture
def tech(case) -> User:
    return member(case.team, "technician", username="tech")


def opened(desk, case: Case, who: User) -> Page:
    page = desk.page(who)
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks before it leaves a running upload
    page.goto(f"/cases/{case.pk}/")
    return page


def row(page: Page, name: str):
    return page.locator(".upload-row", has_text=name)


def until_checked(page: Page, run_jobs, name: str) -> None:
    expect(row(page, name).locator("b")).to_have_text("Checking")
    run_jobs("ingest")


def test_dropped_files_become_slides_or_are_refused_in_words(desk, case, tech, run_jobs):
    desk.expected.append("status of 400")
    page = opened(desk, case, tech)
    contents = {"A1.tif": small_slide().read_bytes(), "notes.svs": b"only text\n" * 20, "letter.doc": b"x"}
    page.evaluate(DROP, [[[name, base64.b64encode(data).decode()] for name, data in contents.items()]])
    expect(row(page, "letter.doc")).to_contain_text("Refused")
    for name in ("notes.svs", "A1.tif"):
        expect(row(page, name).locator("b")).to_have_text("Checking")
    run_jobs("ingest")
    expect(row(page, "notes.svs")).to_contain_text("this is a text file, not a slide. Nothing was kept.")
    expect(row(page, "A1.tif")).to_contain_text("as slide A1")
    card = page.locator(".slide-card")
    expect(card).to_have_count(1)
    expect(card.get_by_role("heading")).to_have_text("A1")
    expect(card).to_contain_text("0.26 × 0.19 mm, 0.25 µm/px".replace(" ", "\u00a0").replace(",\u00a0", ", "))
    assert page.evaluate("document.querySelector('.slide-card img').decode().then(() => true)")
    slide = Slide.objects.get(state="ready")
    assert slide.sha256
    assert slide.uploads.get().sha256 == slide.sha256  # the browser computed the same


def test_an_upload_goes_on_after_a_reload(desk, case, tech, run_jobs, tmp_path):
    desk.expected.append("ERR_FAILED")
    path = tmp_path / "A1.tif"
    path.write_bytes(small_slide().read_bytes().ljust(TWO_PIECES, b"\0"))
    page = opened(desk, case, tech)
    page.route("**/api/uploads/*/", lambda route: route.abort() if second_piece(route.request) else route.continue_())
    page.set_input_files("[data-files]", path)
    expect(row(page, "A1.tif")).to_contain_text("continues by itself at 16.8 MB")
    page.unroute_all()
    page.reload()
    expect(row(page, "A1.tif")).to_contain_text("at 16.8 MB of 20.0 MB; choose the file again to continue")
    page.set_input_files("[data-files]", path)
    until_checked(page, run_jobs, "A1.tif")
    expect(row(page, "A1.tif")).to_contain_text("as slide A1")
    assert Slide.objects.get().bytes == TWO_PIECES


def test_slides_that_were_not_reached_are_asked_for_again(desk, case, tech, run_jobs):
    desk.expected.append("status of 503")
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "A1.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "A1.tif").locator("b")).to_have_text("Checking")
    expect(page.locator(".slide-card")).to_have_count(1)
    page.route("**/slides/", lambda route: route.fulfill(status=503), times=1)
    run_jobs("ingest")
    expect(row(page, "A1.tif")).to_contain_text("as slide A1")
    expect(page.locator(".slide-card")).to_contain_text("µm/px")


def test_an_upload_removed_while_it_is_checked_takes_its_card_along(desk, case, tech):
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "A1.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "A1.tif").locator("b")).to_have_text("Checking")
    expect(page.locator(".slide-card")).to_have_count(1)
    row(page, "A1.tif").get_by_role("button", name="Remove").click()
    expect(page.locator(".upload-row")).to_have_count(0)
    expect(page.locator(".slide-card")).to_have_count(0)
    assert not Slide.objects.exists()


def second_piece(request) -> bool:
    return request.method == "PATCH" and request.headers["upload-offset"] != "0"


def test_a_team_mate_sees_an_upload_without_its_name(desk, case, tech, run_jobs, tmp_path):
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "Jane Doe.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "Jane Doe.tif").locator("b")).to_have_text("Checking")
    row(page, "Jane Doe.tif").get_by_label("Label").fill("B2")
    with page.expect_response(lambda response: response.request.method == "POST"):
        row(page, "Jane Doe.tif").get_by_label("Label").press("Enter")
    mate = opened(desk, case, member(case.team, "technician", username="mate"))
    expect(row(mate, "Slide")).to_contain_text("Checking")
    expect(mate.locator("body")).not_to_contain_text("Jane")
    run_jobs("ingest")
    expect(row(page, "Jane Doe.tif")).to_contain_text("as slide B2")
    expect(mate.locator(".slide-card h3")).to_have_text("B2")


def test_a_pixel_size_is_set_from_a_known_length(desk, case, tech):
    slide = SlideFactory(case=case, label="A1", mpp_x=None, mpp_y=None, mpp_source="unknown")
    desk.expected.append("status of 400")
    page = opened(desk, case, tech)
    page.get_by_role("button", name="Set pixel size…").click()
    page.get_by_text("From a known length").click()
    page.get_by_label("Length", exact=True).fill("100")
    page.get_by_label("In pixels").fill("1")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="100 µm/px is no pixel size")).to_be_visible()
    page.get_by_label("In pixels").fill("400")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".slide-card")).to_contain_text("µm/px")
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.mpp_source) == (0.25, "hand")
