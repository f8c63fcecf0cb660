"""A protocol of fields, a count that waits for its turn, a guard that keeps the score back; areas from a file."""

import json

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from analysis.models import Analysis
from analysis.services import protocol_changes
from mitoweb.lib.jobs.models import Job
from slides.models import Region
from tests.browser.axe import list_axe_faults
from tests.browser.conftest import Reading, opened
from tests.browser.test_decided import CUT, DOCUMENT, scored  # noqa: F401
from tests.factories import UserFactory, member

FIELD_UM = 300
HIGH = "more than 2 figures in three fields"
FIELDS = DOCUMENT | {
    "name": "fields",
    "title": "Three fields of 0.30 mm",
    "shape": "fields",
    "area_mm2": None,
    "fields": 3,
    "field_um": FIELD_UM,
    "touching": False,
    "cutoffs": [{"score": "up to 2", "from": 0}, {"score": HIGH, "from": 3}],
    "sources": dict.fromkeys(("fields", "field_um", "touching", "cutoffs"), "Made in a test."),
}
# How dark what lies outside the region is drawn at the middle of the view: 0 within it.
DIMMED = """() => {
  const canvas = document.querySelector("canvas.marks");
  const [x, y] = [canvas.width, canvas.height].map(side => Math.floor(side / 2));
  return canvas.getContext("2d").getImageData(x, y, 1, 1).data[3];
}"""


class Turn:
    """The count of an analysis, taken by somebody else."""

    def __init__(self, analysis: Analysis) -> None:
        self.number = analysis.pk.int >> 65

    def __enter__(self) -> None:
        self._ask("SELECT pg_advisory_lock(%s)")

    def __exit__(self, *exception) -> None:
        self._ask("SELECT pg_advisory_unlock(%s)")

    def _ask(self, question: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(question, [self.number])


@pytest.fixture
def fielded(scored) -> Reading:  # noqa: F811
    document = {key: value for key, value in FIELDS.items() if value is not None}
    version = protocol_changes.add_version(document, UserFactory(is_superuser=True, is_staff=True))
    protocol_changes.choose_for_case(scored.slide.case, version, scored.reader)
    return scored


def show_place(page: Page, reading: Reading, x_l0: float, y_l0: float) -> Page:
    page.goto("about:blank")
    opened(page, reading, f"#x={x_l0:.0f}&y={y_l0:.0f}&z=10&r=0")
    expect(page.locator("#region-label")).to_be_visible()
    return page


def test_fields_are_drawn_a_count_waits_for_its_turn_and_a_guard_keeps_the_score_back(desk, fielded, tmp_path):
    desk.expected.append("Failed to load resource")
    page = desk.page(fielded.reader)
    number, words = page.locator("#count-number"), page.locator(".s-words")

    # Somebody else's count is made: the page waits, says so, and shows no zero.
    with Turn(fielded.analysis):
        with page.expect_response(lambda response: "/count/" in response.url) as answered:
            page.goto(fielded.url)
        assert (answered.value.status, answered.value.headers["retry-after"]) == (503, "1")
        expect(page.locator(".s-line")).to_contain_text("Counting")
        expect(number).to_be_empty()
        page.keyboard.press("f")
        expect(page.locator("#live")).to_contain_text("The region is being counted; the walk begins then.")
    expect(number).to_have_text("5")  # the model's, before any verdict
    expect(page.get_by_role("toolbar", name="Field walk")).to_contain_text("of 3 fields")
    page.keyboard.press("Escape")

    expect(page.locator("#protocol-menu summary")).to_contain_text("Three fields of 0.30 mm")
    count = page.request.get(f"/api/analyses/{fielded.analysis.pk}/count/").json()
    fields = count["region"]["fields_l0"]
    assert len(fields) == 3

    # Long names of scores are whole on the buttons, at each width; the list of regions opens where it has folded.
    for width in (1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate(CUT) == [], width
    expect(page.locator(".verdict[data-label=mitosis] .follows")).to_have_text("1 figure, up to 2")
    page.set_viewport_size({"width": 1190, "height": 800})
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    folded = page.locator(".s-line .fold.folded > .fold-button")
    if folded.count():
        folded.press("Enter")
    expect(page.locator(".regions [aria-pressed=true]")).to_be_in_viewport(ratio=1)
    assert list_axe_faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})

    # The count under way is told beside the last one.
    with Turn(fielded.analysis):
        page.keyboard.press("1")
        expect(words).to_contain_text("counting")
        expect(number).to_have_text("5")
    expect(number).to_have_text("1")
    expect(words).not_to_contain_text("counting")

    # Each field is drawn as a field: bright in its middle, dim just outside of it.
    x, y = fields[0]
    assert show_place(page, fielded, x, y).evaluate(DIMMED) == 0
    out_px = 0.55 * FIELD_UM / count["mpp_x"]
    beside = [(x + out_px, y), (x - out_px, y), (x, y + out_px), (x, y - out_px)]
    clear = next(
        place for place in beside if all(abs(place[0] - fx) + abs(place[1] - fy) > out_px for fx, fy in fields[1:])
    )
    assert show_place(page, fielded, *clear).evaluate(DIMMED) > 60

    # A guard that blocks: no score, its sentence in the strip and beside the verdicts; the number stays.
    Job.objects.filter(pk=fielded.analysis.job_id).update(state=Job.State.CANCELLED, message="Cancelled by lead.")
    opened(page, fielded)
    expect(words).to_contain_text("No score")
    expect(words).to_contain_text("part of the tissue was not looked at, and there is no score")
    expect(page.locator(".decision")).to_have_text("No score. The strip below says why.")
    expect(number).to_have_text("1")
    expect(page.locator(".s-ruler rect.score")).to_have_count(0)
    guards = page.locator("#guards-menu")
    guards.locator("summary").press("Enter")
    expect(guards.get_by_text("No score:")).to_be_visible()
    expect(page.get_by_role("heading", name="Cancelled by lead.")).to_be_visible()
    assert list_axe_faults(page) == []
    page.keyboard.press("Escape")

    # Areas from a file: what cannot be taken is refused in the dialog, what can is there at once and taken back.
    square = [[100, 100], [400, 100], [400, 300], [100, 300], [100, 100]]
    shape = {"type": "Polygon", "coordinates": [square]}
    tumour = {
        "type": "Feature",
        "geometry": shape,
        "properties": {"name": "Front", "classification": {"name": "Tumor"}},
    }
    stroma = {"type": "Feature", "geometry": shape, "properties": {"classification": {"name": "Stroma"}}}
    for name, content in (("areas", [stroma, tumour]), ("none", {"type": "Point", "coordinates": [1, 2]})):
        (tmp_path / f"{name}.geojson").write_text(json.dumps(content))
    page.keyboard.press("i")
    page.get_by_role("button", name="Import areas…").last.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("File").set_input_files(tmp_path / "none.geojson")
    dialog.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing was imported. The file holds no polygon")
    dialog.get_by_label("File").set_input_files(tmp_path / "areas.geojson")
    expect(dialog.get_by_label("Class")).to_have_value("Tumor")
    assert list_axe_faults(page) == []
    dialog.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(page.locator(".d-area")).to_contain_text("imported by reader1")
    assert Region.objects.get().name == "Front"
    page.locator("#toasts").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator(".d-area")).to_have_count(0)
    assert not Region.objects.standing().exists()


def test_detections_from_a_file_are_told_before_anything_is_kept_and_a_bad_file_in_a_sentence(desk, reading, tmp_path):
    desk.expected.append("Failed to load resource")
    page = opened(desk.page(member(reading.slide.case.team, "lead")), reading)
    dialog = page.get_by_role("dialog")
    (tmp_path / "bad.csv").write_text("left,top\n1,2\n")
    (tmp_path / "found.csv").write_text("x,y,score\n300,260,0.9\n420,300,0.8\n520,380,0.2\n")
    menu = page.locator("#analysis-menu")
    menu.locator("summary").press("Enter")
    menu.get_by_role("button", name="Import detections…").press("Enter")
    take = dialog.get_by_role("button", name="Import", exact=True)
    expect(take).to_be_disabled()
    dialog.get_by_label("File").set_input_files(tmp_path / "bad.csv")
    expect(dialog.get_by_role("alert")).to_contain_text("Not imported: No columns are called x and y")
    expect(take).to_be_disabled()
    dialog.get_by_label("File").set_input_files(tmp_path / "found.csv")
    expect(dialog.get_by_role("status")).to_contain_text("3 places read; 2 called mitosis, threshold 0.50")
    expect(dialog.get_by_role("alert")).to_be_hidden()
    dialog.get_by_label("Detector").fill("RetinaNet")
    assert list_axe_faults(page) == []
    take.press("Enter")
    expect(page.locator("#tab-queue .n")).to_have_text("2")
    imported = Analysis.objects.get(imported__detector="RetinaNet")
    assert f"analysis={imported.pk}" in page.url
    assert imported.imported["format"] == "CSV in pixels"

    # The same file once more is refused where it was chosen; what is there stays.
    menu.locator("summary").press("Enter")
    menu.get_by_role("button", name="Import detections…").press("Enter")
    dialog.get_by_label("File").set_input_files(tmp_path / "found.csv")
    dialog.get_by_label("Detector").fill("RetinaNet")
    expect(take).to_be_enabled()  # it was read
    take.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("This file is imported already")
    assert Analysis.objects.filter(imported__isnull=False).count() == 1
