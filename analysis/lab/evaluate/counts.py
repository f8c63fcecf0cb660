"""How far counts are off: per frame and per slide, with Bland and Altman's limits of agreement (Lancet 1986).

The difference is always called less labelled, so above 0 means too many.
"""

from collections.abc import Sequence

import numpy as np

from analysis.lab.evaluate.frames import FrameScores


def count_mitoses(frames: Sequence[FrameScores], kept: Sequence[np.ndarray]) -> np.ndarray:
    """Labelled and called mitoses of each frame: int (n, 2)."""
    return np.array([(len(f.mitoses), int(k.sum())) for f, k in zip(frames, kept, strict=True)]).reshape(-1, 2)


def slide_counts(frames: Sequence[FrameScores], kept: Sequence[np.ndarray]) -> dict[str, dict]:
    """Labelled, called and area in mm² of each slide, slides in order of their names."""
    pairs = count_mitoses(frames, kept)
    found = {}
    for slide in sorted({frame.slide for frame in frames}):
        own = [frame.slide == slide for frame in frames]
        area_mm2 = sum(frame.area_mm2 for frame in frames if frame.slide == slide)
        labelled, called = (int(n) for n in pairs[own].sum(axis=0))
        found[slide] = {
            "labelled": labelled,
            "called": called,
            "error": called - labelled,
            "area_mm2": round(area_mm2, 3),
            "error_per_mm2": round((called - labelled) / area_mm2, 2),
        }
    return found


def limits_of_agreement(labelled: np.ndarray, called: np.ndarray) -> dict:
    """Mean error, mean absolute error and the limits of agreement (mean ± 1.96 standard deviations) of (n,) counts;
    for one count there are no limits.
    """
    error = np.asarray(called, float) - np.asarray(labelled, float)
    found: dict[str, float | list[float] | None] = {
        "counts": len(error),
        "mean_difference": round(float(error.mean()), 3),
        "mean_absolute_error": round(float(np.abs(error).mean()), 3),
        "limits_of_agreement_95": None,
    }
    if len(error) > 1:
        reach = 1.96 * error.std(ddof=1)
        found["limits_of_agreement_95"] = [round(float(error.mean() + side * reach), 3) for side in (-1, 1)]
    return found


def count_metrics(frames: Sequence[FrameScores], kept: Sequence[np.ndarray]) -> dict:
    """Errors per frame, and per slide as a density, since slides have different areas."""
    pairs = count_mitoses(frames, kept)
    slides = slide_counts(frames, kept)
    per_mm2 = np.array([(s["labelled"] / s["area_mm2"], s["called"] / s["area_mm2"]) for s in slides.values()])
    return {
        "per_frame": limits_of_agreement(*pairs.T),
        "per_slide_and_mm2": limits_of_agreement(*per_mm2.T),
        "by_slide": slides,
    }
