"""How much each reader has said of a data set and how far they agree with the others, and the cap on one reader."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from analysis.services.learning.places import CAPPED, MITOSIS, LabelledPlace

# With fewer places judged by others too, nothing is said of a reader.
LEAST_SHARED = 10
# Two readers of one study agreed from kappa 0.31 on (Tabata et al. 2019): below, somebody is asked.
OUTLYING_KAPPA = 0.31


@dataclass(frozen=True)
class ReaderShare:
    """`share` of all verdicts used. Over the `shared` places that others judged too: `agreement` with each of them, and
    Cohen's `kappa` with what most of them say; None where nothing can be told. `outlying`: kappa is low."""

    reader: int
    verdicts: int
    share: float
    shared: int
    agreement: float | None
    kappa: float | None
    outlying: bool

    def as_json(self) -> dict:
        return asdict(self)


def describe_readers(places: Sequence[LabelledPlace]) -> list[ReaderShare]:
    """By falling number of verdicts."""
    given = Counter(vote.reader for place in places for vote in place.votes)
    total = given.total()
    return [_describe_reader(reader, count, total, places) for reader, count in sorted(given.items(), key=_most_first)]


def _most_first(row: tuple[int, int]) -> tuple[int, int]:
    return -row[1], row[0]


def _describe_reader(reader: int, count: int, total: int, places: Sequence[LabelledPlace]) -> ReaderShare:
    shared = same = pairs = 0
    table: Counter[tuple[bool, bool]] = Counter()  # own answer, what most of the others say
    for place in places:
        own = next((vote.label == MITOSIS for vote in place.votes if vote.reader == reader), None)
        others = [vote.label == MITOSIS for vote in place.votes if vote.reader != reader]
        if own is None or not others:
            continue
        shared += 1
        pairs += len(others)
        same += others.count(own)
        if 2 * sum(others) != len(others):
            table[own, 2 * sum(others) > len(others)] += 1
    kappa = measure_kappa(table) if table.total() >= LEAST_SHARED else None
    agreement = same / pairs if pairs else None
    outlying = kappa is not None and kappa < OUTLYING_KAPPA
    return ReaderShare(reader, count, count / total, shared, agreement, kappa, outlying)


def measure_kappa(table: Counter[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of two yes-no answers counted by (one, other); None where chance alone explains all."""
    total = table.total()
    observed = (table[True, True] + table[False, False]) / total
    one = (table[True, True] + table[True, False]) / total
    other = (table[True, True] + table[False, True]) / total
    chance = one * other + (1 - one) * (1 - other)
    return None if chance == 1 else (observed - chance) / (1 - chance)


def cap_readers(places: list[LabelledPlace], cap: float, left_out: Counter[str]) -> tuple[list[LabelledPlace], str]:
    """Places such that no reader gave a larger share of their verdicts than `cap`, and a sentence where that cannot be.

    Of the reader with the largest share one place is taken out at a time: those judged with the fewest others first,
    then by the verdicts' ids, so that the same verdicts are capped alike.
    """
    given = Counter(vote.reader for place in places for vote in place.votes)
    if cap >= 1 or not given:
        return places, ""
    reader, most = given.most_common(1)[0]
    if most <= cap * given.total():
        return places, ""
    if len(given) * cap < 1 - 1e-9:
        return places, _tell_uncapped(len(given), cap, most / given.total())
    kept = _drop_places(places, cap, given.copy())
    if not kept:
        why = f"one reader judged too many of the places, {_percent(most / given.total())} of all verdicts"
        return places, f"The cap of {_percent(cap)} for one reader was not applied: {why}."
    left_out[CAPPED] += len(places) - len(kept)
    return kept, ""


def _tell_uncapped(readers: int, cap: float, share: float) -> str:
    who = "1 reader" if readers == 1 else f"{readers} readers"
    return f"The cap of {_percent(cap)} for one reader cannot hold with {who}: the largest share is {_percent(share)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _drop_places(places: list[LabelledPlace], cap: float, given: Counter[int]) -> list[LabelledPlace]:
    by_use = sorted(range(len(places)), key=lambda at: (-len(places[at].votes), str(places[at].votes[0].verdict)))
    stacks: dict[int, list[int]] = {reader: [] for reader in given}
    for index in by_use:  # the last of a stack is dropped first
        for vote in places[index].votes:
            stacks[vote.reader].append(index)
    dropped: set[int] = set()
    total = given.total()
    while total:
        reader, most = max(given.items(), key=lambda row: (row[1], -row[0]))
        if most <= cap * total + 1e-9:
            break
        index = stacks[reader].pop()
        if index in dropped:
            continue
        dropped.add(index)
        for vote in places[index].votes:
            given[vote.reader] -= 1
        total -= len(places[index].votes)
    return [place for index, place in enumerate(places) if index not in dropped]
