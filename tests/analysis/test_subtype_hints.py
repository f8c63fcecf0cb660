"""The hint of type and phase: made along with the maps, shown to the team, part of no call and no count."""

import numpy as np
import pytest
from django.db import transaction

from analysis import tasks
from analysis.models import Explanation
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.subtypes import hints as hinting
from analysis.services import counting, explanations, runs
from tests.analysis.makers import add_detection, make_analysis, model_with_network, network_file
from tests.analysis.test_runs_api import client_of
from tests.factories import SlideFactory, member
from tests.pipeline.subtypes.makers import some_heads

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

HINT = {
    "subtype": {"normal": 0.29, "atypical": 0.71},
    "phase": {"prometaphase": 0.3, "metaphase": 0.55, "anaphase_telophase": 0.15},
    "balanced_accuracy": {"subtype": 0.75, "phase": 0.7},
    "heads": "hybrid-0.1",
}


def keep(detection, hint) -> None:
    maps = {"mitosis": np.zeros((4, 4), np.uint8), "other": np.zeros((4, 4), np.uint8)}
    with transaction.atomic():
        explanations.keep_maps(detection.analysis_id, [detection], [maps], [hint], "blocks.8")


def shown(detection) -> dict:
    client = client_of(member(detection.analysis.slide.case.team))
    return client.get(f"/api/detections/{detection.pk}/explanation/").json()


@pytest.mark.parametrize("hint", [HINT, None])
def test_a_hint_is_given_with_the_explanation_and_null_where_there_is_none(hint):
    detection = add_detection(make_analysis())
    assert shown(detection)["subtype_hint"] is None
    keep(detection, hint)
    assert shown(detection)["subtype_hint"] == hint


def test_a_hint_changes_no_count_and_no_detection():
    detection = add_detection(make_analysis())
    reader = member(detection.analysis.slide.case.team)
    before = counting.count_mitoses(detection.analysis, reader, counting.WHOLE)
    row = client_of(reader).get(f"/api/detections/{detection.pk}/").json()
    keep(detection, HINT)
    assert counting.count_mitoses(detection.analysis, reader, counting.WHOLE) == before
    assert client_of(reader).get(f"/api/detections/{detection.pk}/").json() == row | {"explained": True}


def test_an_analysis_makes_hints_of_what_it_explains(nine_tiles, run_jobs, monkeypatch):
    monkeypatch.setattr(hinting, "heads_for", lambda sha256, folder: some_heads(sha256))
    monkeypatch.setattr(explanations, "STRIP", 2)
    model_with_network()
    slide = SlideFactory(file=nine_tiles)
    analysis = runs.start_analysis(slide, member(slide.case.team))
    run_jobs("compute")
    made = Explanation.objects.filter(detection__analysis=analysis)
    assert made.count() == analysis.detections.filter(mitosis=True).count() + 2
    for explanation in made:
        assert set(explanation.subtype_hint["subtype"]) == {"normal", "atypical"}
        assert explanation.subtype_hint["heads"] == "random"
    assert len({str(explanation.subtype_hint) for explanation in made}) > 1


def test_a_model_without_heads_and_broken_heads_give_no_hints_and_stop_nothing(monkeypatch):
    from analysis.pipeline.cards.store import load_model
    from analysis.pipeline.plan import Settings

    opened = tasks.OpenAnalysis(None, load_model(network_file()[0]), Settings(0.25, 0.25), "cpu")
    assert opened.find_hints([(1.0, 2.0)]) == [None]

    def broken(sha256, folder):
        raise ModelRefused("altered")

    monkeypatch.setattr(hinting, "heads_for", broken)
    assert opened.find_hints([(1.0, 2.0), (3.0, 4.0)]) == [None, None]
