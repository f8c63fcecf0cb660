"""REST: model versions and their activations. Cards may be read by everyone; changes are the administrators'."""

from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from analysis.models import Activation, ModelVersion
from analysis.serializers.models import (
    ActivateSerializer,
    ActivationSerializer,
    ModelDetailSerializer,
    ModelVersionSerializer,
    RetireSerializer,
)
from analysis.services import model_decisions, model_versions
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.models import Team
from mitoweb.people.rights import may

ADMINISTRATORS = "Models are managed by administrators."


class ModelViewSet(viewsets.ReadOnlyModelViewSet):
    """Model versions: networks that never change, each with its card."""

    queryset = ModelVersion.objects.none()  # names the model for the schema; rows come from get_queryset
    serializer_class = ModelVersionSerializer

    def get_queryset(self):
        return ModelVersion.objects.visible_to(self.request.user).with_state().order_by("-created", "name")

    def get_serializer_class(self):
        return ModelDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    def get_serializer_context(self):
        context = super().get_serializer_context()
        if self.request and self.action != "activate":
            context["in_use"] = model_versions.map_active_models(Team.objects.visible_to(self.request.user))
        return context

    @extend_schema(request=ActivateSerializer, responses={201: ActivationSerializer})
    @action(detail=True, methods=["post"])
    def activate(self, request, pk=None):
        """Ask for the version to be used by a team. In force when a second administrator approves it."""
        model = self.get_object()
        _require_administrator(request.user)
        form = ActivateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        team = None if asked["team"] is None else get_visible(Team, request.user, pk=asked["team"])
        activation = model_versions.activate_model(model, team, asked["reason"], request.user, asked["purpose"])
        return Response(ActivationSerializer(activation).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ModelVersionSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request, pk=None):
        """A second administrator's yes to a version that was checked: from then on it may be activated."""
        return self._decide(lambda model: model_decisions.approve_model(model, request.user))

    @extend_schema(request=RetireSerializer, responses=ModelVersionSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request, pk=None):
        """Take the version out of use for good, with a reason. Refused while it is in use anywhere."""
        form = RetireSerializer(data=request.data)
        return self._decide(
            lambda model: model_decisions.retire_model(model, form.validated_data["reason"], request.user), form
        )

    @extend_schema(request=None, responses=ModelVersionSerializer)
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request, pk=None):
        """Take the version out of force wherever it is, at once; the one before it is in force again."""
        return self._decide(lambda model: model_decisions.roll_back(model, request.user))

    def _decide(self, decide, form=None) -> Response:
        model = self.get_object()
        _require_administrator(self.request.user)
        if form is not None:
            form.is_valid(raise_exception=True)
        decide(model)
        return Response(self.get_serializer(self.get_object()).data)


class ActivationViewSet(viewsets.ReadOnlyModelViewSet):
    """Which version was wanted for which team, why, and who approved it."""

    queryset = Activation.objects.none()
    serializer_class = ActivationSerializer
    filterset_fields = ["model"]

    def get_queryset(self):
        rows = Activation.objects.visible_to(self.request.user)
        return rows.select_related("model", "team", "asked_by", "approved_by").order_by("-asked")

    @extend_schema(request=None, responses=ActivationSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request, pk=None):
        """The second administrator's yes."""
        return self._change_activation(model_versions.approve_activation, request.user)

    @extend_schema(request=None, responses=ActivationSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request, pk=None):
        """Take an activation back; the one before it is in force again."""
        return self._change_activation(model_versions.withdraw_activation, request.user)

    def _change_activation(self, change, user) -> Response:
        activation = self.get_object()
        _require_administrator(user)
        return Response(ActivationSerializer(change(activation, user)).data)


def _require_administrator(user) -> None:
    refuse_unless(may(user, "model.manage", None), ADMINISTRATORS)
