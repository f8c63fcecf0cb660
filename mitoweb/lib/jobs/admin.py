"""Jobs to look at, and django-q2's own pages taken away: they show and unpickle what tasks carry."""

import django_q.admin  # noqa: F401 registers its pages, so that they can be taken away
from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from mitoweb.lib.jobs.models import Job
from mitoweb.lib.read_only_admin import ReadOnly

admin.site.unregister([model for model in (Failure, OrmQ, Schedule, Success) if admin.site.is_registered(model)])


@admin.register(Job)
class JobAdmin(ReadOnly):
    list_display = ["kind", "object_id", "state", "attempts", "done", "total", "created", "finished", "worker"]
    list_filter = ["state", "kind", "lane"]
    search_fields = ["object_id", "message"]
