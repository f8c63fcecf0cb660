"""tus 1.0.0 at /api/uploads/, and the state of uploads as JSON."""

import time

from django.conf import settings
from django.http import Http404, UnreadablePostError
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.json_bodies import ExactKinds, ShallowJSONParser
from mitoweb.people.rights import may
from slides.api import tus
from slides.api.piece_slots import hold_piece_slot
from slides.api.serializers import UploadSerializer
from slides.models import Case, Upload
from slides.services import duplicates, uploads
from slides.services.part_file import READ_BYTES, Readable

HEADER = OpenApiParameter.HEADER
TUS = OpenApiParameter(
    "Tus-Resumable",
    str,
    HEADER,
    required=True,
    enum=[tus.VERSION],
    description="The version of tus; without it, or with another, the answer is 412.",
)
BYTES = {"type": "integer", "minimum": 0, "maximum": tus.LARGEST}
SHOWN = 200  # rows of a list
DRAINED_BYTES = 32 * 2**20  # two of the browser's pieces
DRAINED_WITHIN_S = 5


class TusView(APIView):
    """Speaks tus: its version in every answer, and methods that proxies do not let through."""

    parser_classes: list = []
    OVERRIDES = {"PATCH", "DELETE", "HEAD"}

    def initialize_request(self, request, *args, **kwargs):
        override = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and override in self.OVERRIDES:
            request.method = override
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = tus.VERSION
        response["Cache-Control"] = "no-store"
        if response.status_code == 412:
            response["Tus-Version"] = tus.VERSION
        return response


class UploadsView(TusView):
    @extend_schema(
        operation_id="uploads_list",
        parameters=[OpenApiParameter("case", OpenApiTypes.UUID)],
        responses=UploadSerializer(many=True),
    )
    def get(self, request):
        """Uploads of the team's cases, newest first, at most 200; names only of your own that are on their way."""
        rows = Upload.objects.visible_to(request.user).for_list()
        if "case" in request.query_params:
            rows = rows.filter(case=serializers.UUIDField().run_validation(request.query_params["case"]))
        return Response(UploadSerializer(rows[:SHOWN], many=True, context={"request": request}).data)

    @extend_schema(
        operation_id="uploads_create",
        parameters=[
            TUS,
            OpenApiParameter("Upload-Length", BYTES, HEADER, required=True),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                HEADER,
                required=True,
                description="filename, case; if wanted label, sha256, bundle, bundle_files, path (values in base64)",
            ),
        ],
        request=None,
        responses={201: UploadSerializer},
    )
    def post(self, request):
        """Make an upload (tus creation); its address is in Location."""
        case_id, upload_request = tus.read_upload_request(request.headers)
        tus.refuse_other_version(request.headers)
        case = get_visible(Case, request.user, pk=case_id)
        refuse_unless(may(request.user, "slide.upload", case.team_id))
        upload = uploads.create_upload(request.user, case, upload_request)
        response = Response(UploadSerializer(upload, context={"request": request}).data, status=201)
        response["Location"] = f"/api/uploads/{upload.pk}/"
        return with_offset(response, upload, 0)

    @extend_schema(exclude=True)
    def options(self, request):
        response = Response(status=204)
        response["Tus-Version"] = tus.VERSION
        response["Tus-Extension"] = tus.EXTENSIONS
        response["Tus-Checksum-Algorithm"] = ",".join(tus.CHECKSUMS)
        response["Tus-Max-Size"] = str(settings.UPLOAD_MAX_BYTES)
        return response


class KnownQuestion(ExactKinds, serializers.Serializer):
    case = serializers.UUIDField(help_text="Where the slide would go.")
    length = serializers.IntegerField(min_value=1, help_text="Bytes of all files of the slide.")
    sha256 = serializers.RegexField(
        tus.SHA256_HEX,
        required=False,
        help_text="Of the file; of several files the sha256 of their sorted hashes (hex, put together).",
    )


class KnownAnswer(serializers.Serializer):
    possible = serializers.BooleanField(help_text="Without a hash: whether a slide of this length is here.")
    slide = serializers.UUIDField(allow_null=True)
    label = serializers.CharField(allow_blank=True)
    accession = serializers.CharField(allow_blank=True)
    same_case = serializers.BooleanField()
    ready = serializers.BooleanField()


class DuplicateView(APIView):
    @extend_schema(operation_id="uploads_known", request=KnownQuestion, responses=KnownAnswer)
    def post(self, request):
        """Whether a file is here already, among the slides you may see; asked before it is sent."""
        question = KnownQuestion(data=request.data)
        question.is_valid(raise_exception=True)
        asked = question.validated_data
        case = get_visible(Case, request.user, pk=asked["case"])
        refuse_unless(may(request.user, "slide.upload", case.team_id))
        found = duplicates.find_duplicate(request.user, case, asked["length"], asked.get("sha256", ""))
        slide = found.slide
        answer = {
            "possible": found.possible,
            "slide": slide and slide.pk,
            "label": slide.label if slide else "",
            "accession": slide.case.accession if slide else "",
            "same_case": slide is not None and slide.case_id == case.pk,
            "ready": slide is not None and slide.state == slide.State.READY,
        }
        return Response(KnownAnswer(answer).data)


class UploadChange(ExactKinds, serializers.Serializer):
    label = serializers.CharField(max_length=200, required=False)
    check_again = serializers.BooleanField(required=False)


class UploadView(TusView):
    long_bodies = frozenset({"PATCH"})

    def get_parsers(self):
        """Pieces are read as they come; only changes are JSON."""
        return [ShallowJSONParser()] if getattr(self.request, "method", "POST") == "POST" else []

    @extend_schema(operation_id="uploads_retrieve", responses=UploadSerializer)
    def get(self, request, pk):
        """The state of an upload and of its check."""
        upload = get_visible(Upload.objects.for_list(), request.user, pk=pk)
        return Response(UploadSerializer(upload, context={"request": request}).data)

    @extend_schema(operation_id="uploads_offset", parameters=[TUS], responses={200: None})
    def head(self, request, pk):
        """How much has arrived (tus). To a client all is the end, so here it is the end too."""
        tus.refuse_other_version(request.headers)
        upload = own_upload(request.user, pk)
        if may(request.user, "slide.upload", upload.case.team_id) and uploads.finish_if_whole(upload):
            upload.refresh_from_db()
        offset = uploads.offset_of(upload)
        if offset is None:
            raise Http404
        response = with_offset(Response(), upload, offset)
        response["Upload-Length"] = str(upload.length)
        return response

    @extend_schema(
        operation_id="uploads_append",
        parameters=[
            TUS,
            OpenApiParameter("Upload-Offset", BYTES, HEADER, required=True),
            OpenApiParameter(
                "Upload-Checksum", str, HEADER, description="sha1 or sha256, and the piece's hash in base64"
            ),
            OpenApiParameter(tus.WHOLE_HASH, str, HEADER, description="with the last piece: sha256 of the file, hex"),
        ],
        request={tus.PIECE: OpenApiTypes.BINARY},
        responses={204: None},
    )
    def patch(self, request, pk):
        """Append a piece (tus). The one that completes the file starts its check."""
        offset = tus.read_whole_number(request.headers, "Upload-Offset")
        tus.refuse_other_version(request.headers)
        upload = own_upload(request.user, pk)
        refuse_unless(may(request.user, "slide.upload", upload.case.team_id))
        tus.refuse_other_content(request.headers)
        length = tus.read_body_length(request.headers)
        checksum, sha256 = tus.read_checksum(request.headers), tus.read_whole_hash(request.headers)
        piece = PieceStream(request._request)
        with hold_piece_slot(request.user.pk):
            try:
                offset = uploads.receive_piece(upload, offset, piece, length, checksum, sha256)
            except Refused:
                drain_body(piece, length)
                raise
        return with_offset(Response(status=204), upload, offset)

    @extend_schema(operation_id="uploads_change", request=UploadChange, responses=UploadSerializer)
    def post(self, request, pk):
        """Change the label the slide will get, or try a check again that broke off."""
        upload = own_upload(request.user, pk)
        refuse_unless(may(request.user, "slide.upload", upload.case.team_id))
        change = UploadChange(data=request.data)
        change.is_valid(raise_exception=True)
        if "label" in change.validated_data:
            uploads.relabel_upload(upload, change.validated_data["label"])
        if change.validated_data.get("check_again"):
            uploads.check_again(request.user, upload)
        return self.get(request, pk)

    @extend_schema(operation_id="uploads_remove", parameters=[TUS], responses={204: None})
    def delete(self, request, pk):
        """Stop an upload and remove what came (tus termination); one that ended is only taken from the list."""
        tus.refuse_other_version(request.headers)
        upload = own_upload(request.user, pk, also_administrators=True)
        uploads.cancel_upload(request.user, upload)
        return Response(status=204)


def own_upload(user, pk, also_administrators: bool = False) -> Upload:
    """Uploads of team mates are seen (403), those of other teams are not (404); expired ones are gone (404)."""
    upload = get_visible(Upload.objects.select_related("case"), user, pk=pk)
    refuse_unless(
        upload.user_id == user.pk or (also_administrators and user.is_superuser), "This is another person's upload."
    )
    if upload.state == Upload.State.CANCELLED and not also_administrators:
        raise Http404
    return upload


class PieceStream:
    """The body of a piece as it comes.

    The parsed body, or the framework's copy of it, would be held in memory; and to wait until a whole block has come
    would lose the last of it when the client goes silent.
    """

    def __init__(self, request) -> None:
        self.read = getattr(request.environ["wsgi.input"], "read1", request.read)  # our worker has it


def drain_body(stream: Readable, length: int) -> None:
    """Read what a refused piece still brings: a browser that is cut off while it sends never learns why."""
    left, until = min(length, DRAINED_BYTES), time.monotonic() + DRAINED_WITHIN_S
    try:
        while left > 0 and time.monotonic() < until and (data := stream.read(min(READ_BYTES, left))):
            left -= len(data)
    except (UnreadablePostError, OSError):
        return  # it hung up or is silent, so there is nobody to tell


def with_offset(response: Response, upload: Upload, offset: int) -> Response:
    response["Upload-Offset"] = str(offset)
    if upload.state == Upload.State.UPLOADING:
        response["Upload-Expires"] = http_date(upload.expires.timestamp())
    return response
