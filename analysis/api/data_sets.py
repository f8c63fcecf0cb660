"""REST: data sets of verdicts. They join teams, so they are the administrators' alone."""

from django.http import FileResponse, Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.models import DataSet
from analysis.serializers.learning import (
    ChoiceSerializer,
    DataSetDetailSerializer,
    DataSetSerializer,
    FreezeSerializer,
    PreviewSerializer,
)
from analysis.services.learning import data_set_exports, data_sets
from analysis.services.learning.choice import Choice, read_choice
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.rest import AnyClient
from mitoweb.people.rights import may

ADMINISTRATORS = "Data sets and the locked set are managed by administrators."


def require_administrator(user) -> None:
    refuse_unless(may(user, "learning.manage", None), ADMINISTRATORS)


class DataSetViewSet(viewsets.ReadOnlyModelViewSet):
    """Verdicts frozen for training, each with a label and a patch."""

    queryset = DataSet.objects.none()  # names the model for the schema; rows come from get_queryset
    serializer_class = DataSetSerializer

    def get_queryset(self):
        require_administrator(self.request.user)
        return DataSet.objects.visible_to(self.request.user).select_related("made_by").order_by("-made", "name")

    def get_serializer_class(self):
        return DataSetDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    @extend_schema(request=FreezeSerializer, responses={201: DataSetDetailSerializer})
    def create(self, request):
        """Freeze what the choice holds now. Its patches are cut in the background."""
        require_administrator(request.user)
        form = FreezeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        choice = _as_choice(form.validated_data.get("choice", {}))
        data_set = data_sets.freeze_data_set(form.validated_data["name"], choice, request.user)
        return Response(DataSetDetailSerializer(data_set).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ChoiceSerializer, responses={200: PreviewSerializer})
    @action(detail=False, methods=["post"])
    def preview(self, request):
        """What a choice would freeze: counts, readers, what is left out and why. Nothing is kept."""
        require_administrator(request.user)
        form = ChoiceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        found = data_sets.preview_data_set(_as_choice(form.validated_data), request.user)
        return Response(PreviewSerializer(found).data)


class DataSetExportView(APIView):
    content_negotiation_class = AnyClient

    @extend_schema(operation_id="data_sets_export", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request, pk):
        """The patches with a MIDOG JSON, as a zip."""
        require_administrator(request.user)
        data_set = get_visible(DataSet, request.user, pk=pk)
        parts = data_set_exports.export_data_set(data_set, request.user, told=request.method == "GET")
        response = StreamingHttpResponse(parts, content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{data_set_exports.name_export(data_set)}"'
        return response


class PatchView(APIView):
    content_negotiation_class = AnyClient

    @extend_schema(operation_id="data_sets_patch", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request, pk, number):
        """The patch of one place: 160 px at 0.25 µm, the place in its middle."""
        require_administrator(request.user)
        path = data_sets.patch_path(get_visible(DataSet, request.user, pk=pk), number)
        if path is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="image/png")


def _as_choice(told: dict) -> Choice:
    return read_choice(dict(told))
