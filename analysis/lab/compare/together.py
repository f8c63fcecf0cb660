"""Several networks as one, and what that gains over each of them alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.lab.compare.scores import average_precision, interval_by_frame
from analysis.lab.evaluate import FrameScores


def average_networks(alone: Sequence[Sequence[FrameScores]]) -> list[FrameScores]:
    """The frames as the mean of the networks' logits scores them: a margin is a difference of logits, so its mean is
    that of their mean, and no window is scored again.
    """
    names = ("on_mitoses", "on_look_alikes", "on_nuclei")
    return [
        replace(of_frame[0], **{name: np.mean([getattr(f, name) for f in of_frame], axis=0) for name in names})
        for of_frame in zip(*alone, strict=True)
    ]


def ensemble_gain(together: Sequence[FrameScores], alone: Sequence[Sequence[FrameScores]]) -> dict[str, object]:
    """By how much the average precision of all together exceeds the mean of each alone, on the same frames.

    The interval is of the difference, the same frames drawn for all of them.
    """

    def difference(drawn: Sequence[int]) -> float:
        each = [average_precision([frames[i] for i in drawn]) for frames in alone]
        return average_precision([together[i] for i in drawn]) - float(np.mean(each))

    return {
        "average_precision": round(difference(range(len(together))), 4),
        "average_precision_95_by_frame": interval_by_frame(together, difference),
    }
