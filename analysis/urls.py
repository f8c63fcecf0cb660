"""Pages: viewer, gallery, models, data sets and trainings, protocols. The REST routes are in mitoweb/api.py."""

from django.urls import include, path

from analysis.views import viewer

urlpatterns = [
    path("slides/<uuid:pk>/", viewer.viewer_page, name="viewer"),
    path("slides/<uuid:pk>/gallery/", viewer.gallery_page, name="gallery"),
    path("slides/<uuid:pk>/compare/<uuid:other>/", viewer.compare_page, name="compare"),
    path("models/", include("analysis.views.models")),
    path("models/", include("analysis.views.gates")),
    path("", include("analysis.views.data_sets")),  # data sets, the locked set, and the switch of a case
    path("", include("analysis.views.training")),
    path("", include("analysis.views.replays")),
    path("", include("analysis.views.protocols")),  # protocols, and their part in cases and teams
]
