"""What a network has seen, by the records of runs and cards."""

import json
from dataclasses import replace

import pytest

from analysis.lab import provenance
from analysis.lab.datasets.mitos14 import TRAINING_SLIDES, VALIDATION_SLIDE
from analysis.lab.provenance import Provenance
from analysis.pipeline.cards.store import list_models
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.errors import PipelineRefused

CONFIGS = {
    "fold": {"slides": ["H03"], "start": "base", "finder": "proposer"},
    "base": {"slides": ["H04"], "start": "lite0", "finder": ""},
    "proposer": {"slides": ["H07"], "start": "random"},
    "stage": {"slides": ["H14"]},
}


@pytest.fixture
def runs(tmp_path):
    for name, config in CONFIGS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"config": config}))
    return tmp_path


def card_of(**training):
    return replace(uncalibrated_card("hybrid", "relu6"), name="m", training=training)


def test_what_a_run_started_from_or_used_has_been_seen_as_well(runs):
    assert provenance.provenance_of_run(runs / "fold") == Provenance(("H03", "H04", "H07"))
    assert provenance.provenance_of_run(runs / "fold", runs / "stage") == Provenance(("H03", "H04", "H07", "H14"))
    assert provenance.provenance_of_config({"name": "new", "slides": ["H15"], "start": "base"}, runs) == Provenance(
        ("H04", "H15")
    )


def test_runs_that_name_each_other_are_read_once(runs):
    (runs / "base" / "run.json").write_text(json.dumps({"config": CONFIGS["base"] | {"start": "fold"}}))
    assert provenance.provenance_of_run(runs / "fold") == Provenance(("H03", "H04", "H07"))


def test_weights_from_a_file_are_no_run(runs):
    assert provenance.provenance_of_config(
        {"name": "new", "slides": ["H15"], "start": "b0:/w/b0.pth"}, runs
    ) == Provenance(("H15",))


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"config": {}}', '{"config": {"slides": "H04"}}'])
def test_a_run_before_without_a_record_is_named(runs, content):
    path = runs / "base" / "run.json"
    path.unlink() if content is None else path.write_text(content)
    assert provenance.provenance_of_run(runs / "fold") == Provenance(("H03", "H07"), ("base",))


def test_a_card_tells_of_both_stages(runs):
    config, finder = CONFIGS["fold"] | {"start": "random"}, {"config": {"name": "proposer"} | CONFIGS["proposer"]}
    assert provenance.provenance_of_card(card_of(config=config, finder=finder)) == Provenance(("H03", "H07"))
    assert provenance.provenance_of_card(card_of(config=CONFIGS["fold"], finder=finder)) == Provenance(
        ("H03", "H07"), ("base",)
    )
    assert provenance.provenance_of_card(card_of()) == Provenance((), ("m",))


def test_a_record_of_all_that_was_seen_needs_no_other(runs):
    record = provenance.provenance_record(provenance.provenance_of_run(runs / "fold"))
    assert record == {"trained_on": ["H03", "H04", "H07"]}
    assert provenance.provenance_of_card(card_of(config=CONFIGS["fold"], **record)) == Provenance(("H03", "H04", "H07"))
    assert provenance.provenance_record(Provenance(("H03",), ("base",))) == {}


def test_slides_that_were_seen_or_may_have_been_are_refused():
    with pytest.raises(PipelineRefused, match="fold was trained on H07; figures"):
        provenance.refuse_trained_on("fold", Provenance(("H03", "H07")), ["H07", "H15"])
    with pytest.raises(PipelineRefused, match="no record at hand of what base was .* whether fold has seen H04"):
        provenance.refuse_trained_on("fold", Provenance(("H03",), ("base",)), ["H04"])
    provenance.refuse_trained_on("fold", Provenance(("H03", "H07")), ["H14"])
    provenance.refuse_trained_on("fold", Provenance(("H03",), ("base",)), [VALIDATION_SLIDE])


# Versions from before there were frames of a second scanner, and those frames' slides.
ONE_SCANNER, OF_APERIO = {"hybrid-0.1", "hybrid-0.2", "hybrid-0.4"}, ("A00", "A01", "A02", "A04")


def test_the_shipped_cards_tell_that_all_training_slides_were_seen_and_the_validation_slide_was_not():
    for model in list_models():
        expected = TRAINING_SLIDES if model.name in ONE_SCANNER else tuple(sorted((*TRAINING_SLIDES, *OF_APERIO)))
        assert provenance.provenance_of_card(model.card).slides == expected, model.name
        provenance.refuse_trained_on(model.name, provenance.provenance_of_card(model.card), [VALIDATION_SLIDE])
