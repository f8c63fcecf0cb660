"""REST of this app; the routes are in mitoweb/api.py."""

from analysis.api.areas import ImportAreasView
from analysis.api.case_runs import CaseRunsView
from analysis.api.models import ActivationViewSet, ModelViewSet
from analysis.api.protocols import (
    CaseProtocolView,
    ProtocolOffView,
    ProtocolOnView,
    ProtocolsView,
    ProtocolView,
)
from analysis.api.runs import AnalysisViewSet, DetectionViewSet, ExplanationPngView

__all__ = [
    "ActivationViewSet",
    "AnalysisViewSet",
    "CaseProtocolView",
    "CaseRunsView",
    "DetectionViewSet",
    "ExplanationPngView",
    "ImportAreasView",
    "ModelViewSet",
    "ProtocolOffView",
    "ProtocolOnView",
    "ProtocolView",
    "ProtocolsView",
]
