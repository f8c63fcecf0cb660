"""REST: analyses, what is new in them, their detections and explanations."""

import django_filters
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.api.imports import ImportActions
from analysis.api.looks import LookActions
from analysis.api.review import ReviewActions
from analysis.models import Analysis, Detection, Explanation, ModelVersion
from analysis.serializers.rows import DetectionSerializer, list_detections
from analysis.serializers.runs import (
    AnalysisDetailSerializer,
    AnalysisSerializer,
    ChangesSerializer,
    ExplanationSerializer,
    HintsSerializer,
    StartSerializer,
)
from analysis.services import changes, explanations, follow_ups, runs
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.filters import BooleanFilter
from mitoweb.lib.rest import UUID, AnyClient
from mitoweb.people.rights import may
from slides.models import Region, Slide

SINCE = OpenApiParameter(
    "since",
    {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    description="The revision of the last answer; 0 for everything.",
)


class AnalysisFilter(django_filters.FilterSet):
    # A plain UUID, not a choice: a choice would say whether a foreign slide exists.
    slide = django_filters.UUIDFilter(field_name="slide_id")

    class Meta:
        model = Analysis
        fields = ["slide"]


class AnalysisViewSet(
    ReviewActions,
    LookActions,
    ImportActions,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):
    """Runs of a model over a slide or a region, and the review of what they found."""

    queryset = Analysis.objects.none()  # names the model for the schema; rows come from get_queryset
    filterset_class = AnalysisFilter
    lookup_value_regex = UUID
    serializer_class = AnalysisSerializer

    def get_queryset(self):
        return Analysis.objects.visible_to(self.request.user).with_facts()

    def get_serializer_class(self):
        return AnalysisDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    @extend_schema(request=StartSerializer, responses={201: AnalysisSerializer})
    def create(self, request):
        """Start an analysis. The same idempotency key from the same person on the same slide gives the same one."""
        form = StartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=asked["slide"])
        refuse_unless(may(request.user, "analysis.run", slide.case.team))
        analysis = runs.start_analysis(
            slide,
            request.user,
            region=_get_named(Region.objects.to_count_in(), request.user, asked.get("region")),
            model=_get_named(ModelVersion, request.user, asked.get("model")),
            mode=asked["mode"],
            normaliser=asked.get("normaliser"),
            idempotency_key=asked.get("idempotency_key"),
        )
        return self._answer_with(analysis, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=AnalysisSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk=None):
        """Stop at the next tile; what was found stays."""
        return self._answer_with(runs.cancel_analysis(self._get_permitted("analysis.run"), request.user))

    @extend_schema(request=None, responses=AnalysisSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request, pk=None):
        """Let a failed or cancelled analysis go on where its finished tiles end."""
        return self._answer_with(runs.retry_analysis(self._get_permitted("analysis.run"), request.user))

    @extend_schema(request=None, responses={200: AnalysisSerializer, 202: AnalysisSerializer})
    @action(detail=True, methods=["post"])
    def explanations(self, request, pk=None):
        """Have what should follow the analysis and is missing made: slide check and explanations. 200: nothing is."""
        analysis = self._get_permitted("explain")
        code = status.HTTP_202_ACCEPTED if follow_ups.ask_again(analysis, request.user) else status.HTTP_200_OK
        return self._answer_with(analysis, code)

    @extend_schema(responses=HintsSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def hints(self, request, pk=None):
        """The model's hints of type and phase, of the detections that have one. No call and no count reads them."""
        return Response(HintsSerializer({"hints": explanations.list_hints(self.get_object())}).data)

    @extend_schema(parameters=[SINCE], responses=ChangesSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    @method_decorator(gzip_page)  # a large analysis has some megabytes of numbers; nothing in it is a secret
    def changes(self, request, pk=None):
        """Detections, verdicts, figures, comments and looks newer than a revision, and how the analysis stands."""
        analysis = self.get_object()
        since = request.query_params.get("since", "0")
        if not (since.isascii() and since.isdigit() and int(since) < 2**63):
            raise Refused("A whole number is needed.", "not_a_number")
        new = changes.load_changes(analysis, int(since), request.user)
        answer = {"analysis": analysis, "revision": new.revision, "more": new.more}
        answer |= {"detections": [], "verdicts": new.verdicts, "figures": new.figures, "comments": new.comments}
        answer["looks"] = new.looks
        return Response(ChangesSerializer(answer).data | {"detections": list_detections(new.detections)})

    def _answer_with(self, analysis: Analysis, code: int = status.HTTP_200_OK) -> Response:
        return Response(AnalysisSerializer(self.get_queryset().get(pk=analysis.pk)).data, status=code)


class DetectionFilter(django_filters.FilterSet):
    analysis = django_filters.UUIDFilter(field_name="analysis_id")
    mitosis = BooleanFilter()
    min_probability = django_filters.NumberFilter(field_name="probability", lookup_expr="gte")

    class Meta:
        model = Detection
        fields = ["analysis", "mitosis", "min_probability"]


@extend_schema_view(list=extend_schema(description="Compact; at most 500 a page. Name the analysis."))
class DetectionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Places the model scored above the floor, with their probability."""

    queryset = Detection.objects.none()
    filterset_class = DetectionFilter
    lookup_value_regex = r"\d{1,18}"
    serializer_class = DetectionSerializer

    def get_queryset(self):
        rows = Detection.objects.visible_to(self.request.user).order_by("analysis_id", "number")
        return changes.with_explained(rows)

    @extend_schema(methods=["GET"], responses=ExplanationSerializer, filters=False)
    @extend_schema(methods=["POST"], request=None, responses={200: ExplanationSerializer, 202: ExplanationSerializer})
    @action(detail=True, methods=["get", "post"])
    def explanation(self, request, pk=None):
        """Whether Grad-CAM maps are there and where; POST has them made."""
        rows = Detection.objects.select_related("analysis__slide__case__team", "analysis__model", "analysis__follow_up")
        detection = get_visible(rows, request.user, pk=pk)
        if request.method in SAFE_METHODS:
            state, message = explanations.find_map_state(detection)
            return Response(_describe_explanation(detection, state, message))
        refuse_unless(may(request.user, "explain", detection.analysis.slide.case.team))
        state, message = explanations.enqueue_maps(detection, request.user)
        code = status.HTTP_202_ACCEPTED if state == explanations.QUEUED else status.HTTP_200_OK
        return Response(_describe_explanation(detection, state, message), status=code)


class ExplanationPngView(APIView):
    content_negotiation_class = AnyClient

    @extend_schema(operation_id="detections_explanation_png", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request, pk, which):
        """One Grad-CAM map of the 100-px patch: grey, 0 to 255, scaled per picture."""
        maps = get_visible(Explanation, request.user, detection_id=pk)
        of_class = {"mitosis": maps.mitosis_png, "other": maps.other_png}
        if which not in of_class:
            raise Http404
        return HttpResponse(bytes(of_class[which]), content_type="image/png")


def _describe_explanation(detection: Detection, state: str, message: str) -> dict:
    maps = Explanation.objects.filter(detection=detection).only("target_layer", "subtype_hint").first()
    return {
        "state": state,
        "message": message,
        "mitosis": _map_url(detection, "mitosis") if maps else None,
        "other": _map_url(detection, "other") if maps else None,
        "target_layer": maps.target_layer if maps else None,
        "subtype_hint": maps.subtype_hint if maps else None,
        "model": detection.analysis.found_by,
    }


def _map_url(detection: Detection, which: str) -> str:
    return reverse("detection-explanation-png", args=[detection.pk, which])


def _get_named(model, user, pk):
    return get_visible(model, user, pk=pk) if pk else None
