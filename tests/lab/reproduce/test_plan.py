"""A plan whose figures would not be of unseen slides is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.lab.errors import ConfigRefused
from analysis.lab.reproduce.measure import measured_tumours, trained_scanners
from analysis.lab.reproduce.plan import Fold, Plan, fault_of_plan, read_plan
from analysis.lab.reproduce.quick import quick_plan

CONFIG = Path(__file__).resolve().parents[3] / "analysis" / "lab" / "configs" / "reproduce.toml"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(CONFIG)


def with_fold(plan: Plan, number: int, **changes) -> Plan:
    folds = list(plan.folds)
    folds[number] = replace(folds[number], **changes)
    return replace(plan, folds=tuple(folds))


def test_the_shipped_plan_leaves_every_training_slide_out_once(plan):
    assert sorted(slide for fold in plan.folds for slide in fold.slides) == sorted(plan.final.slides)
    assert plan.hybrids[0] is plan.base
    assert len({config.name for config in plan.finders}) == len(plan.finders)


def test_a_fold_that_was_trained_on_its_own_slide_is_refused(plan):
    fold: Fold = plan.folds[0]
    seen = replace(fold.finder, slides=(*fold.finder.slides, *fold.slides))
    assert "is trained on A00, A01, H03, which the fold" in fault_of_plan(with_fold(plan, 0, finder=seen))
    assert "is trained on H03" in fault_of_plan(replace(plan, base=replace(plan.base, slides=("H03",))))


def test_a_fold_that_saw_another_scan_of_its_glass_is_refused(plan):
    at = next(n for n, fold in enumerate(plan.folds) if "H04" in fold.slides)
    fold = plan.folds[at]
    seen = replace(fold.hybrid, slides=(*fold.hybrid.slides, "A04"))
    alone = with_fold(plan, at, hybrid=seen, slides=("H04",))
    assert "is trained on A04, which the fold" in fault_of_plan(alone)


def test_the_left_out_scanner_is_one_that_its_networks_saw_nothing_of(plan):
    scanner = plan.scanner
    assert not any(slide.startswith("A") for slide in (*scanner.hybrid.slides, *scanner.finder.slides))
    assert scanner.slides == ("A00", "A01", "A02")
    seen = replace(scanner, finder=replace(scanner.finder, slides=("A01",)))
    assert "is trained on A01" in fault_of_plan(replace(plan, scanner=seen))


def test_a_slide_left_out_twice_or_never_is_refused(plan):
    first = plan.folds[0]
    twice = with_fold(plan, 1, hybrid=first.hybrid, finder=first.finder, slides=first.slides)
    assert "by two folds" in fault_of_plan(twice)
    assert "trains on others too" in fault_of_plan(replace(plan, folds=plan.folds[1:]))


def test_hard_negatives_from_another_first_stage_are_refused(plan):
    other = replace(plan.folds[0].hybrid, finder=plan.finder.name)
    assert "but its first stage is" in fault_of_plan(with_fold(plan, 0, hybrid=other))


def test_a_wrong_key_is_named_with_the_one_that_was_meant(tmp_path):
    path = tmp_path / "reproduce.toml"
    path.write_text(CONFIG.read_text() + "minute = 3\n")
    with pytest.raises(ConfigRefused, match="minute"):
        read_plan(path)


def test_the_quick_plan_is_a_plan_too_and_trains_for_a_few_steps(plan):
    small = quick_plan(plan)
    assert fault_of_plan(small) == ""
    assert max(config.steps for config in (*small.hybrids, *small.finders)) < 10
    assert [type(config) for config in small.hybrids][0] is type(plan.base)


def test_the_scanners_that_the_final_network_sees_are_known_by_name():
    plan = read_plan(CONFIG)
    known = ("Aperio CS2", "Aperio ScanScope XT", "Hamamatsu NanoZoomer 2.0-HT", "Hamamatsu S360", "Hamamatsu XR")
    assert trained_scanners(plan.final) == known
    assert trained_scanners(plan.base) == ("Aperio CS2", "Hamamatsu S360", "Hamamatsu XR")


def test_a_version_is_made_for_the_tumour_of_the_slides_that_measured_it():
    assert measured_tumours(read_plan(CONFIG).final) == ("breast",)
