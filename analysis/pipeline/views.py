"""Margins near a call as the mean over a patch's symmetric views.

A mitosis is one from every side, but a network's margin moves with a quarter turn. Where that could turn a call the
patch is scored in further views, and the mean counts; elsewhere, which is most places, one view is enough. Quarter
turns and mirror images move pixels without mixing them, so a view is as sharp as the patch itself.
"""

import numpy as np

from analysis.pipeline.cards.card import ViewsUse
from analysis.pipeline.score_queue import Asked, ScoreQueue

NO_PLACES = np.zeros(0, int)


def further_views(patches: np.ndarray, count: int) -> np.ndarray:
    """The other views of patches uint8 (n, px, px, 3): (count - 1, n, px, px, 3). Of two views the other one is the
    half turn, of four they are the quarter turns, of eight those and the mirror images of all four.
    """
    turns = (2,) if count == 2 else (1, 2, 3)
    views = [np.rot90(patches, turn, axes=(1, 2)) for turn in turns]
    if count == 8:
        views += [np.rot90(patches[:, :, ::-1], turn, axes=(1, 2)) for turn in range(4)]
    return np.stack(views)


class Look:
    """What a network makes of patches uint8 (n, px, px, 3), in one round or, where the card has a use for views, two.

    evidence (n,): what is added to the network's margins, in logits.
    """

    def __init__(self, queue: ScoreQueue, patches: np.ndarray, evidence: np.ndarray, use: ViewsUse | None) -> None:
        self._queue, self._use, self._evidence = queue, use, evidence
        self._asked = queue.ask(patches)
        self._patches = patches if use else patches[:0]
        self._near, self._further = NO_PLACES, None if use else Asked([])

    def is_over(self) -> bool:
        """Whether the margins are known. Asks for further views as soon as it is known of which patches."""
        if not self._asked.is_answered:
            return False
        if self._further is None:
            self._further = self._ask_further()
        return self._further.is_answered

    def _ask_further(self) -> Asked:
        assert self._use
        margins = self._plain_margins()
        self._near = np.flatnonzero((margins >= self._use.low) & (margins <= self._use.high))
        patches, self._patches = self._patches[self._near], self._patches[:0]
        views = further_views(patches, self._use.count)
        return self._queue.ask(views.reshape(len(views) * len(patches), *patches.shape[1:]))

    @property
    def margins(self) -> np.ndarray:
        """Float32 (n,) in logits, once it is over."""
        margins = self._plain_margins()
        if len(self._near) and self._further and self._use:
            further = self._further.margins.reshape(self._use.count - 1, -1).sum(axis=0)
            own = self._asked.margins[self._near]
            margins[self._near] += (further + own) / np.float32(self._use.count) - own
        return margins

    def _plain_margins(self) -> np.ndarray:
        return self._asked.margins + self._evidence
