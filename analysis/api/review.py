"""REST: what readers say of an analysis, its count, its exports. Mixed into AnalysisViewSet."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from analysis.models import Analysis
from analysis.serializers.review import (
    AddFigureSerializer,
    CommentAnswerSerializer,
    CountSerializer,
    FigureAnswerSerializer,
    GiveVerdictSerializer,
    GiveVerdictsSerializer,
    SayCommentSerializer,
    VerdictAnswerSerializer,
    VerdictsAnswerSerializer,
)
from analysis.services import (
    audits,
    case_counts,
    changes,
    comments,
    count_turns,
    counting,
    exports,
    protocols,
    review,
    whose_count,
)
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.rest import UUID as UUID_PATTERN
from mitoweb.people.rights import may
from mitoweb.people.serializers import ReaderSerializer
from slides.models import Region

REGION = OpenApiParameter(
    "region",
    {"type": "string", "pattern": f"^({'|'.join([*counting.RANKS, counting.WHOLE])}|{UUID_PATTERN})$"},
    description="best or 1 (the default), 2 or 3 for the next best that do not overlap, whole, or the id of a region.",
)
READER = OpenApiParameter(
    "reader",
    {"type": "integer", "minimum": 1},
    description="Whose count; the default is your own, and for who does not judge that of the reader who judged most.",
)
BUSY = OpenApiResponse(OpenApiTypes.OBJECT, "The count is being worked out for others: ask again after Retry-After.")


class ReviewActions:
    """Verdicts, figures, comments, count, exports of one analysis."""

    @extend_schema(
        request=GiveVerdictSerializer, responses={201: VerdictAnswerSerializer, 200: VerdictAnswerSerializer}
    )
    @action(detail=True, methods=["post"])
    def verdicts(self, request, pk=None):
        """Give a verdict. The newest received is in force; undo is a new one with the label before, or "withdrawn"."""
        analysis = self._get_permitted("verdict.give")
        sent = validate_body(GiveVerdictSerializer, request)
        given = review.give_verdict(analysis, request.user, sent.pop("id"), **sent)
        answer = {"verdict": given.verdict, "revision": given.verdict.revision}
        return Response(VerdictAnswerSerializer(answer).data, status=status_of_new(given.is_new))

    @extend_schema(
        request=GiveVerdictsSerializer, responses={201: VerdictsAnswerSerializer, 200: VerdictsAnswerSerializer}
    )
    @action(detail=True, methods=["post"], url_path="verdicts/bulk")
    def verdicts_bulk(self, request, pk=None):
        """Give many verdicts at once: all are kept, or none. Sent again with the same ids they change nothing (200)."""
        analysis = self._get_permitted("verdict.give")
        sent = validate_body(GiveVerdictsSerializer, request)
        given = review.give_verdicts(analysis, request.user, sent["verdicts"])
        verdicts = [one.verdict for one in given]
        answer = {"verdicts": verdicts, "revision": max(verdict.revision for verdict in verdicts)}
        return Response(VerdictsAnswerSerializer(answer).data, status=status_of_new(any(one.is_new for one in given)))

    @extend_schema(request=AddFigureSerializer, responses={201: FigureAnswerSerializer, 200: FigureAnswerSerializer})
    @action(detail=True, methods=["post"])
    def figures(self, request, pk=None):
        """Add a missed mitosis. Within 7.5 µm of a detection or figure it is a verdict "mitosis" on that one (200)."""
        analysis = self._get_permitted("verdict.give")
        sent = validate_body(AddFigureSerializer, request)
        added = review.add_figure(analysis, request.user, sent.pop("id"), **sent)
        detection = added.detection and changes.with_explained(analysis.detections).get(pk=added.detection.pk)
        answer = {"figure": added.figure, "detection": detection, "verdict": added.verdict}
        answer["revision"] = added.verdict.revision
        return Response(FigureAnswerSerializer(answer).data, status=status_of_new(added.is_new))

    @extend_schema(request=SayCommentSerializer, responses={201: CommentAnswerSerializer, 200: CommentAnswerSerializer})
    @action(detail=True, methods=["post"])
    def comments(self, request, pk=None):
        """Say something of a detection or figure, answer a comment, or withdraw one of your own."""
        analysis = self._get_permitted("comment.give")
        sent = validate_body(SayCommentSerializer, request)
        comment_id, withdraws = sent.pop("id"), sent.pop("withdraws", None)
        if withdraws is None:
            said = comments.say_comment(analysis, request.user, comment_id, **sent)
        else:
            said = comments.withdraw_comment(analysis, request.user, comment_id, withdraws)
        answer = {"comment": said.comment, "revision": said.comment.revision}
        return Response(CommentAnswerSerializer(answer).data, status=status_of_new(said.is_new))

    @extend_schema(parameters=[REGION, READER], responses={200: CountSerializer, 503: BUSY}, filters=False)
    @action(detail=True, pagination_class=None)
    def count(self, request, pk=None):
        """The reader's count: confirmed and provisional, area, per mm², intervals, score, whether it is decided,
        what to judge next, guards, and where readers differ."""
        analysis = self.get_object()
        reader, region = read_question(analysis, request)
        choice = protocols.choice_of(analysis.slide.case)
        found = count_turns.count_in_turn(analysis, reader, region, choice=choice)
        if not isinstance(region, Region) and counting.RANKS.get(region) == 1:
            case_counts.keep_count(analysis, found, choice.protocol)
        found = audits.hide_estimate(found, analysis, request.user)
        # Plain values but for the people; thousands of differences would be slow through a serializer.
        for row in (found, *found["readers"]):
            row["reader"] = ReaderSerializer(row["reader"]).data
        return Response(found)

    # The exports are files, whose addresses end without a slash: mitoweb/api.py names them.
    @extend_schema(
        parameters=[REGION, READER], responses={(200, "text/csv"): OpenApiTypes.STR, 503: BUSY}, filters=False
    )
    def export_csv(self, request, pk=None):
        """One row per detection and figure, with each reader's verdict in force, comments and the region's count."""
        return self._send_export("csv", exports.stream_csv, "text/csv; charset=utf-8")

    @extend_schema(
        parameters=[REGION, READER],
        responses={(200, "application/geo+json"): OpenApiTypes.OBJECT, 503: BUSY},
        filters=False,
    )
    def export_geojson(self, request, pk=None):
        """Detections and figures for QuPath, and the count of the region named."""
        return self._send_export("geojson", exports.stream_geojson, "application/geo+json")

    def _send_export(self, suffix: str, stream: Callable, content_type: str) -> StreamingHttpResponse:
        analysis = self._get_permitted("export")
        parts = stream(analysis, _count_anew(analysis, self.request), self.request.user)
        if self.request.method == "GET":  # HEAD takes nothing with it
            exports.record_export(analysis, self.request.user, suffix)
        return _send_file(parts, exports.name_export(analysis, suffix), content_type)

    def perform_content_negotiation(self, request, force=False):
        """A file is sent whatever the caller accepts; only errors are JSON."""
        return super().perform_content_negotiation(request, force or self.action in ("export_csv", "export_geojson"))

    def _get_permitted(self, right: str) -> Analysis:
        """The analysis, if the person has the right in its team."""
        analysis = self.get_object()
        refuse_unless(may(self.request.user, right, analysis.slide.case.team))
        return analysis


def validate_body(form_class, request) -> dict:
    form = form_class(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _send_file(parts: Iterator[str], name: str, content_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def status_of_new(is_new: bool) -> int:
    return status.HTTP_201_CREATED if is_new else status.HTTP_200_OK


def _count_anew(analysis: Analysis, request) -> dict:
    found = count_turns.count_anew_in_turn(analysis, *read_question(analysis, request))
    return audits.hide_estimate(found, analysis, request.user)


def read_question(analysis: Analysis, request) -> tuple:
    """Whose count, and where."""
    return _find_reader(analysis, request), _read_region(analysis, request)


def read_named(request, name: str, default: str | None) -> str | None:
    """What a parameter says; one that is named and left empty is refused, as filters of lists are."""
    named = request.query_params.get(name, default)
    if named is not None and not named.strip():
        raise ValidationError({name: ["A value is needed; leave it out for the default."]})
    return named


def _read_region(analysis: Analysis, request) -> str | Region:
    named = read_named(request, "region", counting.BEST)
    if named in counting.RANKS or named == counting.WHOLE:
        return named
    if not re.fullmatch(UUID_PATTERN, named):
        raise Http404
    return get_visible(Region.objects.to_count_in(), request.user, pk=UUID(named), slide=analysis.slide_id)


def _find_reader(analysis: Analysis, request):
    """The person whose count is wanted, who is in the team or judged something here."""
    named = read_named(request, "reader", None)
    if named is None:
        return whose_count.choose_reader(analysis, request.user)
    if named == str(request.user.pk):
        return request.user
    if not (named.isascii() and named.isdigit() and len(named) < 10):
        raise Http404
    team = analysis.slide.case.team_id
    known = Q(memberships__team=team) | Q(pk__in=analysis.verdicts.order_by().values("reader"))
    reader = get_user_model().objects.filter(known, pk=int(named)).first()
    if reader is None:
        raise Http404
    return reader
