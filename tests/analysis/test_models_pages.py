"""The models pages: for everybody to read, with metrics that name their data, and actions for administrators."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.services import model_versions
from analysis.views import model_cards, model_plots
from mitoweb.people.models import Role
from tests.analysis.makers import ModelVersionFactory, card, make_analysis
from tests.factories import PASSWORD, TeamFactory, UserFactory, member

pytestmark = pytest.mark.django_db

REPORT = {
    "slides": ["H03", "H04"],
    "frames": 40,
    "mitoses": 340,
    "protocol": "whole frames, 7.5 um, greedy one-to-one matching, pooled",
    "detection": {"f1": 0.674, "precision": 0.7, "recall": 0.65, "tp": 221, "fp": 95, "fn": 119}
    | {"f1_95_bootstrap_by_frame": [0.61, 0.73]},
    "detection_by_slide": {
        "H03": {"f1": 0.7, "precision": 0.7, "recall": 0.7, "tp": 93, "fp": 40, "fn": 40},
        "H04": {"f1": 0.58, "precision": 0.6, "recall": 0.56, "tp": 20, "fp": 13, "fn": 16},
    },
    "patch": {"prevalence": 0.29, "f1": 0.84, "precision": 0.8, "recall": 0.88},
    "candidate_recall_7_5_um": 0.983,
    "calibration_error": 0.031,
}


@pytest.fixture
def admin(client):
    user = UserFactory(is_superuser=True, username="admin")
    client.login(username="admin", password=PASSWORD)
    return user


@pytest.fixture
def model():
    notes = "Known faults: Calls pyknotic nuclei near necrosis; misses pale early metaphases\nTrained in one afternoon."
    written = card(metrics={"left_out": REPORT, "h05": REPORT | {"slides": ["H05"]}}, notes=notes)
    return ModelVersionFactory(name="farooq-0.1.0", card=written, threshold=0.62)


def page(client, url) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_metric_to_quote_is_the_one_with_thresholds_carried_over():
    found = {"f1": 0.6, "precision": 0.6, "recall": 0.6, "tp": 6, "fp": 4, "fn": 4}
    carried = REPORT | {"detection": found | {"f1_95_bootstrap_by_case": [0.5, 0.7]}}
    carried["patch_margin_carried_over"] = REPORT["patch"] | {"f1": 0.79}
    model = ModelVersionFactory(name="both", card=card(metrics={"left_out": REPORT, "development": carried}))
    quoted = model_cards.detection_f1(model)
    assert (quoted.value, quoted.interval) == ("0.60", "0.50 to 0.70")
    assert model_cards.patch_f1(model).value == "0.79"
    assert [each.name for each in model_cards.list_evaluations(model)] == [
        "One slide left out at a time",
        "Slides left out of training",
    ]


def test_the_table_names_state_metrics_threshold_and_use(client, admin, model):
    TeamFactory()
    shown = page(client, "/models/")
    for words in (
        "farooq-0.1.0",
        "In use",
        "0.67",
        "0.61 to 0.73",
        "0.84",
        "0.62",
        "whole frames, 7.5 µm, 340 mitoses",
    ):
        assert words in shown


def test_the_table_says_how_often_a_version_was_used(client, admin, model):
    make_analysis(model=model)
    assert '<td class="num">1</td>' in page(client, "/models/")
    assert "1 analysis used this version." in page(client, f"/models/{model.pk}/")


def test_the_page_shows_every_metric_with_its_data_and_matching(client, admin, model):
    shown = page(client, f"/models/{model.pk}/")
    for words in (
        "Slides left out of training",
        "Reported on H05",
        "whole frames, 7.5 µm, greedy one-to-one matching, pooled",
        "centred patches, 29 % mitoses",
        "0.983",
        "0.031",
        "Calls pyknotic nuclei near necrosis",
        "misses pale early metaphases",
        "Trained in one afternoon.",
        "A count without a reader",
        "made in a test",
        model.sha256,
    ):
        assert words in shown
    assert shown.count('class="few"') == 2  # H04 has 36 mitoses, on both sets


def test_every_version_that_comes_with_the_program_has_a_page_with_metrics(client, admin):
    for shipped in model_versions.register_shipped():
        shown = page(client, f"/models/{shipped.pk}/")
        assert "Slides left out of training" in shown
        assert "Not measured." not in shown


def test_a_version_without_metrics_says_that_nothing_is_known(client, admin):
    shown = page(client, f"/models/{ModelVersionFactory().pk}/")
    assert "Not measured." in shown
    assert "not measured" in page(client, "/models/")


def test_the_second_administrator_finds_what_waits_and_the_first_cannot_approve(client, admin, model):
    team, other = TeamFactory(), UserFactory(is_superuser=True, username="admin2")
    mine = model_versions.activate_model(model, team, "mine", admin)
    theirs = model_versions.activate_model(model, None, "theirs", other)
    shown = page(client, f"/models/{model.pk}/")
    assert f"/api/activations/{theirs.pk}/approve/" in shown
    assert f"/api/activations/{mine.pk}/approve/" not in shown
    assert "You asked; another administrator approves" in shown
    assert "waits for a second administrator" in page(client, "/models/")


def test_without_any_version_the_page_says_how_to_get_one(client, admin):
    assert "manage.py add_model" in page(client, "/models/")


@pytest.mark.parametrize("role", Role.values)
def test_every_role_reads_the_pages_and_finds_no_action(client, model, role):
    person, other = member(TeamFactory(), role), UserFactory(is_superuser=True)
    model_versions.activate_model(model, None, "for all", other)
    make_analysis(model=model)  # of another team, which is nobody's matter
    client.force_login(person)
    shown, table = page(client, f"/models/{model.pk}/"), page(client, "/models/")
    assert "Known faults" in shown and "Precision and recall" in shown and "for all" in shown
    assert "0 analyses used this version." in shown and '<td class="num">0</td>' in table
    for action in ("Activate", "data-withdraw", "data-post", "-dialog", "every team can"):
        assert action not in shown, action
    assert 'href="/models/"' in table


def test_a_person_of_one_team_is_not_told_what_every_team_uses(client, model):
    team = TeamFactory(name="Ours")
    client.force_login(member(team, Role.READER))
    assert "In use by Ours" in page(client, f"/models/{model.pk}/")


def test_without_signing_in_the_pages_lead_to_the_sign_in(client, model):
    for url in ("/models/", f"/models/{model.pk}/"):
        answer = client.get(url)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")


def test_a_version_that_is_not_there_is_a_404(client, admin):
    assert client.get("/models/00000000-0000-4000-8000-000000000000/").status_code == 404


def test_the_table_costs_the_same_with_more_versions(client, admin, model):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client, "/models/")
        return len(queries)

    TeamFactory()
    cost()
    few = cost()
    for _ in range(3):
        ModelVersionFactory()
        TeamFactory()
    assert cost() == few


RELU6 = {"stem_activation": "relu6"}


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (RELU6 | {"architecture": "hybrid", "finder": {"weight": 1}}, "cascade of finder and hybrid, relu6 stem"),
        (RELU6 | {"architecture": "hybrid"}, "hybrid, patch classifier, relu6 stem"),
        (RELU6 | {"architecture": "resnet18"}, "resnet18, patch classifier"),
        ({"architecture": "mdfs"}, "mdfs, cascade"),
        ({"architecture": "of-tomorrow"}, "of-tomorrow"),
        ({}, "unknown"),
    ],
)
def test_the_page_names_the_network_and_its_kind(card, words):
    assert model_cards.describe_network(card) == words


# What the card holds, drawn ---------------------------------------------------------------------------------------
SCANNED = REPORT | {
    "area_mm2": 20.0,
    "froc": {"recall_at_false_per_mm2": {"5": 0.5, "20": 0.9}},
    "high_sensitivity": {"recall": 0.95, "precision": 0.4},
    "detection_by_scanner": {
        "Aperio": {"f1": 0.5, "tp": 10, "fp": 10, "fn": 10, "f1_95_bootstrap_by_frame": [0.4, 0.6]},
        "Hamamatsu": {"f1": 0.8, "tp": 200, "fp": 50, "fn": 50, "f1_95_bootstrap_by_case": [0.7, 0.9]},
    },
    "calibration": {
        "reliability": [
            {"probability": 0.9, "share": 0.8, "count": 12},
            {"probability": 0.1, "share": 0.15, "count": 300},
            {"probability": 0.5, "share": 0.0, "count": 0},
        ]
    },
    "false_on_look_alikes": {"false": 95, "on_look_alikes": 40},
}


def test_precision_follows_from_false_detections_recall_area_and_labels():
    plot = model_plots.draw_precision_recall(SCANNED)
    assert [(point.x, round(point.y, 4)) for point in plot.points] == [
        (0.5, 0.6296),  # 170 of 340 found, 5 * 20 false
        (0.65, 0.7),
        (0.9, 0.4334),  # 306 found, 400 false
        (0.95, 0.4),
    ]
    assert [point.words for point in plot.points if point.is_in_use] == ["threshold in use"]


def test_the_free_response_curve_holds_the_threshold_in_use_and_its_axis_all_points():
    plot = model_plots.draw_froc(SCANNED)
    assert [(point.x, point.y, point.is_in_use) for point in plot.points] == [
        (4.75, 0.65, True),  # 95 false on 20 mm²
        (5, 0.5, False),
        (20, 0.9, False),
    ]
    assert plot.x_ticks == ["0", "25", "50"]
    far = model_plots.draw_froc(SCANNED | {"froc": {"recall_at_false_per_mm2": {"5": 0.5, "60": 0.9}}})
    assert (far.x_ticks, far.points[-1].x_px) == (["0", "50", "100"], 34 + 0.6 * 240)
    assert model_plots.draw_froc(SCANNED | {"area_mm2": None}).points[0].words == "5 false per mm²"


def test_calibration_leaves_out_empty_shares_and_marks_small_ones():
    plot = model_plots.draw_calibration(SCANNED)
    assert [(point.x, point.y, point.is_reliable) for point in plot.points] == [(0.1, 0.15, True), (0.9, 0.8, False)]
    assert (plot.points[1].x_px, plot.points[1].y_px) == (250.0, 56.0)
    assert "Open ring" in plot.fact


def test_scanners_have_intervals_and_one_alone_is_said_to_be_one():
    _, by_scanner, by_tumour = model_plots.draw_charts(SCANNED)
    assert [(bar.label, bar.low, bar.high, bar.is_reliable) for bar in by_scanner.bars] == [
        ("All slides", 0.61, 0.73, True),
        ("Aperio", 0.4, 0.6, False),
        ("Hamamatsu", 0.7, 0.9, True),
    ]
    assert "over cases or frames" in by_scanner.fact and "alone" not in by_scanner.fact
    assert (by_tumour.bars, by_tumour.fact) == ([], "Not measured by tumour.")
    one = SCANNED | {"detection_by_scanner": {"Aperio": SCANNED["detection_by_scanner"]["Aperio"]}}
    assert "One scanner alone was measured" in model_plots.draw_charts(one)[1].fact
    assert "Measured on one scanner alone: Aperio" in model_plots.list_measured_faults(one)


def test_what_a_card_lacks_is_said_and_not_drawn(client, admin):
    bare = {name: value for name, value in REPORT.items() if name not in ("calibration_error", "detection_by_slide")}
    shown = page(client, f"/models/{ModelVersionFactory(card=card(metrics={'left_out': bare})).pk}/")
    for words in ("no precision at other recalls", "no shares by probability", "Not measured by scanner."):
        assert words in shown
    assert "<polyline" not in shown
    assert "The card names none" in page(client, f"/models/{ModelVersionFactory().pk}/")


def test_faults_are_the_cards_own_and_those_that_its_metrics_show(model):
    model.card["metrics"] = {"left_out": SCANNED, "h05": REPORT | {"slides": ["H05"], "detection": {"f1": 0.4}}}
    faults = model_cards.list_card_notes(model)["Known faults"]
    assert faults[0] == "Calls pyknotic nuclei near necrosis"
    for words in ("Misses 119 of 340", "95 of its 316 calls", "40 of 95 false calls", "0.58 on H04", "F1 0.40 on H05"):
        assert any(words in fault for fault in faults), words
