"""REST of this app; the routes are in mitoweb/api.py."""

from analysis.api.areas import ImportAreasView
from analysis.api.case_runs import CaseRunsView
from analysis.api.data_sets import DataSetExportView, DataSetViewSet, PatchView
from analysis.api.gates import GateOverrideView, GateReportViewSet
from analysis.api.locked_set import CaseLearningView, LockedSetView, LockWithdrawView
from analysis.api.model_uploads import ModelUploadsView, ModelUploadView
from analysis.api.models import ActivationViewSet, ModelViewSet
from analysis.api.protocols import (
    CaseProtocolView,
    ProtocolOffView,
    ProtocolOnView,
    ProtocolsView,
    ProtocolView,
)
from analysis.api.runs import AnalysisViewSet, DetectionViewSet, ExplanationPngView
from analysis.api.training import TrainingRunViewSet

__all__ = [
    "ActivationViewSet",
    "AnalysisViewSet",
    "CaseLearningView",
    "CaseProtocolView",
    "CaseRunsView",
    "DataSetExportView",
    "DataSetViewSet",
    "DetectionViewSet",
    "ExplanationPngView",
    "GateOverrideView",
    "GateReportViewSet",
    "ImportAreasView",
    "LockWithdrawView",
    "LockedSetView",
    "ModelUploadView",
    "ModelUploadsView",
    "ModelViewSet",
    "PatchView",
    "ProtocolOffView",
    "ProtocolOnView",
    "ProtocolView",
    "ProtocolsView",
    "TrainingRunViewSet",
]
