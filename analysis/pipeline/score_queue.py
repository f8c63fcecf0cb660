"""Patches that wait until a batch is full, and scores that were worked out before.

A network scores whole batches, since a patch then scores the same whatever else is in its batch. Filled up tile by tile
a third of what it is given is padding; so patches wait here for those of the next tile. A place beside a seam of tiles
is asked for by both of them, and the slide check asks for some of all candidates again: the very same pixels are scored
once.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# The last patches, with a kilobyte of features each: more than lie beside the seams of a row of tiles of a large slide,
# and all of some 40 mm².
REMEMBERED = 16_384

Scores = tuple[np.ndarray, np.ndarray]  # margins (n,), features (n, f), both float32


@dataclass
class _Slot:
    """One patch's scores, None until they are known."""

    scores: tuple[np.float32, np.ndarray] | None = None


@dataclass(frozen=True)
class Asked:
    """Scores of patches that were asked for."""

    slots: list[_Slot]

    @property
    def is_answered(self) -> bool:
        return all(slot.scores is not None for slot in self.slots)

    @property
    def margins(self) -> np.ndarray:
        """Float32 (n,)."""
        return np.array([slot.scores[0] for slot in self.slots if slot.scores is not None], np.float32)

    @property
    def features(self) -> np.ndarray:
        """Float32 (n, f)."""
        return np.array([slot.scores[1] for slot in self.slots if slot.scores is not None], np.float32)


class ScoreQueue:
    """score: margins and features of patches uint8 (n, px, px, 3), quickest for a multiple of `batch` of them."""

    def __init__(self, score: Callable[[np.ndarray], Scores], batch: int) -> None:
        self._score, self._batch = score, batch
        self._slots: OrderedDict[bytes, _Slot] = OrderedDict()
        self._waiting: list[tuple[np.ndarray, _Slot]] = []

    def ask(self, patches: np.ndarray) -> Asked:
        """For scores of patches uint8 (n, px, px, 3). Whole batches are scored at once, the rest waits."""
        slots = [self._slot_of(patch) for patch in patches]
        self._answer(len(self._waiting) // self._batch * self._batch)
        while len(self._slots) > REMEMBERED:
            self._slots.popitem(last=False)
        return Asked(slots)

    def finish(self) -> None:
        """Score what waits, though it fills no batch."""
        self._answer(len(self._waiting))

    def _slot_of(self, patch: np.ndarray) -> _Slot:
        key = hashlib.blake2b(patch.tobytes(), digest_size=16).digest()
        if key in self._slots:
            self._slots.move_to_end(key)
        else:
            self._slots[key] = _Slot()
            self._waiting.append((patch, self._slots[key]))
        return self._slots[key]

    def _answer(self, count: int) -> None:
        if not count:
            return
        margins, features = self._score(np.stack([patch for patch, _ in self._waiting[:count]]))
        for (_, slot), margin, seen in zip(self._waiting[:count], margins, features, strict=True):
            slot.scores = (margin, seen.copy())  # a view would keep the features of its whole batch
        del self._waiting[:count]
