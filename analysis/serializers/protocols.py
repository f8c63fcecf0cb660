"""Protocols of counting, and the one of a case."""

from rest_framework import serializers

from analysis.pipeline.count.protocols.protocol import ROUNDINGS
from analysis.pipeline.count.shapes import SHAPES
from analysis.services import protocols
from analysis.services.protocol_changes import LONGEST_REASON
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class ProtocolCutoffSerializer(serializers.Serializer):
    score = serializers.CharField(max_length=60, help_text="The mitotic part alone, never a grade.")

    def get_fields(self):
        start = serializers.IntegerField(min_value=0, help_text="The smallest whole count that has the score.")
        return super().get_fields() | {"from": start}  # a word of the language


class ProtocolRuleSerializer(serializers.Serializer):
    upper = serializers.ListField(child=serializers.IntegerField(min_value=0))
    area_mm2 = serializers.FloatField()


class ProtocolKeySerializer(ExactKinds, serializers.Serializer):
    name = serializers.CharField(max_length=60)
    version = serializers.IntegerField(min_value=1)


class ProtocolDocumentSerializer(serializers.Serializer):
    """What a file of a protocol may say. Written out for the description; what is sent is read by the library."""

    name = serializers.CharField(max_length=60)
    version = serializers.IntegerField(min_value=1)
    title = serializers.CharField(required=False, max_length=200, allow_blank=True)
    shape = serializers.ChoiceField(choices=SHAPES)
    area_mm2 = serializers.FloatField(required=False, help_text="Of the whole window; of fields their diameter does.")
    aspect = serializers.FloatField(required=False, help_text="Long by short side of a rectangle.")
    fields = serializers.IntegerField(required=False, help_text="How many fields.")
    field_um = serializers.FloatField(required=False, help_text="Diameter of a field.")
    touching = serializers.BooleanField(required=False, help_text="Whether each field must touch another.")
    cutoffs = ProtocolCutoffSerializer(many=True, required=False)
    cutoff_rule = ProtocolRuleSerializer(required=False)
    on = serializers.BooleanField(required=False)
    where = serializers.CharField(required=False, allow_blank=True)
    divided_by = serializers.IntegerField(required=False, min_value=1)
    rounding = serializers.ChoiceField(choices=ROUNDINGS, required=False)
    sources = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    notes = serializers.CharField(required=False, allow_blank=True)


class NewProtocolSerializer(ProtocolDocumentSerializer):
    """A new version: the keys of its file, or `text`, the content of one."""

    copied_from = ProtocolKeySerializer(required=False, allow_null=True)
    text = serializers.CharField(required=False, help_text="TOML or JSON, instead of the keys themselves.")


class ProtocolVersionSerializer(ProtocolDocumentSerializer):
    """Of a `protocols.Version`: the keys of its file, and where it comes from."""

    title = serializers.CharField()
    area_mm2 = serializers.FloatField()
    cutoffs = ProtocolCutoffSerializer(many=True)
    on = serializers.BooleanField(help_text="Whether cases may be given it. Those that have it keep it.")
    shipped = serializers.BooleanField(help_text="Whether it came with the program.")
    created = serializers.DateTimeField(allow_null=True)
    created_by = ReaderSerializer(allow_null=True)
    copied_from = ProtocolKeySerializer(allow_null=True)

    def to_representation(self, version: protocols.Version) -> dict:
        return super().to_representation(describe_version(version))


class SwitchSerializer(serializers.Serializer):
    on = serializers.BooleanField()
    reason = serializers.CharField()
    by = ReaderSerializer()
    at = serializers.DateTimeField()


class ProtocolDetailSerializer(ProtocolVersionSerializer):
    document = ProtocolDocumentSerializer(help_text="What a file of it holds: to be copied, changed and sent.")
    switches = SwitchSerializer(many=True, help_text="When it was switched on or off, the last first.")

    def to_representation(self, version: protocols.Version) -> dict:
        more = {"document": version.protocol.as_json(), "switches": protocols.list_switches(version)}
        return serializers.Serializer.to_representation(self, describe_version(version) | more)


class SwitchProtocolSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=LONGEST_REASON)


class ChooseProtocolSerializer(ExactKinds, serializers.Serializer):
    name = serializers.CharField(max_length=60, allow_null=True, help_text="Null: the team's default again.")
    version = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, help_text="Null: the newest that is on."
    )


class DefaultProtocolSerializer(serializers.Serializer):
    name = serializers.CharField(source="protocol.name")
    version = serializers.IntegerField(source="protocol.version")
    title = serializers.CharField(source="protocol.title")
    chosen = serializers.ChoiceField(choices=[protocols.TEAM, protocols.DEFAULT])
    tumour = serializers.CharField(help_text="The team's default is for it; empty where there is none.")


class CaseProtocolSerializer(serializers.Serializer):
    """Of a `protocols.Choice`, with the default of the case in the context."""

    name = serializers.CharField(source="protocol.name")
    version = serializers.IntegerField(source="protocol.version")
    title = serializers.CharField(source="protocol.title")
    on = serializers.BooleanField(source="protocol.on")
    chosen = serializers.ChoiceField(
        choices=[protocols.CASE, protocols.TEAM, protocols.DEFAULT],
        help_text="By a person for this case, by the team for its tumour, or by nobody.",
    )
    by = ReaderSerializer(allow_null=True, help_text="Who chose it.")
    at = serializers.DateTimeField(allow_null=True)
    newer = serializers.IntegerField(allow_null=True, help_text="A later version that is on and was not chosen.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What to know of the choice, in sentences.")
    protocol = serializers.SerializerMethodField(help_text="All that it says.")
    default = serializers.SerializerMethodField(help_text="What the case has where nobody chose.")

    def get_protocol(self, choice) -> ProtocolVersionSerializer:
        return ProtocolVersionSerializer(choice.version).data

    def get_default(self, choice) -> DefaultProtocolSerializer:
        return DefaultProtocolSerializer(self.context["default"]).data


def describe_version(version: protocols.Version) -> dict:
    row = version.row
    origin = row.copied_from if row else None
    return version.protocol.as_json() | {
        "shipped": version.shipped,
        "created": row.created if row and not version.shipped else None,
        "created_by": row.created_by if row else None,
        "copied_from": {"name": origin.name, "version": origin.version} if origin else None,
    }
