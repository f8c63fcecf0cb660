"""Statistics of agreement, equal to examples published with them, to scikit-learn, and to FDA's tables of readers."""

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from analysis.pipeline.agreement import (
    AgreementRefused,
    Answers,
    bland_altman,
    cohen_kappa,
    draw_cases,
    f1_between,
    fleiss_kappa,
    icc_a1,
)

# Fourteen raters put ten subjects into five classes: kappa .210.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
# Shrout & Fleiss 1979, table 2: six targets, four judges; ICC(2,1) .29.
SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Bland & Altman 1986, table 1: peak flow by a large and a mini meter, first readings.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
FDA = Path(settings.DATA_DIR) / "counting"
OBSERVERS = [f"observer.{number}" for number in range(1, 6)]


def some_answers(readers: int = 3, places: int = 400, seed: int = 3) -> np.ndarray:
    chance = np.random.default_rng(seed)
    truth = chance.random(places) < 0.4
    return np.stack([np.where(chance.random(places) < 0.15, ~truth, truth) for _ in range(readers)], 1).astype(np.int8)


def test_fleiss_kappa_is_that_of_the_worked_example():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_icc_and_its_interval_are_shrouts_and_fleiss():
    found = icc_a1(SHROUT)
    assert (found.value, found.low, found.high) == pytest.approx((0.290, 0.019, 0.761), abs=1e-3)


def test_limits_of_agreement_are_blands_and_altmans():
    found = bland_altman(LARGE, MINI)
    assert (found.n, found.mean, found.low, found.high) == pytest.approx((17, -2.1, -78.1, 73.9), abs=0.1)
    assert found.mean_95 == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.low_95 == pytest.approx((-112.7, -43.6), abs=0.3)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohens_kappa_is_scikit_learns_for_many_tables_at_once(weights):
    chance = np.random.default_rng(5)
    first = chance.integers(0, 4, (20, 90))
    second = np.where(chance.random(first.shape) < 0.6, first, chance.integers(0, 4, first.shape))
    tables = np.stack([confusion_matrix(a, b, labels=range(4)) for a, b in zip(first, second, strict=True)])
    theirs = [
        cohen_kappa_score(a, b, labels=range(4), weights=None if weights == "none" else weights)
        for a, b in zip(first, second, strict=True)
    ]
    assert cohen_kappa(tables, weights) == pytest.approx(theirs)


def test_f1_between_readers_is_the_same_whoever_is_taken_for_the_truth():
    a, b = some_answers(2).T
    ours = f1_between((a & b).sum(), (a > b).sum(), (b > a).sum())
    assert ours == pytest.approx(f1_score(a, b)) == pytest.approx(f1_score(b, a))


def test_where_nothing_can_be_told_nothing_is():
    assert np.isnan(cohen_kappa([[5, 0], [0, 0]])), "one answer throughout is no agreement beyond chance"
    assert np.isnan(fleiss_kappa([[3, 0], [3, 0]])) and np.isnan(f1_between(0, 0, 0))
    assert np.isnan(icc_a1([[2, 2], [2, 2]]).value)
    alone = Answers(np.ones((4, 2)), ["a", "b"], [1, 1, 2, 2]).kappa_of(0, 1)
    assert (alone.value, alone.low, alone.n) == (None, None, 4)
    nobody = Answers(np.full((3, 2), -1), ["a", "b"], [1, 2, 3])
    assert nobody.kappa_of(0, 1).value is nobody.fleiss().value is nobody.share_of(0, 1).value is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen_kappa([[1, 2, 3], [1, 2, 3]]),
        lambda: cohen_kappa([[1, -2], [1, 2]]),
        lambda: cohen_kappa([[1, 2], [1, 2]], "cubic"),
        lambda: fleiss_kappa([[1, -1]]),
        lambda: icc_a1([[1], [2]]),
        lambda: icc_a1([[1, np.nan], [2, 3]]),
        lambda: bland_altman([1], [2]),
        lambda: Answers([[1, 0]], ["a"], [1]),
        lambda: Answers([[1, 2]], ["a", "b"], [1]),
    ],
)
def test_what_means_nothing_is_refused(call):
    with pytest.raises(AgreementRefused):
        call()


def test_answers_that_lack_are_left_out_of_a_pair_and_counted_with_those_that_are_there():
    given = some_answers(3)
    given[::3, 0] = -1
    answers = Answers(given, ["a", "b", "c"], np.arange(len(given)) // 10)
    both = given[given[:, 0] >= 0]
    told = answers.kappa_of(0, 1)
    assert told.n == len(both) and told.value == pytest.approx(cohen_kappa_score(both[:, 0], both[:, 1]))
    assert answers.fleiss().n == len(given)


def test_intervals_are_wider_where_places_of_a_case_resemble_each_other():
    chance = np.random.default_rng(2)
    hard = np.repeat(chance.random(20) < 0.5, 20)
    truth = chance.random(400) < 0.5
    given = np.stack([np.where(chance.random(400) < np.where(hard, 0.45, 0.02), ~truth, truth) for _ in "ab"], 1)
    by_case = Answers(given.astype(np.int8), ["a", "b"], np.repeat(np.arange(20), 20)).kappa_of(0, 1)
    by_place = Answers(given.astype(np.int8), ["a", "b"], np.arange(400)).kappa_of(0, 1)
    assert by_case.high - by_case.low > 1.3 * (by_place.high - by_place.low)
    assert by_case.low < by_case.value < by_case.high
    assert draw_cases(["one"] * 9) is None


def _read(name: str) -> list[dict]:
    with (FDA / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.needs_data
def test_on_fdas_tables_readers_agree_as_published_and_worked_out():
    rows = _read("dfClassify20180627.csv")
    by_modality: dict[str, list[dict]] = {}
    for row in rows:
        by_modality.setdefault(row["modalityID"], []).append(row)
    assert {len(of) for of in by_modality.values()} == {155} and len(by_modality) == 5
    accuracies, pairs, fleiss = [], [], []
    for of in by_modality.values():
        given = np.array([[int(row[name]) for name in OBSERVERS] for row in of], np.int8)
        truth = np.array([int(row["truth"]) for row in of])
        # As published: the mean of sensitivity and specificity.
        accuracies += [np.mean([(given[truth == kind] == kind).mean(0) for kind in (0, 1)], axis=0)]
        answers = Answers(given, OBSERVERS, [row["wsiName"] for row in of])
        pairs += [answers.kappa_of(*pair).value for pair in combinations(range(5), 2)]
        fleiss.append(answers.fleiss().value)
    assert (np.min(accuracies), np.max(accuracies)) == pytest.approx((0.632, 0.843), abs=1.5e-3)
    assert (min(pairs), max(pairs)) == pytest.approx((0.31, 0.77), abs=5e-3)
    assert (min(fleiss), max(fleiss)) == pytest.approx((0.48, 0.58), abs=5e-3)
    counted = [row for row in _read("dfCountROI20180627.csv") if row["modalityID"] == "microscope"]
    counts = np.array([[float(row[name]) for name in OBSERVERS] for row in counted])
    assert icc_a1(counts).value == pytest.approx(0.73, abs=5e-3)
