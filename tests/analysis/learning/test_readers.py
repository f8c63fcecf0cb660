"""Shares, agreement and the cap on one reader."""

import re
import uuid
from collections import Counter
from types import SimpleNamespace

import pytest

from analysis.services.learning.places import CAPPED, LabelledPlace, Vote
from analysis.services.learning.readers import cap_readers, describe_readers, measure_kappa


def place(number: int, **said) -> LabelledPlace:
    """said: r1=True for what reader 1 says."""
    votes = tuple(
        Vote(uuid.UUID(int=1000 * number + int(name[1:])), int(name[1:]), "mitosis" if yes else "not_mitosis", "", None)
        for name, yes in said.items()
    )
    return LabelledPlace(SimpleNamespace(), number, 0, False, "validate", votes, 1, True)


def test_kappa_is_that_of_the_textbook():
    table = Counter({(True, True): 20, (True, False): 5, (False, True): 10, (False, False): 15})
    assert measure_kappa(table) == pytest.approx(0.4)
    assert measure_kappa(Counter({(True, True): 9})) is None, "chance explains all of one answer"


def test_a_reader_who_turns_labels_round_is_outlying_and_the_others_are_not():
    truth = [number % 3 == 0 for number in range(60)]
    places = [place(i, r1=yes, r2=yes, r3=yes, r4=not yes) for i, yes in enumerate(truth, 1)]
    told = {reader.reader: reader for reader in describe_readers(places)}
    assert [reader for reader, row in told.items() if row.outlying] == [4]
    assert told[4].kappa < 0
    assert told[1].agreement == pytest.approx(2 / 3)
    assert {row.share for row in told.values()} == {0.25}


def test_of_who_judged_alone_nothing_is_said():
    (row,) = describe_readers([place(1, r1=True), place(2, r1=False)])
    assert (row.shared, row.agreement, row.kappa, row.outlying) == (0, None, None, False)


def test_a_cap_takes_places_of_who_judged_most_until_it_holds():
    places = [place(i, r1=True) for i in range(1, 101)]
    places += [place(1000 * r + i, **{f"r{r}": True}) for r in range(2, 7) for i in range(20)]
    left_out = Counter()
    kept, sentence = cap_readers(places, 0.2, left_out)
    given = Counter(vote.reader for row in kept for vote in row.votes)
    assert sentence == ""
    assert max(given.values()) <= 0.2 * given.total() + 1e-9
    assert (given[1], given[2]) == (25, 20), "more was taken than the cap asks for"
    assert left_out == {CAPPED: 75}
    assert cap_readers(places[::-1], 0.2, Counter())[0][::-1] == kept, "the same verdicts were capped otherwise"


@pytest.mark.parametrize(
    ("readers", "says"), [(1, "cannot hold with 1 reader: .* 100 %"), (4, "cannot hold with 4 readers"), (6, "")]
)
def test_a_cap_that_cannot_hold_is_told(readers, says):
    places = [place(100 * r + i, **{f"r{r}": True}) for r in range(1, readers + 1) for i in range(5)]
    kept, sentence = cap_readers(places, 0.2, Counter())
    assert len(kept) == len(places)
    assert re.search(says, sentence)
    assert bool(sentence) == bool(says)


def test_who_judged_every_place_cannot_be_capped():
    places = [place(10 * r + i, r1=True, **{f"r{r}": True}) for r in range(2, 8) for i in range(5)]
    kept, sentence = cap_readers(places, 0.2, Counter())
    assert kept == places
    assert "judged too many of the places, 50 %" in sentence


def test_no_places_need_no_cap():
    assert cap_readers([], 0.2, Counter()) == ([], "")
    assert describe_readers([]) == []
