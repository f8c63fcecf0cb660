"""REST of this app; the routes are in mitoweb/api.py."""

from analysis.api.models import ActivationViewSet, ModelViewSet
from analysis.api.runs import AnalysisViewSet, DetectionViewSet, ExplanationPngView

__all__ = [
    "ActivationViewSet",
    "AnalysisViewSet",
    "DetectionViewSet",
    "ExplanationPngView",
    "ModelViewSet",
]
