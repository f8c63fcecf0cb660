"""The compact rows that the viewer follows: detections, verdicts, figures. The same shapes wherever they appear."""

from rest_framework import serializers

from analysis.models import Detection, Figure, Verdict
from mitoweb.people.serializers import ReaderSerializer


class DetectionSerializer(serializers.ModelSerializer):
    """Needs `explained` annotated (Detection rows never change, so it is not a column)."""

    explained = serializers.BooleanField(help_text="Whether Grad-CAM maps are there.")

    class Meta:
        model = Detection
        fields = ["id", "number", "x_l0", "y_l0", "probability", "mitosis", "explained"]


class VerdictSerializer(serializers.ModelSerializer):
    """Needs select_related("reader")."""

    detection = serializers.IntegerField(source="detection_id", allow_null=True)
    figure = serializers.UUIDField(source="figure_id", allow_null=True)
    reader = ReaderSerializer()
    reason = serializers.ChoiceField(Verdict.Reason.choices, allow_blank=True)

    class Meta:
        model = Verdict
        fields = ["id", "revision", "detection", "figure", "reader", "label", "reason", "comment", "at"]
        read_only_fields = fields


class FigureSerializer(serializers.ModelSerializer):
    """Needs select_related("reader")."""

    reader = ReaderSerializer()

    class Meta:
        model = Figure
        fields = ["id", "revision", "x_l0", "y_l0", "reader", "at"]
        read_only_fields = fields
