"""REST: reports of the gate. They decide over versions of the installation, so they are the administrators' alone."""

from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.models import GateOverride, GateReport, ModelVersion
from analysis.serializers.gates import (
    AskForGateSerializer,
    AskForOverrideSerializer,
    GateOverrideSerializer,
    GateReportDetailSerializer,
    GateReportSerializer,
    SettleClauseSerializer,
    SettleOverrideSerializer,
)
from analysis.services import gates
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may

ADMINISTRATORS = "Reports of the gate are the administrators'."


def require_judge(user) -> None:
    refuse_unless(may(user, "model.manage", None), ADMINISTRATORS)


class GateReportViewSet(viewsets.ReadOnlyModelViewSet):
    """A version held against the one in use on the locked set."""

    queryset = GateReport.objects.none()  # names the model for the schema; rows come from get_queryset
    serializer_class = GateReportSerializer
    filterset_fields = ["candidate"]

    def get_queryset(self):
        require_judge(self.request.user)
        return GateReport.objects.visible_to(self.request.user).with_facts().order_by("-asked")

    def get_serializer_class(self):
        return GateReportDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    @extend_schema(request=AskForGateSerializer, responses={201: GateReportDetailSerializer})
    def create(self, request):
        """Have a version held against the one in use, in the background. It counts as a look at the locked set."""
        require_judge(request.user)
        asked = _read(AskForGateSerializer, request)
        candidate = get_visible(ModelVersion, request.user, pk=asked["candidate"])
        report = gates.ask_for_report(candidate, request.user)
        return Response(GateReportDetailSerializer(report).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SettleClauseSerializer, responses=GateReportDetailSerializer)
    @action(detail=True, methods=["post"])
    def look(self, request, pk=None):
        """Say of a clause that is left to a person whether it may pass, and what was seen."""
        report = self.get_object()
        said = _read(SettleClauseSerializer, request)
        gates.settle_clause(report, said["code"], said["passes"], said["reason"], request.user)
        return Response(GateReportDetailSerializer(report).data)

    @extend_schema(request=AskForOverrideSerializer, responses={201: GateOverrideSerializer})
    @action(detail=True, methods=["post"])
    def override(self, request, pk=None):
        """Ask for a candidate's approval against its gate; another administrator grants it or refuses it."""
        report = self.get_object()
        override = gates.ask_override(report, _read(AskForOverrideSerializer, request)["reason"], request.user)
        return Response(GateOverrideSerializer(override).data, status=status.HTTP_201_CREATED)


class GateOverrideView(APIView):
    @extend_schema(
        operation_id="gate_overrides_settle", request=SettleOverrideSerializer, responses=GateOverrideSerializer
    )
    def post(self, request, pk):
        """The second administrator's yes or no. The one who asked may only take it back."""
        require_judge(request.user)
        override = get_visible(GateOverride.objects.select_related("report"), request.user, pk=pk)
        granted = _read(SettleOverrideSerializer, request)["granted"]
        return Response(GateOverrideSerializer(gates.settle_override(override, granted, request.user)).data)


def _read(kind, request) -> dict:
    form = kind(data=request.data)
    form.is_valid(raise_exception=True)
    return form.validated_data
