"""Model versions with their cards, and activations."""

from rest_framework import serializers

from analysis.models import Activation, ModelStanding, ModelVersion
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.models import Team
from mitoweb.people.serializers import ReaderSerializer


class TeamNameSerializer(serializers.ModelSerializer):
    class Meta:
        model = Team
        fields = ["id", "name"]


class ModelVersionSerializer(serializers.ModelSerializer):
    """Needs the context `in_use`: {model id: teams that use it}."""

    state = serializers.ChoiceField(choices=ModelStanding.State.choices, read_only=True)
    in_use_by = serializers.SerializerMethodField(help_text="Of your teams, those that use it when none is named.")

    class Meta:
        model = ModelVersion
        fields = ["id", "name", "sha256", "parameters", "threshold", "shipped", "created", "state", "in_use_by"]
        read_only_fields = fields

    def get_in_use_by(self, model) -> list[int]:
        return [team.pk for team in self.context["in_use"].get(model.pk, [])]


class ModelDetailSerializer(ModelVersionSerializer):
    card = serializers.DictField(help_text="What must be known to use the weights, and what was measured with them.")

    class Meta(ModelVersionSerializer.Meta):
        fields = [*ModelVersionSerializer.Meta.fields, "card"]
        read_only_fields = fields


class ActivationSerializer(serializers.ModelSerializer):
    team = TeamNameSerializer(allow_null=True)
    asked_by = ReaderSerializer(allow_null=True)
    approved_by = ReaderSerializer(allow_null=True)
    state = serializers.SerializerMethodField(help_text="waiting, approved or withdrawn")

    class Meta:
        model = Activation
        fields = ["id", "model", "team", "purpose", "reason", "state", "asked_by", "asked", "approved_by", "approved"]
        fields += ["withdrawn"]
        read_only_fields = fields

    def get_state(self, activation) -> str:
        if activation.withdrawn:
            return "withdrawn"
        return "approved" if activation.approved else "waiting"


class ActivateSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(max_length=1000)
    team = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="Null is every team.")
    purpose = serializers.ChoiceField(choices=Activation.Purpose.choices, default=Activation.Purpose.DETECTION)


class RetireSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(max_length=1000)
