"""The compact rows that the viewer follows: detections, verdicts, figures, comments, looks. The same everywhere."""

from collections.abc import Iterable

from rest_framework import serializers

from analysis.models import Comment, Detection, FieldLook, Figure, Verdict
from mitoweb.people.serializers import ReaderSerializer


class DetectionSerializer(serializers.ModelSerializer):
    """Needs `explained` annotated (Detection rows never change, so it is not a column)."""

    explained = serializers.BooleanField(help_text="Whether Grad-CAM maps are there.")

    class Meta:
        model = Detection
        fields = ["id", "number", "x_l0", "y_l0", "probability", "mitosis", "explained"]


PX_DIGITS, PROBABILITY_DIGITS = 2, 6  # of what the feed sends: finer than any detector places or weighs


def list_detections(rows: Iterable[Detection]) -> list[dict]:
    """As DetectionSerializer says, for the tens of thousands of a feed, of which it would take ten times as long."""
    return [
        {
            "id": row.pk,
            "number": row.number,
            "x_l0": round(row.x_l0, PX_DIGITS),
            "y_l0": round(row.y_l0, PX_DIGITS),
            "probability": round(row.probability, PROBABILITY_DIGITS),
            "mitosis": row.mitosis,
            "explained": row.explained,
        }
        for row in rows
    ]


class VerdictSerializer(serializers.ModelSerializer):
    """Needs select_related("reader")."""

    detection = serializers.IntegerField(source="detection_id", allow_null=True)
    figure = serializers.UUIDField(source="figure_id", allow_null=True)
    reader = ReaderSerializer()
    reason = serializers.ChoiceField(Verdict.Reason.choices, allow_blank=True)
    phase = serializers.ChoiceField(Verdict.Phase.choices, allow_blank=True)

    class Meta:
        model = Verdict
        fields = ["id", "revision", "detection", "figure", "reader", "label", "reason", "comment", "at"]
        fields += ["phase", "atypical", "purpose"]
        read_only_fields = fields


class CommentSerializer(serializers.ModelSerializer):
    """Needs select_related("author") and `withdrawn` annotated. What was withdrawn is shown without its text."""

    detection = serializers.IntegerField(source="detection_id", allow_null=True)
    figure = serializers.UUIDField(source="figure_id", allow_null=True)
    author = ReaderSerializer()
    text = serializers.SerializerMethodField(help_text="Empty for what was withdrawn, and for the row that does it.")
    reply_to = serializers.UUIDField(source="reply_to_id", allow_null=True, help_text="The comment that this answers.")
    withdraws = serializers.UUIDField(
        source="withdraws_id", allow_null=True, help_text="The comment that this row takes back, and says nothing else."
    )
    withdrawn = serializers.BooleanField(help_text="Whether its author has taken it back since.")

    class Meta:
        model = Comment
        fields = ["id", "revision", "detection", "figure", "author", "text", "reply_to", "withdraws", "withdrawn", "at"]
        read_only_fields = fields

    def get_text(self, comment: Comment) -> str:
        return "" if comment.withdrawn else comment.text


class FigureSerializer(serializers.ModelSerializer):
    """Needs select_related("reader")."""

    reader = ReaderSerializer()

    class Meta:
        model = Figure
        fields = ["id", "revision", "x_l0", "y_l0", "reader", "at"]
        read_only_fields = fields


class FieldLookSerializer(serializers.ModelSerializer):
    """Needs select_related("reader")."""

    reader = ReaderSerializer()
    sample = serializers.UUIDField(source="sample_id", allow_null=True, help_text="Of an audit: what was drawn for it.")

    class Meta:
        model = FieldLook
        fields = ["id", "revision", "reader", "kind", "sample", "x_l0", "y_l0", "radius_um", "at"]
        read_only_fields = fields
