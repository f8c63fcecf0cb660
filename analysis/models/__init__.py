"""Rows of the way from candidates to a count: model versions, protocols, analyses and what they found, verdicts."""

from analysis.models.analysis import Analysis, Detection, Explanation, NucleiSample, TileDone
from analysis.models.model_version import Activation, ModelVersion
from analysis.models.protocol_versions import CaseProtocol, ProtocolSwitch, ProtocolVersion, TeamProtocol
from analysis.models.review import Figure, Verdict

__all__ = [
    "Activation", "Analysis", "CaseProtocol", "Detection", "Explanation", "Figure", "ModelVersion", "NucleiSample",
    "ProtocolSwitch", "ProtocolVersion", "TeamProtocol", "TileDone", "Verdict",
]  # fmt: skip
