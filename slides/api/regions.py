"""/api/regions/"""

import django_filters
from rest_framework import mixins, viewsets
from rest_framework.response import Response

from mitoweb.lib.access import refuse_unless
from mitoweb.lib.rest import Gated
from mitoweb.people.rights import may
from slides.api.serializers import RegionSerializer
from slides.models import Region
from slides.services import regions


class RegionFilter(django_filters.FilterSet):
    slide = django_filters.UUIDFilter(field_name="slide")

    class Meta:
        model = Region
        fields = ["slide"]


class RegionViewSet(Gated, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Outlines drawn on slides, in level-0 pixels."""

    queryset = Region.objects.none()
    serializer_class = RegionSerializer
    filterset_class = RegionFilter

    def get_queryset(self):
        rows = Region.objects.visible_to(self.request.user)
        return rows.select_related("slide__case__team", "created_by").order_by("created", "pk")

    def create(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        refuse_unless(may(request.user, "region.draw", values["slide"].case.team_id))
        region = regions.add_region(request.user, values["slide"], values.get("name", ""), values["polygon"])
        return Response(self.get_serializer(region).data, status=201)

    def destroy(self, request, pk=None):
        region = self.get_object()
        refuse_unless(may(request.user, "region.draw", region.slide.case.team_id))
        regions.remove_region(request.user, region)
        return Response(status=204)
