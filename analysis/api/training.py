"""REST: training runs. What is trained becomes the installation's, so they are the administrators' alone."""

from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from analysis.models import DataSet, ModelVersion, TrainingRun
from analysis.serializers.training import BeginSerializer, TrainingRunDetailSerializer, TrainingRunSerializer
from analysis.services.learning import training_runs
from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.people.rights import may

ADMINISTRATORS = "Training runs are managed by administrators."


def require_trainer(user) -> None:
    refuse_unless(may(user, "training.manage", None), ADMINISTRATORS)


class TrainingRunViewSet(viewsets.ReadOnlyModelViewSet):
    """Runs that train a candidate version from a base and a data set."""

    queryset = TrainingRun.objects.none()  # names the model for the schema; rows come from get_queryset
    serializer_class = TrainingRunSerializer

    def get_queryset(self):
        require_trainer(self.request.user)
        return TrainingRun.objects.visible_to(self.request.user).with_facts().order_by("-number")

    def get_serializer_class(self):
        return TrainingRunDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    @extend_schema(request=BeginSerializer, responses={201: TrainingRunDetailSerializer})
    def create(self, request):
        """Begin a run. It waits for its turn: one is trained at a time, and analyses come first."""
        require_trainer(request.user)
        form = BeginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        run = training_runs.start_run(
            get_visible(ModelVersion, request.user, pk=asked["base"]),
            get_visible(DataSet, request.user, pk=asked["data_set"]),
            training_runs.find_named_recipe(asked["recipe"]),
            seed=asked["seed"],
            replay_share=asked["replay_share"],
            by=request.user,
        )
        return Response(TrainingRunDetailSerializer(run).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=TrainingRunDetailSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request, pk=None):
        """Stop it with a checkpoint."""
        return self._steer(training_runs.pause_run)

    @extend_schema(request=None, responses=TrainingRunDetailSerializer)
    @action(detail=True, methods=["post"], url_path="go-on")
    def go_on(self, request, pk=None):
        """Let it go on from its checkpoint."""
        return self._steer(training_runs.continue_run)

    @extend_schema(request=None, responses=TrainingRunDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk=None):
        """End it. Data set and checkpoint are kept."""
        return self._steer(training_runs.cancel_run)

    def _steer(self, change) -> Response:
        run = change(self.get_object(), self.request.user)
        return Response(TrainingRunDetailSerializer(run).data)
