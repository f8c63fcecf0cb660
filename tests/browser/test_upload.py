"""Slides come in through the browser: dropped, told what they are, continued after a reload."""

import base64
import io

import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from mitoweb.people.models import User
from slides.models import Case, Slide, Upload
from tests.analysis.makers import ModelVersionFactory
from tests.factories import CaseFactory, SlideFactory, TeamFactory, UploadFactory, file_sha256, member, small_slide

TWO_PIECES = 20_000_000  # a piece is 16 MiB
DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
  }
  const target = document.querySelector(".page");
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


def instance_bytes() -> bytes:
    """A DICOM file of one series, of which nothing but that can be read."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = (
        SecondaryCaptureImageStorage,
        generate_uid(),
        "1.2.3",
    )
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def until_checked(page: Page, run_jobs, name: str) -> None:
    expect(row(page, name).locator("b")).to_have_text("Waiting")
    run_jobs("ingest")


def test_dropped_files_become_slides_or_are_refused_in_words(desk, case, tech, run_jobs):
    desk.expected.append("status of 400")
    page = opened(desk, case, tech)
    page.get_by_label("Labels from file names").check()
    contents = {"A1.tif": small_slide().read_bytes(), "notes.svs": b"only text\n" * 20, "letter.doc": b"x"}
    page.evaluate(DROP, [[[name, base64.b64encode(data).decode()] for name, data in contents.items()]])
    expect(row(page, "letter.doc")).to_contain_text("Refused")
    for name in ("notes.svs", "A1.tif"):
        expect(row(page, name).locator("b")).to_have_text("Waiting")
    run_jobs("ingest")
    expect(row(page, "notes")).to_contain_text("this is a text file, not a slide. Nothing was kept.")
    expect(row(page, "A1")).to_contain_text("as slide A1")
    expect(row(page, "notes.svs")).to_contain_text("Refused")  # the open page knows which file to scan again …
    assert not Upload.objects.exclude(name__startswith=".").exists(), "the server did not forget a name"
    card = page.locator(".slide-card")
    expect(card).to_have_count(1)
    expect(card.get_by_role("heading")).to_have_text("A1")
    expect(card).to_contain_text("0.26 × 0.19 mm, 0.25 µm/px".replace(" ", "\u00a0").replace(",\u00a0", ", "))
    assert page.evaluate("document.querySelector('.slide-card img').decode().then(() => true)")
    slide = Slide.objects.get(state="ready")
    assert slide.sha256
    assert slide.uploads.get().sha256 == slide.sha256  # the browser computed the same
    page.reload()
    expect(page.locator(".upload-row").first).to_be_visible()
    expect(page.locator("#upload")).not_to_contain_text("notes.svs")  # … and forgets it when it is closed


def test_slides_dropped_on_the_list_make_a_case(desk, case, tech, run_jobs):
    desk.expected.append("status of 409")
    page = desk.page(tech)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/cases/")
    expect(page.get_by_role("searchbox")).to_have_count(1)
    page.set_viewport_size({"width": 640, "height": 450})  # a window of 1280 at 200 % zoom
    expect(page.get_by_role("link", name="New case")).to_be_in_viewport(ratio=1)
    page.locator(".person").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 800})
    scans = {f"S{n}.tif": small_slide().read_bytes() + bytes([n]) for n in (10, 2)}
    page.evaluate(DROP, [[[name, base64.b64encode(data).decode()] for name, data in scans.items()]])
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("New case of 2 slides")
    expect(dialog.get_by_label("Accession")).to_be_focused()
    dialog.get_by_label("Accession").fill(case.accession)
    dialog.get_by_label("Accession").press("Enter")
    expect(dialog).to_contain_text("There is a case 26-04417 in this team already.")
    dialog.get_by_label("Protocol").select_option("lung-net:1")
    dialog.get_by_label("Accession").fill("26-04418")
    dialog.get_by_label("Accession").press("Enter")
    for name, label in (("S2.tif", "Slide 1"), ("S10.tif", "Slide 2")):
        expect(row(page, name).get_by_label("Label of the slide")).to_have_value(label)
        expect(row(page, name).locator("b")).to_have_text("Waiting")
    run_jobs("ingest")
    expect(row(page, "Slide 2")).to_contain_text("as Slide 2")
    page.get_by_role("link", name="Open the case").click()
    expect(page.get_by_label("Protocol of the case")).to_have_value("lung-net:1")
    card = page.locator(".slide-card").first
    card.get_by_label("More on slide Slide 1").click()
    card.get_by_role("button", name="Rename…").click()
    name = "Excision of the left flank, deep margin towards the ribs, 2"
    page.get_by_role("dialog").get_by_label("Label", exact=True).fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    heading = page.get_by_role("heading", name=name)
    heading.hover()
    expect(page.get_by_role("tooltip")).to_have_text(name)
    expect(page.get_by_text("writing on the glass")).to_be_hidden()
    page.get_by_text("What exactly, and what stays").click()
    expect(page.get_by_text("writing on the glass")).to_be_visible()
    size_all_and_analyse_all(page)


def size_all_and_analyse_all(page: Page) -> None:
    """The rest of a technician's way, by the keyboard: one pixel size for all slides, one press for all analyses."""
    ModelVersionFactory()
    Slide.objects.update(mpp_x=None, mpp_y=None, mpp_source="unknown", scanner="Plain 3000")
    page.reload()
    page.get_by_role("button", name="Set pixel size…").first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Across")).to_be_focused()
    expect(dialog.get_by_role("checkbox", name="Plain 3000")).to_have_count(2)
    expect(dialog.get_by_role("checkbox", name="Plain 3000", checked=True)).to_have_count(1)
    dialog.get_by_label("Across").press("Enter")
    expect(dialog).to_contain_text("Across: a number is needed")
    dialog.get_by_label("Across").fill("0,25")
    dialog.get_by_label("Across").press("Enter")
    expect(page.locator(".slide-card").get_by_text("Ready", exact=True)).to_have_count(2)
    expect(page.locator("#slides")).to_contain_text("no estimate yet")
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("2 analyses asked for")
    expect(page.locator(".slide-card").get_by_text("Waiting", exact=True)).to_have_count(2)
    expect(page.locator("[data-analyse]")).to_have_count(0)


def test_an_upload_goes_on_after_a_reload(desk, case, tech, run_jobs, tmp_path):
    desk.expected.append("ERR_FAILED")
    path = tmp_path / "A1.tif"
    path.write_bytes(small_slide().read_bytes().ljust(TWO_PIECES, b"\0"))
    page = opened(desk, case, tech)
    page.route("**/api/uploads/*/", lambda route: route.abort() if second_piece(route.request) else route.continue_())
    page.set_input_files("[data-files]", path)
    expect(row(page, "A1.tif")).to_contain_text("continues by itself at 16.8 MB")
    page.reload()
    expect(row(page, "A1.tif")).to_contain_text("at 16.8 MB of 20.0 MB; choose the file again to continue")
    page.unroute_all()  # only now: before the reload the page would go on by itself
    page.set_input_files("[data-files]", path)
    until_checked(page, run_jobs, "A1.tif")
    expect(row(page, "Slide 1")).to_contain_text("as Slide 1")
    assert Slide.objects.get().bytes == TWO_PIECES


def test_slides_that_were_not_reached_are_asked_for_again(desk, case, tech, run_jobs):
    desk.expected.append("status of 503")
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "A1.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "A1.tif").locator("b")).to_have_text("Waiting")
    expect(page.locator(".slide-card")).to_have_count(1)
    page.route("**/slides/", lambda route: route.fulfill(status=503), times=1)
    run_jobs("ingest")
    expect(row(page, "Slide 1")).to_contain_text("as Slide 1")
    expect(page.locator(".slide-card")).to_contain_text("µm/px")


def test_a_label_is_a_number_until_a_person_takes_the_files_name(desk, case, tech):
    page = opened(desk, case, tech)
    for name, seed in (("P-17.tif", b"1"), ("Jane Doe.tif", b"2")):
        page.set_input_files(
            "[data-files]", {"name": name, "mimeType": "", "buffer": small_slide().read_bytes() + seed}
        )
        expect(row(page, name).locator("b")).to_have_text("Waiting")
    expect(row(page, "P-17.tif").get_by_label("Label of the slide")).to_have_value("Slide 1")
    expect(row(page, "Jane Doe.tif").get_by_label("Label of the slide")).to_have_value("Slide 2")
    take = row(page, "P-17.tif").get_by_role("button", name="Label it as the file: P-17")
    with page.expect_response(lambda response: response.request.method == "POST"):
        take.click()
    expect(take).to_be_hidden()
    expect(row(page, "P-17.tif").get_by_label("Label of the slide")).to_have_value("P-17")
    assert set(case.slides.values_list("label", flat=True)) == {"P-17", "Slide 2"}


def test_the_choice_of_labels_from_names_is_off_and_remembered(desk, case, tech):
    page = opened(desk, case, tech)
    choice = page.get_by_label("Labels from file names")
    expect(choice).not_to_be_checked()
    choice.check()
    page.reload()
    expect(choice).to_be_checked()


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_piece_that_was_turned_away_is_sent_again(desk, case, tech, status):
    desk.expected.append(f"status of {status}")
    page = opened(desk, case, tech)
    refused = []

    def once(route) -> None:
        if route.request.method != "PATCH" or refused:
            return route.continue_()
        refused.append(route.request.url)
        body = {"detail": "Many files are being sent; this one goes on when there is room."}
        return route.fulfill(status=status, json=body, headers={"Retry-After": "2"})

    page.route("**/api/uploads/*/", once)
    page.set_input_files("[data-files]", {"name": "A1.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "A1.tif").locator("b")).to_have_text("Waiting")
    assert refused


def test_a_duplicate_says_what_became_of_the_slide_it_gave_way_to(desk, case, tech):
    slide = SlideFactory(case=case, label="B7")
    given = {"state": "refused", "step": "already here", "name": ".tif", "label": "Slide 2"}
    UploadFactory(case=case, user=tech, duplicate_of=slide, **given)
    page = opened(desk, case, tech)
    expect(row(page, "Slide 2")).to_contain_text("the same file as slide B7 of this case. Nothing was kept.")
    expect(row(page, "Slide 2").get_by_role("link", name="Open B7")).to_have_attribute("href", f"/slides/{slide.pk}/")
    Slide.objects.update(state="checking")
    page.reload()
    expect(row(page, "Slide 2")).to_contain_text("which is still being checked")
    Slide.objects.all().delete()
    expect(row(page, "Slide 2")).to_contain_text("Send it again")
    expect(row(page, "Slide 2")).to_contain_text("the slide that was the same file was deleted")


def test_an_upload_removed_while_it_is_checked_takes_its_card_along(desk, case, tech):
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "A1.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "A1.tif").locator("b")).to_have_text("Waiting")
    expect(page.locator(".slide-card")).to_have_count(1)
    row(page, "A1.tif").get_by_role("button", name="Remove").click()
    expect(page.locator(".upload-row")).to_have_count(0)
    expect(page.locator(".slide-card")).to_have_count(0)
    assert not Slide.objects.exists()


def test_a_file_that_is_here_already_is_not_sent(desk, case, tech):
    slide = SlideFactory(case=case, label="A1", sha256=file_sha256(small_slide()))
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", small_slide())
    expect(row(page, "small.tif")).to_contain_text("Already here")
    expect(row(page, "small.tif")).to_contain_text("the same file as slide A1 of this case. Nothing was sent.")
    expect(row(page, "small.tif").get_by_role("link", name="Open A1")).to_have_attribute("href", f"/slides/{slide.pk}/")
    assert not Upload.objects.exists()
    row(page, "small.tif").get_by_role("button", name="Remove").click()
    expect(page.locator(".upload-row")).to_have_count(0)


def test_a_file_of_another_case_is_offered_and_sent_when_that_is_wanted(desk, case, tech, run_jobs):
    SlideFactory(case=CaseFactory(team=case.team, accession="26-00001"), label="B7", sha256=file_sha256(small_slide()))
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", small_slide())
    expect(row(page, "small.tif")).to_contain_text("the same file is slide B7 of case 26-00001")
    assert not Upload.objects.exists()
    row(page, "small.tif").get_by_role("button", name="Send anyway").click()
    until_checked(page, run_jobs, "small.tif")
    expect(row(page, "Slide 1")).to_contain_text("as Slide 1")


def test_a_file_of_another_team_stays_unknown(desk, case, tech, run_jobs):
    SlideFactory(case=CaseFactory(accession="26-00009"), sha256=file_sha256(small_slide()))
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", small_slide())
    until_checked(page, run_jobs, "small.tif")
    expect(page.locator("body")).not_to_contain_text("26-00009")


def test_a_folder_is_sent_as_its_slides_and_a_mrxs_set_is_one_row(desk, case, tech, tmp_path):
    folder = tmp_path / "scans"
    for name, content in {
        "A1.tif": small_slide().read_bytes(),
        "B2.mrxs": b"\xff\xd8\xff",
        "B2/Slidedat.ini": b"[GENERAL]",
        "B2/Index.dat": b"index",
        "B2/Data0000.dat": b"data",
        "B2/notes.txt": b"left beside it",
        "S1/1.dcm": instance_bytes(),
        "S1/2.dcm": instance_bytes(),
        ".DS_Store": b"x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    page = opened(desk, case, tech)
    page.get_by_label("Labels from file names").check()
    page.set_input_files("[data-folder]", folder)
    for name, files in {"A1.tif": "A1", "B2.mrxs": "4 files", "S1": "2 files"}.items():
        expect(row(page, name)).to_contain_text("Waiting")
        expect(row(page, name)).to_contain_text(files)
    expect(page.locator(".upload-row")).to_have_count(3)
    expect(page.locator(".slide-card")).to_have_count(3)
    mrxs = Slide.objects.get(label="B2")
    assert mrxs.files[0] == f"{mrxs.folder}.mrxs"
    assert len(mrxs.files) == 4
    row(page, "B2.mrxs").get_by_role("button", name="Remove").click()
    expect(page.locator(".slide-card")).to_have_count(2)
    assert Upload.objects.count() == 3


def test_a_set_that_was_broken_off_goes_on_when_its_folder_is_chosen_again(desk, case, tech, tmp_path):
    desk.expected += ["ERR_FAILED", "status of 409"]  # the last try may be answered after the reload
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / "S1").mkdir(exist_ok=True)
        (tmp_path / "S1" / name).write_bytes(instance_bytes())
    page = opened(desk, case, tech)
    sent = []

    def only_the_first(route) -> None:
        sent.append(route.request.url)
        route.continue_() if len(sent) == 1 else route.abort()

    page.route(
        "**/api/uploads/", lambda route: route.continue_() if route.request.method == "GET" else only_the_first(route)
    )
    page.set_input_files("[data-folder]", tmp_path / "S1")
    expect(row(page, "S1")).to_contain_text("Connection lost")
    page.reload()
    expect(row(page, "Slide 1: ")).to_contain_text("choose the folder again to continue")
    page.unroute_all()  # only now: before the reload the page would go on by itself
    page.set_input_files("[data-folder]", tmp_path / "S1")
    expect(page.locator(".upload-row b")).to_have_text("Waiting")
    assert len(Slide.objects.get().files) == 2
    assert Upload.objects.count() == 2


def test_the_steps_after_the_upload_are_shown_and_where_they_stop(desk, case, tech, run_jobs):
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "A1.svs", "mimeType": "", "buffer": b"only text\n" * 20})
    expect(row(page, "A1.svs").locator(".step")).to_have_text(
        ["received", "checked", "de-identified", "tiled", "ready"]
    )
    expect(row(page, "A1.svs").locator(".step.done")).to_have_text(["received"])
    expect(row(page, "A1.svs").locator(".step.now")).to_have_text(["checked"])
    run_jobs("ingest")
    expect(row(page, "A1.svs").locator(".step.stop")).to_have_text(["checked"])
    expect(row(page, "A1.svs")).to_contain_text("this is a text file, not a slide. Nothing was kept.")
    Upload.objects.update(state="waiting", step="opened", reason="2 entries are unknown.")
    page.reload()
    expect(row(page, "Slide 1")).to_contain_text("Waits for an administrator")
    expect(row(page, "Slide 1")).to_contain_text("2 entries are unknown.")
    expect(row(page, "Slide 1").locator(".step.stop")).to_have_text(["de-identified"])


def second_piece(request) -> bool:
    return request.method == "PATCH" and request.headers["upload-offset"] != "0"


def test_a_team_mate_sees_an_upload_without_its_name(desk, case, tech, run_jobs, tmp_path):
    page = opened(desk, case, tech)
    page.set_input_files("[data-files]", {"name": "Jane Doe.tif", "mimeType": "", "buffer": small_slide().read_bytes()})
    expect(row(page, "Jane Doe.tif").locator("b")).to_have_text("Waiting")
    row(page, "Jane Doe.tif").get_by_label("Label of the slide").fill("B2")
    with page.expect_response(lambda response: response.request.method == "POST"):
        row(page, "Jane Doe.tif").get_by_label("Label of the slide").press("Enter")
    mate = opened(desk, case, member(case.team, "technician", username="mate"))
    expect(row(mate, "Slide")).to_contain_text("Waiting")
    expect(mate.locator("body")).not_to_contain_text("Jane")
    run_jobs("ingest")
    expect(row(page, "Jane Doe.tif")).to_contain_text("as slide B2")
    page.reload()
    expect(row(page, "B2")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Jane")
    expect(mate.locator("body")).not_to_contain_text("Jane")
    expect(mate.locator(".slide-card h3")).to_have_text("B2")
    Case.objects.filter(pk=case.pk).update(accession="W" * 60)
    mate.goto("/uploads/")
    expect(row(mate, "B2")).to_contain_text("WWW")
    wide = "() => [...document.querySelectorAll('.upload-row .file')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert mate.evaluate(wide) == 0


def test_a_pixel_size_is_set_from_a_known_length(desk, case, tech):
    slide = SlideFactory(case=case, label="A1", mpp_x=None, mpp_y=None, mpp_source="unknown")
    desk.expected.append("status of 400")
    page = opened(desk, case, tech)
    page.get_by_role("button", name="Set pixel size…").click()
    page.get_by_text("From a known length").click()
    page.get_by_label("Length", exact=True).fill("100")
    page.get_by_label("In pixels").fill("1")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="shorter than 20 px")).to_be_visible()
    page.get_by_label("In pixels").fill("400")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".slide-card")).to_contain_text("µm/px")
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.mpp_source) == (0.25, "length")


def test_a_further_picture_of_a_file_becomes_a_slide_from_the_menu(desk, case, tech):
    slide = SlideFactory(case=case, label="A1", sha256="1" * 64, scenes=[[512, 384], [300, 200]])
    page = opened(desk, case, tech)
    page.get_by_label("More on slide A1").click()
    page.get_by_role("button", name="Add picture 2 of the file as a slide").click()
    expect(page.locator(".toast")).to_contain_text("A1 picture 2 was added and is being checked")
    expect(page.locator(".slide-card h3")).to_have_text(["A1", "A1 picture 2"])
    assert case.slides.exclude(pk=slide.pk).get().scene == 1
