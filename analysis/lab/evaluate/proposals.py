"""What the first stage finds before anything is scored: recall within 7.5 µm against candidates per mm²."""

from collections.abc import Sequence

import numpy as np

from analysis.lab import matching
from analysis.lab.datasets import nearest_distance
from analysis.lab.evaluate.frames import FrameScores

DENSITIES = (150, 300, 500)
DENSEST_SHARE = 0.2


def candidate_recall(frames: Sequence[FrameScores]) -> float:
    """Share of labelled mitoses with a candidate within 7.5 µm, before scoring; 0 where there are no mitoses."""
    hits = [nearest_distance(f.mitoses, f.candidates) <= matching.RADIUS_UM for f in frames]
    return float(np.concatenate(hits).mean()) if sum(map(len, hits)) else 0.0


def candidates_per_mm2(frames: Sequence[FrameScores]) -> float:
    return sum(len(f.candidates) for f in frames) / sum(f.area_mm2 for f in frames)


def recall_curve(frames: Sequence[FrameScores]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Logits of the first stage, highest first, with candidates per mm² and recall when only those at or above count:
    three (n,) arrays. None where the first stage gave no logits.
    """
    if not frames or any(f.finder is None for f in frames):
        return None
    logits = np.unique(np.concatenate([f.finder for f in frames]))[::-1]
    best = np.concatenate([_best_logits(f) for f in frames])
    area_mm2 = sum(f.area_mm2 for f in frames)
    every = np.sort(np.concatenate([f.finder for f in frames]))
    kept = len(every) - np.searchsorted(every, logits)
    found = len(best) - np.searchsorted(np.sort(best), logits)
    return logits, kept / area_mm2, found / max(1, len(best))


def _best_logits(frame: FrameScores) -> np.ndarray:
    """For each mitosis the highest logit of a candidate within 7.5 µm; -inf where there is none: (m,)."""
    near = matching.within(frame.mitoses, frame.candidates)
    logits = np.zeros(0) if frame.finder is None else frame.finder
    return np.array([logits[found].max() if len(found) else -np.inf for found in near]).reshape(-1)


def densest_frames(frames: Sequence[FrameScores], share: float = DENSEST_SHARE) -> list[FrameScores]:
    """The fifth of the frames in which dark nuclei lie densest; empty where that was not measured."""
    if not frames or any(f.dark_per_mm2 is None for f in frames):
        return []
    return sorted(frames, key=lambda f: f.dark_per_mm2 or 0.0)[-max(1, round(share * len(frames))) :]


def proposal_metrics(frames: Sequence[FrameScores]) -> dict:
    """JSON-able: overall, by slide, in the densest fifth, and at fixed densities where the first stage gave logits."""
    slides = sorted({f.slide for f in frames})
    found = {
        "recall_7_5_um": round(candidate_recall(frames), 4),
        "per_mm2": round(candidates_per_mm2(frames), 1),
        "recall_by_slide": {s: round(candidate_recall([f for f in frames if f.slide == s]), 4) for s in slides},
    }
    if dense := densest_frames(frames):
        found["recall_in_densest_fifth"] = round(candidate_recall(dense), 4)
        found["per_mm2_in_densest_fifth"] = round(candidates_per_mm2(dense), 1)
        found["mitoses_in_densest_fifth"] = sum(len(f.mitoses) for f in dense)
    if (line := recall_curve(frames)) is not None:
        _, density, recall = line
        found["recall_at_per_mm2"] = {str(n): round(float(recall[density <= n].max(initial=0.0)), 4) for n in DENSITIES}
    return found
