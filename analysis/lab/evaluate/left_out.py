"""The development metric: leave one slide out.

Each slide's frames are scored by a network that has not seen the slide. Its threshold and its calibration come from the
other slides' left-out predictions, all of them, without nesting; counts are pooled over the slides. Beside it stands
what the same predictions give when the threshold is fitted on the frames themselves: the difference is what the spread
between slides costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.lab import calibrate
from analysis.lab.calibrate import Calibration
from analysis.lab.datasets.frames import glass_of
from analysis.lab.evaluate import detection, proposals, thresholds
from analysis.lab.evaluate.frames import FrameScores, by_slide, margins_and_truth, refuse_validation_slide
from analysis.lab.evaluate.patches import best_margin, has_patches, patch_metrics, pool_patches
from analysis.lab.evaluate.reports import curve_points, detection_metrics
from analysis.lab.matching import Score
from analysis.pipeline.errors import PipelineRefused

PROTOCOL = (
    "leave one slide out; threshold and calibration of each slide from the other slides' left-out predictions; "
    "whole frames, 7.5 um, greedy one-to-one matching, pooled"
)


CARRIED_PROTOCOL = (
    "a scanner that the networks had not seen; threshold and calibration from left-out slides of another; "
    "whole frames, 7.5 um, greedy one-to-one matching, pooled"
)


@dataclass(frozen=True)
class Setting:
    """Calibration, threshold and high-sensitivity threshold (both calibrated probabilities) and the patches' margin,
    None where no windows were scored.
    """

    calibration: Calibration
    threshold: float
    sensitive: float
    patch_margin: float | None

    def as_json(self) -> dict:
        return {
            "temperature": round(self.calibration.temperature, 4),
            "bias": round(self.calibration.bias, 4),
            "threshold": self.threshold,
            "threshold_logit": round(self.calibration.margin(self.threshold), 3),
            "high_sensitivity_threshold": self.sensitive,
        }


def fit_setting(frames: Sequence[FrameScores]) -> Setting:
    """What these frames would have a slide read with. Raises PipelineRefused where a class is missing."""
    thresholds.refuse_without_mitoses(frames)
    fitted = calibrate.fit_calibration(*margins_and_truth(frames))
    return Setting(
        fitted,
        thresholds.best_threshold(frames, fitted),
        thresholds.high_sensitivity(frames, fitted)["threshold"],
        best_margin(pool_patches(frames)) if has_patches(frames) else None,
    )


def carry_over_settings(frames: Sequence[FrameScores]) -> dict[str, Setting]:
    """Each slide's setting, from all the other slides' frames; another scan of its own glass is no other slide."""
    refuse_unfit(frames)
    slides = by_slide(frames)
    return {name: fit_setting([f for f in frames if glass_of(f.slide) != glass_of(name)]) for name in slides}


def refuse_unfit(frames: Sequence[FrameScores]) -> None:
    """Raises PipelineRefused for the validation slide, which decides nothing, and for fewer than two slides."""
    refuse_validation_slide(frames)
    slides = sorted({frame.slide for frame in frames})
    if len({glass_of(slide) for slide in slides}) < 2:
        raise PipelineRefused(
            f"Leaving one slide out needs at least two slides; there is only {', '.join(slides) or 'none'}."
        )


def development_metrics(frames: Sequence[FrameScores]) -> dict:
    """The development metric and all that stands beside it, JSON-able. Raises PipelineRefused as `refuse_unfit`."""
    frames = in_slide_order(frames)
    settings = carry_over_settings(frames)
    probabilities, kept = _read_with(frames, settings)
    everything = fit_setting(frames)
    slides = {name: _slide_metrics(own, settings[name]) for name, own in by_slide(frames).items()}
    spread = [found["best_logit_here"] for found in slides.values()]
    sensitive = [c >= settings[f.slide].sensitive for f, c in zip(frames, probabilities, strict=True)]
    found_sensitive = detection.metrics_with_interval(frames, sensitive)
    false_per_mm2 = round(found_sensitive["fp"] / sum(frame.area_mm2 for frame in frames), 2)
    return (
        {"protocol": PROTOCOL}
        | detection_metrics(frames, probabilities, kept)
        | {
            "patch": None if (margin := everything.patch_margin) is None else patch_metrics(frames, margin=margin),
            "patch_margin_carried_over": _patch_carried_over(frames, settings),
            # Errors of opposite sign cancel where slides are pooled, so the slides' own are what to judge by.
            "ece_mean_of_slides": round(float(np.mean([s["ece"] for s in slides.values()])), 4),
            "ece_from_0_05_mean_of_slides": round(float(np.mean([s["ece_from_0_05"] for s in slides.values()])), 4),
            **_worst_and_lost(slides),
            "by_slide": slides,
            "spread_of_best_logit": round(max(spread) - min(spread), 3),
            "sd_of_best_logit": round(float(np.std(spread, ddof=1)), 3),
            "spread_of_best_logit_by_temperature": round(
                (max(spread) - min(spread)) / everything.calibration.temperature, 3
            ),
            "high_sensitivity": found_sensitive | {"false_per_mm2": false_per_mm2},
            "fitted_on_the_same_frames": _same_frames(frames, everything),
            "in_plain_logits": _in_plain_logits(frames),
            "for_the_card": everything.as_json(),
        }
    )


def _worst_and_lost(slides: dict[str, dict]) -> dict:
    """The slides' own figures that hide in pooled ones: the worst recall of candidates, and what a threshold from
    elsewhere costs.
    """
    recalls = {name: found["candidate_recall_7_5_um"] for name, found in slides.items()}
    lost = [found["best_f1_here"] - found["f1"] for found in slides.values()]
    return {
        "worst_candidate_recall": min(recalls.values()),
        "worst_candidate_recall_on": min(recalls, key=lambda name: recalls[name]),
        "loss_of_carrying_over": round(float(np.mean(lost)), 4),
    }


def carried_metrics(frames: Sequence[FrameScores], others: Sequence[FrameScores]) -> dict:
    """Metrics of frames with threshold and calibration fitted on others, JSON-able: what a scanner that nobody has seen
    gets. Raises PipelineRefused where both hold a glass, for the validation slide, and where a class is missing.
    """
    refuse_validation_slide([*frames, *others])
    both = {glass_of(f.slide) for f in frames} & {glass_of(f.slide) for f in others}
    if both:
        raise PipelineRefused(f"{', '.join(sorted(both))} would be read with its own threshold; score other slides.")
    frames, setting = in_slide_order(frames), fit_setting(others)
    probabilities, kept = _read_with(frames, {frame.slide: setting for frame in frames})
    slides = {name: _slide_metrics(own, setting) for name, own in by_slide(frames).items()}
    return (
        {"protocol": CARRIED_PROTOCOL, "setting_from": sorted({frame.slide for frame in others})}
        | detection_metrics(frames, probabilities, kept)
        | _worst_and_lost(slides)
        | {"by_slide": slides, "setting": setting.as_json()}
    )


def development_gain(frames: Sequence[FrameScores], others: Sequence[FrameScores]) -> dict:
    """How much higher the development F1 of the second recipe is, each with its own thresholds carried over, with
    paired intervals. Raises PipelineRefused when the two are not of the same frames.
    """
    frames, others = in_slide_order(frames), in_slide_order(others)
    kept, other_kept = (_read_with(each, carry_over_settings(each))[1] for each in (frames, others))
    return detection.f1_difference(frames, kept, others, other_kept)


def in_slide_order(frames: Sequence[FrameScores]) -> list[FrameScores]:
    return sorted(frames, key=lambda frame: (frame.slide, frame.frame))


def development_curves(frames: Sequence[FrameScores]) -> dict:
    """The points of the plots under the same protocol, and each slide's F1 against the threshold in logits."""
    frames = in_slide_order(frames)
    probabilities, kept = _read_with(frames, carry_over_settings(frames))
    by_logit = {name: thresholds.f1_by_logit(own).round(4).tolist() for name, own in by_slide(frames).items()}
    return curve_points(frames, probabilities, kept) | {
        "f1_by_logit": {"logit": thresholds.LOGIT_STEPS.tolist(), "f1": by_logit},
    }


def _read_with(
    frames: Sequence[FrameScores], settings: dict[str, Setting]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Probabilities of each frame's detections, and which are called, by the settings of its slide."""
    probabilities = [settings[frame.slide].calibration(frame.margins) for frame in frames]
    return probabilities, [c >= settings[f.slide].threshold for f, c in zip(frames, probabilities, strict=True)]


def _in_plain_logits(frames: Sequence[FrameScores]) -> dict | None:
    """What telling margins from the slide's nuclei is worth: F1 and spread without it, None where it was not done."""
    if any(frame.level is None for frame in frames):
        return None
    plain = [replace(frame, margins=frame.margins + frame.level, level=None) for frame in frames]
    best = [thresholds.best_logit(own)[0] for own in by_slide(plain).values()]
    kept = _read_with(plain, carry_over_settings(plain))[1]
    return {
        "detection": detection.metrics_with_interval(plain, kept),
        "spread_of_best_logit": round(max(best) - min(best), 3),
    }


def _score_at_logit(own: Sequence[FrameScores], logit: float) -> Score:
    plain = calibrate.UNCALIBRATED
    return detection.score_at_threshold(own, plain, float(plain(np.array(logit))))


def _slide_metrics(own: list[FrameScores], carried: Setting) -> dict:
    """One slide: what was carried over to it, what that gave, and what would have been best for it."""
    best, interval = thresholds.best_logit(own)
    probabilities = carried.calibration(margins_and_truth(own)[0])
    best_f1 = _score_at_logit(own, best).f1
    found = calibrate.calibration_metrics(probabilities, margins_and_truth(own)[1])
    # The slide may lack a class that the pooled patch metrics still have.
    has_both = any(len(f.on_mitoses) for f in own) and any(len(f.on_look_alikes) + len(f.on_nuclei) for f in own)
    margin = carried.patch_margin
    return carried.as_json() | {
        "mitoses": sum(len(frame.mitoses) for frame in own),
        "f1": round(detection.score_at_threshold(own, carried.calibration, carried.threshold).f1, 4),
        "best_logit_here": best,
        "best_logit_95_bootstrap_by_frame": interval,
        "best_f1_here": round(best_f1, 4),
        "ece": found["ece"],
        "ece_from_0_05": found["ece_from_0_05"],
        "candidate_recall_7_5_um": round(proposals.candidate_recall(own), 4),
        "candidates_per_mm2": round(proposals.candidates_per_mm2(own)),
        "patch_f1": patch_metrics(own, margin=margin)["f1"] if has_both and margin is not None else None,
    }


def _patch_carried_over(frames: Sequence[FrameScores], settings: dict[str, Setting]) -> dict | None:
    """Patch metrics with each slide's margin from the other slides: windows are shifted by it and cut at 0."""
    margins = {name: found.patch_margin for name, found in settings.items() if found.patch_margin is not None}
    if len(margins) < len(settings):
        return None
    shifted = []
    for frame in frames:
        names = ("on_mitoses", "on_look_alikes", "on_nuclei")
        moved: dict[str, Any] = {name: getattr(frame, name) - margins[frame.slide] for name in names}
        shifted.append(replace(frame, **moved))
    return patch_metrics(shifted) | {"margins": {name: round(margin, 3) for name, margin in margins.items()}}


def _same_frames(frames: Sequence[FrameScores], everything: Setting) -> dict:
    """Too good by construction: one threshold fitted on all frames, and each slide's own best one."""
    one = detection.score_at_threshold(frames, everything.calibration, everything.threshold)
    own_best = [_score_at_logit(own, thresholds.best_logit(own)[0]) for own in by_slide(frames).values()]
    fitted = calibrate.calibration_metrics(
        everything.calibration(margins_and_truth(frames)[0]), margins_and_truth(frames)[1]
    )
    return {
        "one_threshold": detection.score_metrics(one),
        "each_slides_best": detection.score_metrics(sum(own_best, Score())),
        "ece": fitted["ece"],
        "ece_from_0_05": fitted["ece_from_0_05"],
    }
