"""Pages: cases and uploads. The REST routes are in mitoweb/api.py, the viewer is in analysis."""

from django.urls import path

from slides import quarantine, views

urlpatterns = [
    path("cases/", views.cases, name="cases"),
    path("cases/new/", views.new_case, name="case-new"),
    path("cases/<uuid:pk>/", views.case, name="case"),
    path("cases/<uuid:pk>/slides/", views.case_slides, name="case-slides"),
    path("cases/<uuid:pk>/edit/", views.edit_case, name="case-edit"),
    path("cases/<uuid:pk>/erase/", views.erase_case, name="case-erase"),
    path("slides/<uuid:pk>/erase/", views.erase_slide, name="slide-erase"),
    path("uploads/", views.uploads, name="uploads"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/<uuid:pk>/release/", quarantine.release, name="slide-release"),
]
