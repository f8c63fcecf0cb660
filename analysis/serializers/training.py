"""Training runs as JSON."""

from rest_framework import serializers

from analysis.models import TrainingRun
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class TrainingRunSerializer(serializers.ModelSerializer):
    state = serializers.ChoiceField(choices=TrainingRun.State.choices, read_only=True)
    base = serializers.CharField(source="base.name", read_only=True)
    data_set_name = serializers.CharField(source="data_set.name", read_only=True)
    created_by = ReaderSerializer(allow_null=True, read_only=True)
    step = serializers.IntegerField(source="job.done", default=0, read_only=True, help_text="Steps done, of `steps`.")
    message = serializers.CharField(source="job.message", default="", read_only=True, help_text="For people.")
    seconds_left = serializers.FloatField(
        source="job.step_seconds_left", default=None, read_only=True, allow_null=True, help_text="Null: not known."
    )

    class Meta:
        model = TrainingRun
        fields = ["id", "number", "state", "base", "data_set", "data_set_name", "data_set_hash", "recipe"]
        fields += ["recipe_sha256", "seed", "replay_share", "step", "steps", "seconds_left", "message", "created"]
        fields += ["created_by", "result"]
        read_only_fields = fields


class TrainingRunDetailSerializer(TrainingRunSerializer):
    curves = serializers.ListField(child=serializers.DictField(), read_only=True)
    events = serializers.ListField(child=serializers.DictField(), read_only=True)
    lineage = serializers.DictField(read_only=True, allow_null=True)

    class Meta(TrainingRunSerializer.Meta):
        fields = [*TrainingRunSerializer.Meta.fields, "device", "threads", "software", "waited_s", "curves", "events"]
        fields += ["lineage"]
        read_only_fields = fields


class BeginSerializer(ExactKinds, serializers.Serializer):
    base = serializers.UUIDField(help_text="The model version to train from.")
    data_set = serializers.UUIDField()
    recipe = serializers.CharField(max_length=60, help_text="By name: fine-tune, from-scratch.")
    seed = serializers.IntegerField(required=False, default=1)
    replay_share = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Of each batch, from the original data; null: as the recipe has it.",
    )
