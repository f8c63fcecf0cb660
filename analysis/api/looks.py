"""REST: fields that readers look at, on a walk or in an audit, and what may be missed. Mixed into AnalysisViewSet."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from analysis.api.review import BUSY, READER, REGION, read_question, status_of_new, validate_body
from analysis.serializers.looks import (
    DrawSampleSerializer,
    KeepLookSerializer,
    LookAnswerSerializer,
    MissedSerializer,
    WalkQuestionSerializer,
    WalkSerializer,
)
from analysis.services import count_turns, looks, missed, walks

FIELD = OpenApiParameter(
    "field_um",
    {"type": "number", "minimum": looks.LEAST_FIELD_UM, "maximum": looks.MOST_FIELD_UM},
    description="Diameter of a field, µm; the default is the protocol's, else 550.",
)


class LookActions:
    """Looks, walk and audit of one analysis."""

    @extend_schema(request=KeepLookSerializer, responses={201: LookAnswerSerializer, 200: LookAnswerSerializer})
    @action(detail=True, methods=["post"])
    def looks(self, request, pk=None):
        """Say that a field was looked at."""
        analysis = self._get_permitted("verdict.give")
        sent = validate_body(KeepLookSerializer, request)
        kept = looks.keep_look(analysis, request.user, sent.pop("id"), **sent)
        answer = {"look": kept.look, "revision": kept.look.revision}
        return Response(LookAnswerSerializer(answer).data, status=status_of_new(kept.is_new))

    @extend_schema(parameters=[REGION, READER, FIELD], responses={200: WalkSerializer, 503: BUSY}, filters=False)
    @action(detail=True, pagination_class=None)
    def walk(self, request, pk=None):
        """The way of a field through a region of the reader's count, what was looked at, and how much that covers."""
        analysis = self.get_object()
        reader, region = read_question(analysis, request)
        told = walks.tell_walk(analysis, request.user, reader, region, _read_field(request))
        return Response(WalkSerializer(told).data)

    @extend_schema(
        methods=["GET"], parameters=[REGION, READER], responses={200: MissedSerializer, 503: BUSY}, filters=False
    )
    @extend_schema(
        methods=["POST"],
        parameters=[REGION],
        request=DrawSampleSerializer,
        responses={201: MissedSerializer, 200: MissedSerializer, 503: BUSY},
        filters=False,
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def missed(self, request, pk=None):
        """What reader and model may miss in the windows that matter. POST draws the region's unmarked fields in a
        random order, to be looked at as an audit."""
        if request.method == "POST":
            return self._draw(request)
        analysis = self.get_object()
        return Response(_tell_missed(analysis, request.user, *read_question(analysis, request)))

    def _draw(self, request) -> Response:
        analysis = self._get_permitted("verdict.give")
        sent = validate_body(DrawSampleSerializer, request)
        _, region = read_question(analysis, request)
        _, is_new = missed.draw_sample(analysis, request.user, sent["id"], region, sent.get("field_um"))
        analysis.refresh_from_db(fields=["revision"])
        told = _tell_missed(analysis, request.user, request.user, region)
        return Response(told, status=status_of_new(is_new))


def _tell_missed(analysis, user, reader, region) -> dict:
    count = count_turns.count_in_turn(analysis, reader, region)
    return MissedSerializer(missed.tell_missed(analysis, user, reader, count)).data


def _read_field(request) -> float | None:
    asked = {name: value for name, value in request.query_params.items() if name == "field_um"}
    form = WalkQuestionSerializer(data=asked)
    form.is_valid(raise_exception=True)
    return form.validated_data.get("field_um")
