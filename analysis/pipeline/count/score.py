"""What a whole count scores under a protocol's cut-offs, and how far it is from the next and the previous score."""

from collections.abc import Sequence

from analysis.pipeline.count.protocols.protocol import Cutoff


def score_of(count: float, cutoffs: Sequence[Cutoff]) -> str | None:
    """The score of a count, the mitotic part alone; None where a protocol has none. Raises ValueError below 0."""
    at = _place_of(count, cutoffs)
    return None if at is None else cutoffs[at].score


def distances(count: float, cutoffs: Sequence[Cutoff]) -> tuple[float | None, float | None]:
    """(how many figures more make the next score, how many fewer the previous one); None where there is none.

    8 where score 2 is 8 to 14: 7 more, 1 fewer. Raises ValueError for a count below 0.
    """
    at = _place_of(count, cutoffs)
    if at is None:
        return None, None
    to_next = cutoffs[at + 1].from_count - count if at + 1 < len(cutoffs) else None
    # One figure fewer than the first of this score is the last of the one before.
    to_previous = count - cutoffs[at].from_count + 1 if at > 0 else None
    return to_next, to_previous


def _place_of(count: float, cutoffs: Sequence[Cutoff]) -> int | None:
    if not count >= 0:
        raise ValueError("A count is at least 0.")
    reached = [index for index, cutoff in enumerate(cutoffs) if cutoff.from_count <= count]
    return reached[-1] if reached else None
