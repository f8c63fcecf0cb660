"""Reports of the gate as JSON, and what people say to them."""

from rest_framework import serializers

from analysis.models import ClauseLook, GateOverride, GateReport
from analysis.services import gates
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class GateReportSerializer(serializers.ModelSerializer):
    state = serializers.ChoiceField(choices=GateReport.State.choices, read_only=True)
    candidate_name = serializers.CharField(source="candidate.name", read_only=True)
    base_name = serializers.CharField(source="base.name", read_only=True)
    verdict = serializers.ChoiceField(
        choices=GateReport.Verdict.choices, allow_blank=True, read_only=True, help_text="Empty until it is done."
    )
    message = serializers.CharField(source="job.message", default="", read_only=True, help_text="For people.")
    asked_by = ReaderSerializer(allow_null=True, read_only=True)

    class Meta:
        model = GateReport
        fields = ["id", "candidate", "candidate_name", "base", "base_name", "state", "verdict", "sentence", "message"]
        fields += ["asked", "asked_by", "done"]
        read_only_fields = fields


class ClauseLookSerializer(serializers.ModelSerializer):
    by = ReaderSerializer(read_only=True)

    class Meta:
        model = ClauseLook
        fields = ["code", "passes", "reason", "by", "at"]
        read_only_fields = fields


class GateOverrideSerializer(serializers.ModelSerializer):
    asked_by = ReaderSerializer(read_only=True)
    settled_by = ReaderSerializer(allow_null=True, read_only=True)

    class Meta:
        model = GateOverride
        fields = ["id", "report", "reason", "asked_by", "asked", "granted", "settled_by", "settled"]
        read_only_fields = fields


class GateReportDetailSerializer(GateReportSerializer):
    report = serializers.DictField(read_only=True, allow_null=True, help_text="Clauses, flips and curves, when done.")
    looks = ClauseLookSerializer(many=True, read_only=True, help_text="The last one of a clause counts.")
    overrides = GateOverrideSerializer(many=True, read_only=True)
    lacks = serializers.SerializerMethodField(
        help_text="Why the version may not be approved on this report; empty where it may."
    )

    class Meta(GateReportSerializer.Meta):
        fields = [*GateReportSerializer.Meta.fields, "report", "looks", "overrides", "lacks"]
        read_only_fields = fields

    def get_lacks(self, report) -> str:
        return gates.why_not_approved(report)


class AskForGateSerializer(ExactKinds, serializers.Serializer):
    candidate = serializers.UUIDField(help_text="The version to hold against the one in use.")


class SettleClauseSerializer(ExactKinds, serializers.Serializer):
    code = serializers.CharField(max_length=60, help_text="Of a clause that is left to a person.")
    passes = serializers.BooleanField()
    reason = serializers.CharField(max_length=gates.LONGEST_REASON, help_text="What was seen.")


class AskForOverrideSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(max_length=gates.LONGEST_REASON)


class SettleOverrideSerializer(ExactKinds, serializers.Serializer):
    granted = serializers.BooleanField(help_text="False refuses it; the one who asked may only do that.")
