"""The jobs, the administration."""

from django.contrib import admin
from django.urls import path

from mitoweb.site.jobs import views as jobs

urlpatterns = [
    path("jobs/", jobs.show_jobs, name="jobs"),
    path("jobs/changes/", jobs.jobs_changes, name="jobs-changes"),
    path("jobs/<uuid:pk>/cancel/", jobs.job_cancel, name="job-page-cancel"),
    path("jobs/<uuid:pk>/retry/", jobs.job_retry, name="job-page-retry"),
    path("admin/", admin.site.urls),
]
