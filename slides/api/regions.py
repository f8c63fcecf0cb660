"""/api/regions/"""

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mitoweb.lib.access import refuse_unless
from mitoweb.lib.rest import Gated
from mitoweb.people.rights import may
from slides.api.if_match import IF_MATCH, MAY_MATCH, find_version, read_version
from slides.api.serializers import RegionChange, RegionSerializer
from slides.models import Region
from slides.services import regions


class RegionFilter(django_filters.FilterSet):
    slide = django_filters.UUIDFilter(field_name="slide")
    kind = django_filters.ChoiceFilter(choices=Region.Kind)

    class Meta:
        model = Region
        fields = ["slide", "kind"]


class RegionViewSet(Gated, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Outlines drawn on slides, in level-0 pixels: regions to count in, and the tumour. Lists have those that stand."""

    queryset = Region.objects.none()
    serializer_class = RegionSerializer
    filterset_class = RegionFilter

    def get_queryset(self):
        rows = Region.objects.visible_to(self.request.user)
        if self.action == "list":
            rows = rows.standing()
        people = ("created_by", "changed_by", "withdrawn_by")
        return rows.select_related("slide__case__team", *people).order_by("created", "pk")

    def create(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        refuse_unless(may(request.user, "region.draw", values["slide"].case.team_id))
        slide, name, polygon = values.pop("slide"), values.pop("name", ""), values.pop("polygon")
        region = regions.add_region(request.user, slide, name, polygon, **values)
        return Response(self.get_serializer(region).data, status=201)

    @extend_schema(parameters=[IF_MATCH], request=RegionChange)
    def partial_update(self, request, pk=None):
        """Another name or outline; 412 when somebody changed it meanwhile, 428 without If-Match."""
        region = self._get_drawable()
        revision = read_version(request.headers, "revision of the region")
        change = RegionChange(data=request.data)
        change.is_valid(raise_exception=True)
        region = regions.change_region(request.user, region, revision, **change.validated_data)
        return Response(self.get_serializer(region).data)

    @extend_schema(parameters=[MAY_MATCH], responses={204: None})
    def destroy(self, request, pk=None):
        """Withdraw it: it leaves lists and counts, is kept with who withdrew it, and can be restored."""
        regions.withdraw_region(request.user, self._get_drawable(), find_version(request.headers))
        return Response(status=204)

    @extend_schema(request=None, responses=RegionSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request, pk=None):
        """Bring back what was withdrawn."""
        region = regions.restore_region(request.user, self._get_drawable())
        return Response(self.get_serializer(region).data)

    def _get_drawable(self) -> Region:
        region = self.get_object()
        refuse_unless(may(self.request.user, "region.draw", region.slide.case.team_id))
        return region
