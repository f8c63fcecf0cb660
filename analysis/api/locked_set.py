"""REST: the locked set, which decides between versions; and whether a case is learned from."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.api.data_sets import require_administrator
from analysis.models import LearningSwitch, LockedSetLook, LockedSlide
from analysis.serializers.learning import (
    CaseLearningSerializer,
    LockedSetSerializer,
    LockedSlideSerializer,
    LockSerializer,
    ReasonSerializer,
    SwitchLearningSerializer,
)
from analysis.services.learning import leaving, locked_set
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may
from slides.models import Case, Slide


class LockedSetView(APIView):
    @extend_schema(operation_id="locked_set_retrieve", responses=LockedSetSerializer)
    def get(self, request):
        """Its slides with what their readers agree on, whether it may decide, and who looked at it."""
        require_administrator(request.user)
        looks = LockedSetLook.objects.select_related("by")[:100]
        return Response(LockedSetSerializer(locked_set.review_locked_set(), context={"looks": looks}).data)

    @extend_schema(operation_id="locked_set_add", request=LockSerializer, responses={201: LockedSlideSerializer})
    def post(self, request):
        """Keep a slide for deciding. Its case leaves the data sets that no training has read."""
        require_administrator(request.user)
        form = LockSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        slide = get_visible(Slide.objects.select_related("case__team"), request.user, pk=form.validated_data["slide"])
        lock = locked_set.lock_slide(slide, form.validated_data["reason"], request.user)
        return Response(LockedSlideSerializer(lock).data, status=status.HTTP_201_CREATED)


class LockWithdrawView(APIView):
    @extend_schema(operation_id="locked_set_withdraw", request=ReasonSerializer, responses={204: None})
    def post(self, request, pk):
        """Take a slide out of the set. From then on it may be learned from, and never decides again."""
        require_administrator(request.user)
        lock = get_visible(LockedSlide.objects.select_related("slide__case__team"), request.user, pk=pk)
        form = ReasonSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        locked_set.withdraw_lock(lock, form.validated_data["reason"], request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CaseLearningView(APIView):
    @extend_schema(operation_id="cases_learning", responses=CaseLearningSerializer)
    def get(self, request, pk):
        """Whether the case may be learned from, and who said so."""
        return _describe_case(_get_case(request.user, pk))

    @extend_schema(
        operation_id="cases_switch_learning", request=SwitchLearningSerializer, responses=CaseLearningSerializer
    )
    def post(self, request, pk):
        """Withdraw the case from learning, or give it back. What a training has read it has read."""
        case = _get_case(request.user, pk)
        refuse_unless(may(request.user, "learning.withdraw", case.team_id))
        form = SwitchLearningSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        leaving.switch_learning(case, by=request.user, **form.validated_data)
        return _describe_case(case)


def _get_case(user, pk) -> Case:
    return get_visible(Case.objects.select_related("team"), user, pk=pk)


def _describe_case(case: Case) -> Response:
    switches = list(LearningSwitch.objects.filter(case=case).select_related("by"))
    told = {"on": switches[0].on if switches else True, "switches": switches}
    return Response(CaseLearningSerializer(told).data)
