"""The learned first stage beside the ranking by darkness, whose place it took: recall at equal candidates per mm²."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from analysis.lab.datasets.frames import labelled_frames, read_at_model_mpp
from analysis.lab.evaluate import FrameScores, proposals
from analysis.lab.evaluate.frames import by_slide
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import HALF_MPP, half_scale

LEARNED, DARKNESS = "learned", "haematoxylin"


def first_stage_metrics(left_out: Sequence[FrameScores], data: Path) -> dict:
    """Both first stages on the same frames, pooled and by slide: JSON-able. `left_out`: scored by networks that had not
    seen the slide, with the first stage's logits.
    """
    stages = {LEARNED: list(left_out), DARKNESS: propose_by_darkness(left_out, data)}
    return {
        "protocol": "recall within 7.5 um of the mitoses of left-out slides, with the strongest candidates of a "
        "group until there are so many per mm2; darkness is that of blurred haematoxylin, without a cap",
        "pooled": {name: _at_densities(frames) for name, frames in stages.items()},
        "by_slide": {
            slide: {name: _at_densities(by_slide(frames)[slide]) for name, frames in stages.items()}
            for slide in by_slide(left_out)
        },
    }


def propose_by_darkness(frames: Sequence[FrameScores], data: Path) -> list[FrameScores]:
    """The same frames with every dark spot for a candidate, and its darkness for the first stage's logit."""
    files = {frame.path.name: frame for frame in labelled_frames(data, tuple(by_slide(frames)))}
    found = []
    for frame in frames:
        half = half_scale(read_at_model_mpp(files[frame.frame]))
        spots, darkness = darkest.dark_spots(half)
        found.append(replace(frame, candidates=spots.astype(float) * HALF_MPP, finder=darkness.astype(float)))
    return found


def _at_densities(frames: Sequence[FrameScores]) -> dict[str, float]:
    return proposals.proposal_metrics(frames)["recall_at_per_mm2"]
