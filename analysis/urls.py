"""Pages: the viewer, the jobs, the models. The REST routes are in mitoweb/api.py."""

from django.urls import include, path

from analysis.views import jobs, viewer

urlpatterns = [
    path("slides/<uuid:pk>/", viewer.viewer, name="viewer"),
    path("slides/<uuid:pk>/compare/<uuid:other>/", viewer.compare, name="compare"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/changes/", jobs.jobs_changes, name="jobs-changes"),
    path("jobs/<uuid:pk>/cancel/", jobs.job_cancel, name="job-page-cancel"),
    path("jobs/<uuid:pk>/retry/", jobs.job_retry, name="job-page-retry"),
    path("models/", include("analysis.views.models")),
]
