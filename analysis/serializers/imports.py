"""Imported detections in the API."""

from rest_framework import serializers

from mitoweb.lib.json_bodies import ExactKinds


class ImportSerializer(ExactKinds, serializers.Serializer):
    """A file of detections for a slide. Its format is told by what is in it."""

    slide = serializers.UUIDField()
    content = serializers.CharField(help_text="The file's bytes as base64.", trim_whitespace=False)
    detector = serializers.CharField(
        max_length=60, allow_blank=True, default="", help_text="What found them. Blank: as the file says."
    )
    version = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="Of the detector.")
    threshold = serializers.FloatField(
        min_value=0,
        max_value=1,
        allow_null=True,
        default=None,
        help_text="From which probability a place is called where the file has no call of its own. null: the file's.",
    )


class ImportPreviewSerializer(serializers.Serializer):
    """What a file would bring."""

    format = serializers.CharField(help_text="As which it was recognised.")
    detector = serializers.CharField(help_text="As the file names it; may be empty.")
    file_sha256 = serializers.CharField()
    read = serializers.IntegerField(source="fitted.read", help_text="Places in the file.")
    detections = serializers.SerializerMethodField(help_text="Of those, what would be taken in.")
    called = serializers.IntegerField(help_text="Of those, called mitosis.")
    outside = serializers.IntegerField(source="fitted.outside", help_text="Left out: outside the slide.")
    twice = serializers.IntegerField(source="fitted.twice", help_text="Left out: exactly at another one's place.")
    threshold = serializers.FloatField(source="fitted.threshold")
    has_probabilities = serializers.BooleanField(source="fitted.has_probabilities")
    notes = serializers.ListField(
        child=serializers.CharField(), source="fitted.notes", help_text="What a person should know, in sentences."
    )

    def get_detections(self, read) -> int:
        return len(read.fitted.detections)


class ImportedSerializer(serializers.Serializer):
    """Where imported detections come from."""

    detector = serializers.CharField()
    version = serializers.CharField(help_text="May be empty.")
    format = serializers.CharField()
    file_sha256 = serializers.CharField()
    has_probabilities = serializers.BooleanField(help_text="false: 1 and 0 stand for the detector's calls.")
    read = serializers.IntegerField()
    outside = serializers.IntegerField()
    twice = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())
