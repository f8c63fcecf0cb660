"""REST: jobs, as lists and pages show them."""

import django_filters
from rest_framework import viewsets
from rest_framework.response import Response

from mitoweb.lib.jobs.models import Job
from mitoweb.lib.rest import UUID
from mitoweb.site.jobs.kinds import subjects_of
from mitoweb.site.jobs.serializers import JobDetailSerializer, JobSerializer


class JobFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Job.State.choices)
    kind = django_filters.CharFilter()

    class Meta:
        model = Job
        fields = ["state", "kind"]


class JobViewSet(viewsets.ReadOnlyModelViewSet):
    """Work outside requests: checks of uploads, analyses, explanations. The newest first."""

    queryset = Job.objects.none()
    filterset_class = JobFilter
    lookup_value_regex = UUID
    serializer_class = JobSerializer

    def get_queryset(self):
        return Job.objects.visible_to(self.request.user).select_related("team", "created_by").order_by("-created")

    def get_serializer_class(self):
        return JobDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    def list(self, request, *args, **kwargs):
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self._serialize_jobs(page, many=True))

    def retrieve(self, request, *args, **kwargs):
        return Response(self._serialize_jobs(self.get_object()))

    def _serialize_jobs(self, jobs, many: bool = False):
        context = self.get_serializer_context()
        context["subjects"] = subjects_of(jobs if many else [jobs])
        return self.get_serializer_class()(jobs, many=many, context=context).data
