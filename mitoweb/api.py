"""The map of the REST API: every route in one place."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from analysis import api as analysis
from mitoweb.people import api as people
from mitoweb.site.jobs.api import JobViewSet
from slides import api as slides

router = SimpleRouter()
router.register("teams", people.TeamViewSet, basename="team")
router.register("jobs", JobViewSet, basename="job")
router.register("cases", slides.CaseViewSet, basename="case")
router.register("slides", slides.SlideViewSet, basename="slide")
router.register("regions", slides.RegionViewSet, basename="region")
router.register("analyses", analysis.AnalysisViewSet, basename="analysis")
router.register("detections", analysis.DetectionViewSet, basename="detection")
router.register("models", analysis.ModelViewSet, basename="model")
router.register("activations", analysis.ActivationViewSet, basename="activation")
router.register("data_sets", analysis.DataSetViewSet, basename="data_set")
router.register("training_runs", analysis.TrainingRunViewSet, basename="training_run")
router.register("gates", analysis.GateReportViewSet, basename="gate_report")

urlpatterns = [
    path("whoami/", people.WhoAmI.as_view(), name="whoami"),
    path("model-uploads/", analysis.ModelUploadsView.as_view(), name="model-upload-list"),
    path("model-uploads/<uuid:pk>/", analysis.ModelUploadView.as_view(), name="model-upload-detail"),
    path("uploads/", slides.UploadsView.as_view(), name="upload-list"),
    path("uploads/known/", slides.DuplicateView.as_view(), name="upload-known"),
    path("uploads/<uuid:pk>/", slides.UploadView.as_view(), name="upload-detail"),
    path("quarantine/", slides.QuarantineView.as_view(), name="quarantine-list"),
    path("slides/<uuid:pk>/release/", slides.ReleaseView.as_view(), name="slide-release-api"),
    path("protection/", slides.ProtectionView.as_view(), name="protection"),
    # Deep Zoom's own addresses, which end without a slash
    path("slides/<uuid:pk>/image.dzi", slides.DziView.as_view(), name="slide-dzi"),
    path(
        "slides/<uuid:pk>/image_files/<int:level>/<int:column>_<int:row>.jpeg",
        slides.TileView.as_view(),
        name="slide-tile",
    ),
    path("slides/<uuid:pk>/thumbnail.jpeg", slides.ThumbnailView.as_view(), name="slide-thumbnail"),
    path("slides/<uuid:pk>/crop.jpeg", slides.CropView.as_view(), name="slide-crop"),
    # IIIF Image API 3
    path("iiif/<uuid:pk>", slides.IiifBaseView.as_view(), name="iiif-base"),
    path("iiif/<uuid:pk>/info.json", slides.IiifInfoView.as_view(), name="iiif-info"),
    path(
        "iiif/<uuid:pk>/<str:region>/<str:size>/<str:rotation>/<str:quality>.<str:format>",
        slides.IiifImageView.as_view(),
        name="iiif-image",
    ),
    path(
        "detections/<int:pk>/explanation/<str:which>.png",
        analysis.ExplanationPngView.as_view(),
        name="detection-explanation-png",
    ),
    path(
        "analyses/<uuid:pk>/export.csv",
        analysis.AnalysisViewSet.as_view({"get": "export_csv"}),
        name="analysis-export-csv",
    ),
    path(
        "analyses/<uuid:pk>/export.geojson",
        analysis.AnalysisViewSet.as_view({"get": "export_geojson"}),
        name="analysis-export-geojson",
    ),
    path("slides/<uuid:pk>/areas/import/", analysis.ImportAreasView.as_view(), name="slide-import-areas"),
    path("cases/<uuid:pk>/analyse/", analysis.CaseRunsView.as_view(), name="case-analyse"),
    path("cases/<uuid:pk>/protocol/", analysis.CaseProtocolView.as_view(), name="case-protocol-api"),
    path("protocols/", analysis.ProtocolsView.as_view(), name="protocol-list"),
    path("protocols/<str:name>/<int:version>/", analysis.ProtocolView.as_view(), name="protocol-detail"),
    path("protocols/<str:name>/<int:version>/on/", analysis.ProtocolOnView.as_view(), name="protocol-on"),
    path("protocols/<str:name>/<int:version>/off/", analysis.ProtocolOffView.as_view(), name="protocol-off"),
    path("data_sets/<uuid:pk>/export.zip", analysis.DataSetExportView.as_view(), name="data-set-export"),
    path("data_sets/<uuid:pk>/patches/<int:number>.png", analysis.PatchView.as_view(), name="data-set-patch"),
    path("locked_set/", analysis.LockedSetView.as_view(), name="locked-set-api"),
    path("locked_set/<uuid:pk>/withdraw/", analysis.LockWithdrawView.as_view(), name="locked-set-withdraw-api"),
    path("gate_overrides/<uuid:pk>/settle/", analysis.GateOverrideView.as_view(), name="gate-override-api"),
    path("cases/<uuid:pk>/learning/", analysis.CaseLearningView.as_view(), name="case-learning-api"),
    path("", include(router.urls)),
    path("", include("mitoweb.site.schema_urls")),  # /api/schema/, /api/docs/
]
