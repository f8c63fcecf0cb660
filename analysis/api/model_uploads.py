"""REST: model files that administrators send from a browser, in pieces that can go on after a cut."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.models import ModelUpload
from analysis.services import model_uploads
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.json_bodies import ExactKinds, ShallowJSONParser
from mitoweb.people.rights import may
from slides.api import tus
from slides.api.piece_slots import hold_piece_slot
from slides.api.uploads import PieceStream, drain_body

SHOWN = 50
ADMINISTRATORS = "Models are managed by administrators."


class ModelUploadSerializer(serializers.ModelSerializer):
    offset = serializers.SerializerMethodField(help_text="How many bytes have arrived.")
    state = serializers.ChoiceField(choices=ModelUpload.State.choices, read_only=True)

    class Meta:
        model = ModelUpload
        fields = ["id", "name", "state", "message", "length", "offset", "at", "model"]
        read_only_fields = fields

    def get_offset(self, upload) -> int:
        return model_uploads.offset_of(upload)


class NewModelUploadSerializer(ExactKinds, serializers.Serializer):
    card = serializers.CharField(help_text="The card's JSON, as text.", trim_whitespace=False)
    length = serializers.IntegerField(min_value=1, max_value=tus.LARGEST, help_text="Bytes of the weights.")


class ModelUploadsView(APIView):
    @extend_schema(operation_id="model_uploads_list", responses=ModelUploadSerializer(many=True))
    def get(self, request):
        """Model files on their way and what came of them, the newest first, at most 50."""
        _require_administrator(request.user)
        rows = ModelUpload.objects.visible_to(request.user)[:SHOWN]
        return Response(ModelUploadSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="model_uploads_create", request=NewModelUploadSerializer, responses={201: ModelUploadSerializer}
    )
    def post(self, request):
        """Begin to send a weights file: its card first, then the bytes by PATCH."""
        _require_administrator(request.user)
        form = NewModelUploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        upload = model_uploads.begin_upload(form.validated_data["card"], form.validated_data["length"], request.user)
        return Response(ModelUploadSerializer(upload).data, status=201)


class ModelUploadView(APIView):
    long_bodies = frozenset({"PATCH"})

    def get_parsers(self):
        """Pieces are read as they come."""
        return [] if getattr(self.request, "method", "PATCH") == "PATCH" else [ShallowJSONParser()]

    @extend_schema(operation_id="model_uploads_retrieve", responses=ModelUploadSerializer)
    def get(self, request, pk):
        """How much has arrived, and what the check said."""
        return Response(ModelUploadSerializer(_find_upload(request.user, pk)).data)

    @extend_schema(
        operation_id="model_uploads_append",
        parameters=[OpenApiParameter("Upload-Offset", {"type": "integer", "minimum": 0}, "header", required=True)],
        request={tus.PIECE: OpenApiTypes.BINARY},
        responses=ModelUploadSerializer,
    )
    def patch(self, request, pk):
        """Append a piece at the offset. The one that completes the file starts its check."""
        upload = _find_upload(request.user, pk)
        offset = tus.read_whole_number(request.headers, "Upload-Offset")
        tus.refuse_other_content(request.headers)
        length = tus.read_body_length(request.headers)
        piece = PieceStream(request._request)
        with hold_piece_slot(request.user.pk):
            try:
                model_uploads.receive_piece(upload, offset, piece, length)
            except Refused:
                drain_body(piece, length)
                raise
        return Response(ModelUploadSerializer(upload).data)

    @extend_schema(operation_id="model_uploads_remove", responses={204: None})
    def delete(self, request, pk):
        """Stop it and remove what came; one that ended is only taken from the list."""
        model_uploads.cancel_upload(_find_upload(request.user, pk), request.user)
        return Response(status=204)


def _find_upload(user, pk) -> ModelUpload:
    _require_administrator(user)
    return get_visible(ModelUpload, user, pk=pk)


def _require_administrator(user) -> None:
    refuse_unless(may(user, "model.manage", None), ADMINISTRATORS)
