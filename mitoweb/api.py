"""The map of the REST API: every route in one place."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from analysis import api as analysis
from mitoweb.people import api as people
from slides import api as slides

router = DefaultRouter()
router.include_root_view = False
router.register("teams", people.TeamViewSet, basename="team")
router.register("jobs", analysis.JobViewSet, basename="job")
router.register("cases", slides.CaseViewSet, basename="case")
router.register("slides", slides.SlideViewSet, basename="slide")
router.register("regions", slides.RegionViewSet, basename="region")
router.register("analyses", analysis.AnalysisViewSet, basename="analysis")
router.register("detections", analysis.DetectionViewSet, basename="detection")
router.register("models", analysis.ModelViewSet, basename="model")
router.register("activations", analysis.ActivationViewSet, basename="activation")

urlpatterns = [
    path("whoami/", people.WhoAmI.as_view(), name="whoami"),
    path("uploads/", slides.UploadsView.as_view(), name="upload-list"),
    path("uploads/<uuid:pk>/", slides.UploadView.as_view(), name="upload-detail"),
    path("", include(router.urls)),
    path("", include("mitoweb.people.schema_urls")),  # /api/schema/, /api/docs/
]
