"""REST: areas that were drawn elsewhere, taken in from GeoJSON."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.serializers.areas import ImportAreasSerializer, ImportedAreasSerializer
from analysis.services.area_imports import import_areas
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may
from slides.models import Slide


class ImportAreasView(APIView):
    @extend_schema(
        operation_id="slides_import_areas", request=ImportAreasSerializer, responses={201: ImportedAreasSerializer}
    )
    def post(self, request, pk):
        """Take in the areas that a GeoJSON draws on the slide, as the tumour or as regions to count in: all or none."""
        slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=pk)
        refuse_unless(may(request.user, "region.draw", slide.case.team_id))
        form = ImportAreasSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        sent = form.validated_data
        kept = import_areas(slide, request.user, sent["geojson"], sent["kind"], sent["classification"])
        return Response(ImportedAreasSerializer(kept).data, status=status.HTTP_201_CREATED)
