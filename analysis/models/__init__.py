"""Rows of the way from candidates to a count: model versions, analyses and what they found, verdicts."""

from analysis.models.analysis import Analysis, Detection, Explanation, NucleiSample, TileDone
from analysis.models.model_version import Activation, ModelVersion
from analysis.models.review import Figure, Verdict

__all__ = [
    "Activation", "Analysis", "Detection", "Explanation", "Figure", "ModelVersion", "NucleiSample", "TileDone",
    "Verdict",
]  # fmt: skip
