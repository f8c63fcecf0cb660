"""Two versions side by side: what was measured, what is missing, and where they answer otherwise on shared slides."""

import pytest
from django.utils.timezone import now

from analysis.models import GateReport
from analysis.services import model_flips
from analysis.services.learning.locked_set import record_look
from mitoweb.people.models import Role
from tests.analysis.learning.gate_makers import made_report
from tests.analysis.makers import ModelVersionFactory, add_detection, card, make_analysis
from tests.analysis.test_models_pages import REPORT, SCANNED
from tests.factories import CaseFactory, SlideFactory, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return member(TeamFactory(), Role.READER)


@pytest.fixture
def pair():
    other = REPORT | {"slides": ["H07"], "detection": REPORT["detection"] | {"f1": 0.71}}
    first = ModelVersionFactory(name="first", card=card(metrics={"left_out": SCANNED}))
    second = ModelVersionFactory(name="second", card=card(metrics={"left_out": other, "h05": REPORT}, floor=0.05))
    return first, second


def page(client, first, second) -> str:
    answer = client.get(f"/models/compare/?a={first.pk}&b={second.pk}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_figures_stand_side_by_side_and_what_is_missing_is_said(client, reader, pair):
    client.force_login(reader)
    shown = page(client, *pair)
    for words in (
        "Not to be compared as they are: H03, H04; 340 mitoses in 40 frames of first, H07;",
        '<td>Detection F1</td><td class="nowrap">0.67 (0.61 to 0.73)</td><td class="nowrap">0.71 (0.61 to 0.73)</td>',
        "<td>Recall at 5 false per mm²</td>"
        '<td class="nowrap">0.50</td><td class="nowrap"><span class="third">not measured</span></td>',
        "Detection F1 by scanner: Hamamatsu",
        "Measured of second alone: H03, H04",
        "Precision and recall, first",
        "Recall by false ones (FROC), first</h3>",
        "Recall by false ones (FROC), second</h3>"
        '<p class="second small">Not measured: the card holds no recall at false detections per mm².</p>',
        "Calibration, second",
        '<dt>Floor</dt><dd>0<br><span class="second">0.05</span></dd>',
        "No slide has a whole analysis of both",
    ):
        assert words in shown, words


def test_what_the_gate_measured_of_both_stands_first_for_administrators_alone(client, reader, pair):
    first, second = pair
    curve = {"false_per_mm2": [0.5, 8, 30], "recall": [0.2, 0.6, 0.8]}
    report = made_report(second, first)
    told = report.report | {"curves": {side: {"froc": curve, "reliability": []} for side in ("base", "candidate")}}
    report = GateReport.objects.create(
        candidate=first, base=second, look=record_look("another", "1" * 64), verdict="pass", report=told, done=now()
    )
    client.force_login(reader)
    assert "Locked set" not in page(client, first, second)
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    shown = page(client, first, second)
    for words in (
        "3 cases, 60 mitoses that two readers agree on, 2.50 mm²; whole frames",
        f'href="/models/gates/{report.pk}/">gate report</a>',
        '<td>Clause f1</td><td class="nowrap">0.720</td><td class="nowrap">0.700</td>',  # the first is the candidate
        '<td class="num">5.00</td><td class="num">0.44</td>',
        '<td class="num">50.00</td><td class="num">0.80</td>',
    ):
        assert words in shown, words
    assert shown.index("Locked set") < shown.index("Slides left out of training")


def test_flips_are_places_that_one_calls_and_the_other_does_not(client, reader, pair):
    slide = SlideFactory(case=CaseFactory(team=reader.memberships.get().team), mpp_x=0.25, mpp_y=0.5)
    foreign = SlideFactory()
    for each in (slide, foreign):
        one, other = (make_analysis(each, model=model) for model in pair)
        add_detection(one, 100, 100, 0.9)
        add_detection(other, 100, 114, 0.8)  # 7 µm below: the same place
        add_detection(one, 300, 300, 0.7)
        add_detection(other, 300, 316, 0.9)  # 8 µm below: another
        add_detection(one, 500, 500, 0.95)
        add_detection(other, 500, 500, 0.2)  # seen, not called
    (compared,) = model_flips.compare_on_slides(*pair, reader)
    assert (compared.both, compared.only_first, compared.only_second) == (1, 2, 1)
    assert [(flip.x_l0, flip.probability, flip.other) for flip in compared.shown_first] == [
        (500, 0.95, 0.2),
        (300, 0.7, None),
    ]
    assert [(flip.y_l0, flip.other) for flip in compared.shown_second] == [(316, None)]
    client.force_login(reader)
    shown = page(client, *pair)
    link = f"/slides/{slide.pk}/compare/{slide.pk}/?left={compared.first.pk}&amp;right={compared.second.pk}"
    assert link in shown and str(foreign.pk) not in shown
    assert "1 called by both, 2 by first alone, 1 by second alone" in shown
    assert f"/api/slides/{slide.pk}/crop.jpeg?x_l0=500.0&amp;y_l0=500.0" in shown


def test_one_version_twice_none_at_all_or_one_that_is_not_there(client, reader):
    client.force_login(reader)
    assert "There are not two versions" in client.get("/models/compare/").content.decode()
    only = ModelVersionFactory()
    assert "One version twice" in page(client, only, only)
    for wrong in ("00000000-0000-4000-8000-000000000000", "nonsense"):
        assert client.get(f"/models/compare/?a={wrong}&b={only.pk}").status_code == 404
