"""Which places of a data set are held out: whole cases, so that no patient is on both sides; whole slides where there
is one case, and then it is said so.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.lab.errors import DatasetRefused
from analysis.lab.learning.data_set_folder import PatchRow

# A soft label nearer to the middle says of neither class that it is one: it is trained on, and measures nothing.
SURE_FROM = 0.6
By = Literal["case", "slide"]


@dataclass(frozen=True)
class Split:
    """What is trained on and what is held out; `by` case or slide, `held` the hashes of those held out, in order."""

    trained: tuple[PatchRow, ...]
    held_out: tuple[PatchRow, ...]
    by: By
    held: tuple[str, ...]


def is_mitosis(row: PatchRow) -> bool:
    """Which class a place counts to."""
    return row.label >= 0.5


def is_sure(row: PatchRow) -> bool:
    """Whether a place may measure: settled, or most readers of one mind."""
    return max(row.label, 1 - row.label) >= SURE_FROM


def refuse_untrainable(rows: Sequence[PatchRow], least_places: int) -> None:
    """Raises DatasetRefused for places of one class, of one slide, or too few of either class."""
    mitoses = sum(map(is_mitosis, rows))
    others = len(rows) - mitoses
    if not rows:
        raise DatasetRefused("The data set holds no place, so there is nothing to learn from.")
    if not mitoses or not others:
        only = "mitoses" if mitoses else "places that are no mitosis"
        raise DatasetRefused(f"The data set holds {only} alone; a network learns from both classes.")
    if len({row.slide for row in rows}) == 1:
        raise DatasetRefused("All places are of one slide; without a second one nothing could be held out.")
    if min(mitoses, others) < least_places:
        raise DatasetRefused(
            f"The data set holds {mitoses} mitoses and {others} other places; this recipe needs {least_places} of each."
        )


def hold_out(rows: Sequence[PatchRow], share: float) -> Split:
    """Holds out whole cases, else whole slides, with about `share` of the mitoses and of the others. The same rows
    give the same split, in whatever order they come.

    Raises DatasetRefused where no split leaves both classes on both sides.
    """
    ways: tuple[By, ...] = ("case", "slide")
    for by in ways:
        held = _choose_units(rows, by, share)
        if held:
            parts = [tuple(row for row in rows if (getattr(row, by) in held) == wanted) for wanted in (False, True)]
            return Split(parts[0], parts[1], by, tuple(sorted(held)))
    raise DatasetRefused(
        "No case and no slide can be held out so that mitoses and others stay on both sides; add slides with both."
    )


def _choose_units(rows: Sequence[PatchRow], by: By, share: float) -> set[str]:
    """The units to hold out; none where one class would be missing on a side."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    totals = [0, 0]
    for row in filter(is_sure, rows):
        counts[getattr(row, by)][is_mitosis(row)] += 1
        totals[is_mitosis(row)] += 1
    # Which of equals comes first must not hang on how rows are ordered, nor on a name's beginning.
    units = sorted(counts, key=lambda unit: hashlib.sha256(unit.encode()).digest())

    def held_of(chosen: set[str]) -> list[int]:
        return [sum(counts[unit][label] for unit in chosen) for label in (0, 1)]

    def distance(chosen: set[str]) -> float:
        return sum(abs(held / max(1, total) - share) for held, total in zip(held_of(chosen), totals, strict=True))

    chosen: set[str] = set()
    while len(chosen) + 1 < len(units):
        best = min((unit for unit in units if unit not in chosen), key=lambda unit: distance({*chosen, unit}))
        if all(held_of(chosen)) and distance({*chosen, best}) >= distance(chosen):
            break
        chosen.add(best)
    held = held_of(chosen)
    return chosen if all(0 < part < total for part, total in zip(held, totals, strict=True)) else set()
