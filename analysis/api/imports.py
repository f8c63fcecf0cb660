"""REST: what another detector found, taken in from its file, and taken back."""

import base64
import binascii

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.response import Response

from analysis.serializers.imports import ImportPreviewSerializer, ImportSerializer
from analysis.serializers.runs import AnalysisSerializer
from analysis.services import imports
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.people.rights import may
from slides.models import Slide


class ImportActions:
    """Of AnalysisViewSet."""

    @extend_schema(request=ImportSerializer, responses={201: AnalysisSerializer})
    @action(detail=False, methods=["post"], url_path="import")
    def import_file(self, request):
        """Take in what another detector found: an analysis of the slide, marked as imported."""
        slide, asked = _read_request(request)
        analysis = imports.import_detections(
            slide, request.user, asked["content"], asked["detector"], asked["version"], asked["threshold"]
        )
        return self._answer_with(analysis, status.HTTP_201_CREATED)

    @extend_schema(request=ImportSerializer, responses=ImportPreviewSerializer)
    @action(detail=False, methods=["post"], url_path="import/preview")
    def preview_import(self, request):
        """What would be taken in, and what is odd about it. Nothing is stored."""
        slide, asked = _read_request(request)
        read = imports.read_import(slide, asked["content"], asked["threshold"])
        return Response(ImportPreviewSerializer(read).data)

    @extend_schema(request=None, responses=AnalysisSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request, pk=None):
        """Take imported detections back; they and the verdicts on them are kept, and count no more."""
        return self._answer_with(imports.withdraw_import(self._get_permitted("analysis.run"), request.user))


def _read_request(request) -> tuple[Slide, dict]:
    """The slide, which the user may have analysed, and the rest with the file's bytes."""
    form = ImportSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    asked = form.validated_data
    slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=asked["slide"])
    refuse_unless(may(request.user, "analysis.run", slide.case.team))
    try:
        content = base64.b64decode(asked["content"], validate=True)
    except (binascii.Error, ValueError):
        raise Refused("The content is no base64.", "detections") from None
    return slide, asked | {"content": content}
