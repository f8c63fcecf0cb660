"""Rows of the way from candidates to a count: model versions, analyses and what they found, verdicts, comments."""

from analysis.models.analysis import Analysis, Detection, Explanation, NucleiSample, TileDone
from analysis.models.model_version import Activation, ModelVersion
from analysis.models.review import Comment, Figure, Verdict

__all__ = [
    "Activation", "Analysis", "Comment", "Detection", "Explanation", "Figure", "ModelVersion", "NucleiSample",
    "TileDone", "Verdict",
]  # fmt: skip
