"""Versions that take turns while analyses run: each analysis keeps to the one that it was begun with."""

import time

import pytest

from analysis.models import Analysis
from analysis.services import model_versions, runs
from tests.analysis.makers import model_with_network
from tests.analysis.test_runs_killed import wait_until_done, worker  # noqa: F401 (a fixture)
from tests.factories import SlideFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(3000), pytest.mark.nightly]

SWAPS, EACH = 50, 7  # of so many swaps an analysis begins after each seventh: now of one version, now of the other


def found(analysis: Analysis) -> list[tuple]:
    return list(analysis.detections.order_by("number").values_list("x_l0", "y_l0", "probability"))


def test_fifty_activations_while_analyses_run_mix_no_two_versions(nine_tiles, worker):  # noqa: F811
    slide, admins = SlideFactory(file=nine_tiles), [UserFactory(is_superuser=True) for _ in range(2)]
    versions = [model_with_network(seed) for seed in (1, 2)]
    alone = [runs.start_analysis(slide, admins[0], model=version) for version in versions]
    wait_until_done(*alone)
    begun = []
    for swap in range(SWAPS):
        version = versions[swap % 2]
        asked = model_versions.activate_model(version, None, f"swap {swap}", admins[0])
        model_versions.approve_activation(asked, admins[1])
        if swap % EACH == 0:
            begun.append((version, runs.start_analysis(slide, admins[0])))
        time.sleep(0.2)
    wait_until_done(*(analysis for _, analysis in begun))
    expected = {version.sha256: found(analysis) for version, analysis in zip(versions, alone, strict=True)}
    for version, analysis in begun:
        analysis.refresh_from_db()
        assert analysis.model_sha256 == version.sha256, (
            "a new analysis did not take the version that was just activated"
        )
        assert found(analysis) == expected[version.sha256], "an analysis has detections of another version than its own"
    assert len({version.pk for version, _ in begun}) == 2
