"""Pages: cases and uploads. The REST routes are in mitoweb/api.py, the viewer is in analysis."""

from django.urls import path

from slides.views import cases, erase, quarantine, uploads

urlpatterns = [
    path("cases/", cases.list_cases, name="cases"),
    path("cases/new/", cases.new_case, name="case-new"),
    path("cases/<uuid:pk>/", cases.show_case, name="case"),
    path("cases/<uuid:pk>/slides/", cases.case_slides, name="case-slides"),
    path("cases/<uuid:pk>/count/", cases.case_count, name="case-count"),
    path("cases/<uuid:pk>/edit/", cases.edit_case, name="case-edit"),
    path("cases/<uuid:pk>/erase/", erase.erase_case, name="case-erase"),
    path("slides/<uuid:pk>/erase/", erase.erase_slide, name="slide-erase"),
    path("uploads/", uploads.list_uploads, name="uploads"),
    path("quarantine/", quarantine.show_quarantine, name="quarantine"),
    path("quarantine/<uuid:pk>/release/", quarantine.release_from_quarantine, name="slide-release"),
]
