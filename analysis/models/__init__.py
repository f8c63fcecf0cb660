"""Rows of the way from candidates to a count: models, protocols, analyses and what they found, what people said."""

from analysis.models.analysis import Analysis, Detection, Explanation, NucleiSample, TileDone
from analysis.models.gates import ClauseLook, GateOverride, GateReport
from analysis.models.learning_data import (
    DataSet,
    DataSetRow,
    LearningSwitch,
    LockedSetLook,
    LockedSlide,
    LockWithdrawal,
)
from analysis.models.model_upload import ModelUpload
from analysis.models.model_version import Activation, ModelStanding, ModelVersion
from analysis.models.protocol_versions import CaseProtocol, ProtocolSwitch, ProtocolVersion, TeamProtocol
from analysis.models.replays import Replay, ReplayedCase
from analysis.models.review import AuditSample, Comment, FieldLook, Figure, Verdict
from analysis.models.training_runs import TrainingRun

__all__ = [
    "Activation", "Analysis", "AuditSample", "CaseProtocol", "ClauseLook", "Comment", "DataSet", "DataSetRow",
    "Detection", "Explanation", "FieldLook", "Figure", "GateOverride", "GateReport", "LearningSwitch",
    "LockWithdrawal", "LockedSetLook", "LockedSlide", "ModelStanding", "ModelUpload", "ModelVersion",
    "NucleiSample", "ProtocolSwitch", "ProtocolVersion", "Replay", "ReplayedCase", "TeamProtocol", "TileDone",
    "TrainingRun", "Verdict",
]  # fmt: skip
