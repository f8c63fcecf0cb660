"""/api/cases/"""

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mitoweb.lib.access import refuse_unless
from mitoweb.lib.rest import Gated
from mitoweb.people.rights import may
from slides.api.filters import CaseFilter
from slides.api.if_match import IF_MATCH, read_version
from slides.api.serializers import CaseChange, CaseSerializer, SizesChange, SlideSerializer
from slides.api.slides import read_pixel_size
from slides.models import Case
from slides.services import cases, erase, pixel_size


class CaseViewSet(Gated, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Cases of the account's teams."""

    queryset = Case.objects.none()
    serializer_class = CaseSerializer
    filterset_class = CaseFilter

    def get_queryset(self):
        return (
            Case.objects.visible_to(self.request.user).select_related("created_by").prefetch_related("readers")
        ).order_by("-changed", "pk")

    def create(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        refuse_unless(may(request.user, "case.edit", values["team"]))
        case = cases.create_case(request.user, values.pop("team"), **values)
        return Response(self.get_serializer(case).data, status=201)

    @extend_schema(parameters=[IF_MATCH], request=CaseChange)
    def partial_update(self, request, pk=None):
        """Change a case; 412 when somebody changed it meanwhile, 428 without If-Match."""
        case = self.get_object()
        refuse_unless(may(request.user, "case.edit", case.team_id))
        version = read_version(request.headers, "version of the case")
        serializer = self.get_serializer(case, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        case = cases.edit_case(request.user, case, version, **serializer.validated_data)
        return Response(self.get_serializer(case).data)

    @extend_schema(operation_id="cases_pixel_size", request=SizesChange, responses=SlideSerializer(many=True))
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    @transaction.atomic
    def pixel_size(self, request, pk=None):
        """Set the pixel size of several slides of the case at once: of all that are named, or of none."""
        case = self.get_object()
        refuse_unless(may(request.user, "slide.edit", case.team_id))
        change = SizesChange(data=request.data)
        change.is_valid(raise_exception=True)
        values = change.validated_data
        wanted = set(values["slides"])
        slides = list(case.slides.kept().filter(pk__in=wanted).select_related("case__team"))
        if len(slides) < len(wanted):
            raise Http404
        note, keep = values.get("note", "").strip(), values.get("keep_for_scanner", False)
        for slide in slides:
            pixel_size.set_pixel_size(request.user, slide, read_pixel_size(slide, values), note, keep)
        return Response(SlideSerializer(slides, many=True, context=self.get_serializer_context()).data)

    @extend_schema(operation_id="cases_erase", responses={204: None})
    def destroy(self, request, pk=None):
        """Erase the case with its slides and all that was made from them. There is no way back."""
        case = self.get_object()
        refuse_unless(may(request.user, "case.erase", case.team_id))
        erase.erase_case(request.user, case)
        return Response(status=204)
