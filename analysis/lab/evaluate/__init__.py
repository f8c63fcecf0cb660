"""How good a network is, on whole labelled frames it was not trained on.

Two metrics under two names. *Detection F1*: the detector on whole frames, 7.5 µm, one-to-one matching, pooled. *Patch
F1*: windows centred on labels, at a stated share of mitoses (29 %, the paper's mix of look-alikes and random nuclei).
They are far apart, and only the first says what a reader will see.

    frames      whole frames and their scores: scored, written, read
    detection   counts at a threshold, pooled and by group, with intervals
    thresholds  chosen by F1, or for high sensitivity
    froc, counts, patches, proposals    the other metrics; roc: ROC and precision-recall
    reports     all metrics of one set of frames
    left_out    the development metric: leave one slide out; and a scanner left out
    ordinary    false detections in tissue that holds hardly any mitosis
    points      labels and detections of other sources, from two files
    plots       pictures of the curves; the only module that needs matplotlib
"""

from analysis.lab.evaluate.detection import (
    EDGE_UM,
    f1_difference,
    f1_interval_by_frame,
    frame_score,
    kept_at,
    metrics_by_group,
    score_at_threshold,
)
from analysis.lab.evaluate.frames import (
    FrameScores,
    is_mitosis,
    load_left_out,
    load_scores,
    margins_and_truth,
    refuse_other_use,
    save_scores,
    score_frames,
    with_evidence,
)
from analysis.lab.evaluate.left_out import carried_metrics, development_curves, development_gain, development_metrics
from analysis.lab.evaluate.patches import LOOK_ALIKE_SHARE, PREVALENCE, patch_metrics
from analysis.lab.evaluate.proposals import candidate_recall
from analysis.lab.evaluate.reports import curve_points, report_frames
from analysis.lab.evaluate.thresholds import best_logit, best_threshold, high_sensitivity

__all__ = [
    "EDGE_UM",
    "LOOK_ALIKE_SHARE",
    "PREVALENCE",
    "FrameScores",
    "best_logit",
    "best_threshold",
    "f1_interval_by_frame",
    "metrics_by_group",
    "candidate_recall",
    "carried_metrics",
    "curve_points",
    "development_metrics",
    "development_curves",
    "f1_difference",
    "frame_score",
    "development_gain",
    "high_sensitivity",
    "is_mitosis",
    "kept_at",
    "load_left_out",
    "load_scores",
    "margins_and_truth",
    "patch_metrics",
    "refuse_other_use",
    "score_at_threshold",
    "report_frames",
    "save_scores",
    "score_frames",
    "with_evidence",
]
