"""Areas that are taken in from a file."""

from rest_framework import serializers

from mitoweb.lib.json_bodies import ExactKinds
from slides.api.serializers import RegionSerializer
from slides.models import Region


class ImportAreasSerializer(ExactKinds, serializers.Serializer):
    kind = serializers.ChoiceField(
        Region.Kind, help_text="`tumour`: each feature is an area. `count`: each polygon is a region to count in."
    )
    geojson = serializers.JSONField(
        help_text="A GeoJSON object, or a list of features as QuPath writes it, in level-0 pixels."
    )
    classification = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=200, help_text="Only what has this class; blank: all."
    )


class ImportedAreasSerializer(serializers.Serializer):
    """All that the file draws, or nothing."""

    regions = RegionSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField(), help_text="What a person should know, in sentences.")
