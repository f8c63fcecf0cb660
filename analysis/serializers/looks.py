"""What readers send and get back of fields: walks through a region, audits of unmarked fields, estimates."""

from rest_framework import serializers

from analysis.models import FieldLook
from analysis.serializers.review import MissedEstimateSerializer, PolygonField
from analysis.serializers.rows import FieldLookSerializer
from analysis.services.looks import LEAST_FIELD_UM, MOST_FIELD_UM
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class KeepLookSerializer(ExactKinds, serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by the caller; the same id sent again is the same look.")
    x_l0 = serializers.FloatField(help_text="The field's middle.")
    y_l0 = serializers.FloatField()
    radius_um = serializers.FloatField()
    kind = serializers.ChoiceField(FieldLook.Kind.choices, required=False, default=FieldLook.Kind.WALK)
    sample = serializers.UUIDField(required=False, allow_null=True, help_text="Of an audit: what was drawn for it.")


class LookAnswerSerializer(serializers.Serializer):
    look = FieldLookSerializer()
    revision = serializers.IntegerField()


class DiameterField(serializers.FloatField):
    def __init__(self) -> None:
        super().__init__(
            required=False,
            min_value=LEAST_FIELD_UM,
            max_value=MOST_FIELD_UM,
            help_text="Diameter of a field, µm; the default is the protocol's, else 550.",
        )


class WalkQuestionSerializer(serializers.Serializer):
    field_um = DiameterField()


class DrawSampleSerializer(ExactKinds, serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by the caller; the same id sent again is the same sample.")
    field_um = DiameterField()


class FieldSerializer(serializers.Serializer):
    x_l0 = serializers.FloatField(help_text="Its middle.")
    y_l0 = serializers.FloatField()


class WalkedFieldSerializer(FieldSerializer):
    looked = serializers.BooleanField(help_text="Whether the reader has seen its tissue, in whatever fields.")


class CoverageSerializer(serializers.Serializer):
    area_mm2 = serializers.FloatField(help_text="The tissue of the region.")
    looked_mm2 = serializers.FloatField(help_text="Of it what the reader looked at; what two looks share counts once.")
    share = serializers.FloatField(help_text="Of it, 0 to 1.")


class WalkedRegionSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=["best", "alternate", "whole", "drawn"])
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    rank = serializers.IntegerField(allow_null=True)
    polygon = PolygonField(allow_null=True, help_text="Level-0 px; null is all that was analysed.")
    further_rings = serializers.ListField(child=PolygonField(), help_text="Holes and further parts of a drawn tumour.")


class WalkSerializer(serializers.Serializer):
    """The way of a field through a region, and how much of it one reader has looked at."""

    reader = ReaderSerializer()
    region = WalkedRegionSerializer()
    field_um = serializers.FloatField(help_text="Diameter of a field.")
    field_source = serializers.ChoiceField(
        choices=["asked", "protocol", "usual"], help_text="usual: 550 µm, as nobody named another."
    )
    fields_looked = serializers.IntegerField()
    coverage = CoverageSerializer()

    def get_fields(self):
        walked = WalkedFieldSerializer(many=True, help_text="In the order of the walk; together they cover the tissue.")
        return super().get_fields() | {"fields": walked}


class StripPlaceSerializer(serializers.Serializer):
    detection = serializers.IntegerField()
    probability = serializers.FloatField()
    window = serializers.CharField(help_text="1, 2, 3: the protocol's regions; rival, drawn or whole.")


class SampleSerializer(serializers.Serializer):
    """The unmarked fields of a region in the random order in which they are looked at."""

    id = serializers.UUIDField()
    seed = serializers.IntegerField(help_text="Of the random order.")
    field_um = serializers.FloatField()
    revision = serializers.IntegerField(help_text="Of the analysis when it was drawn.")
    at = serializers.DateTimeField()
    fields_looked = serializers.IntegerField(help_text="From the first on.")
    is_of_region = serializers.BooleanField(help_text="Whether it was drawn in the region asked for.")

    def get_fields(self):
        return super().get_fields() | {"fields": FieldSerializer(many=True)}


class MissedSerializer(serializers.Serializer):
    reader = ReaderSerializer()
    strip = StripPlaceSerializer(
        many=True, help_text="Below the threshold and not judged, in each window that matters, most probable first."
    )
    strip_left = serializers.IntegerField(help_text="How many there are; at most 200 are told.")
    sample = SampleSerializer(allow_null=True, help_text="The reader's newest; null where none was drawn.")
    estimate = MissedEstimateSerializer(allow_null=True)
