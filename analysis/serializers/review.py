"""What readers send and get back: verdicts, figures, counts."""

from rest_framework import serializers

from analysis.models import Verdict
from analysis.serializers.rows import CommentSerializer, DetectionSerializer, FigureSerializer, VerdictSerializer
from analysis.serializers.runs import OpenDoubtSerializer
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer

MOST_AT_ONCE = 500  # verdicts in one request: well below a second, and a body of at most a megabyte


class PurposeField(serializers.ChoiceField):
    def __init__(self) -> None:
        super().__init__(
            choices=Verdict.Purpose.choices,
            required=False,
            default=Verdict.Purpose.VALIDATE,
            help_text="What it is given for: to validate a count, or to correct the model for training. Both count "
            "alike; training takes the two apart.",
        )


class GiveVerdictSerializer(ExactKinds, serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by the caller; the same id sent again is the same verdict.")
    detection = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    figure = serializers.UUIDField(required=False, allow_null=True)
    label = serializers.ChoiceField(choices=Verdict.Label.choices)
    reason = serializers.ChoiceField(choices=Verdict.Reason.choices, required=False, allow_blank=True, default="")
    comment = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    phase = serializers.ChoiceField(
        choices=Verdict.Phase.choices,
        required=False,
        allow_blank=True,
        default="",
        help_text="Of a mitosis; empty: nothing is said of it.",
    )
    atypical = serializers.BooleanField(required=False, default=False, help_text="An atypical mitosis.")
    purpose = PurposeField()


class GiveVerdictsSerializer(ExactKinds, serializers.Serializer):
    verdicts = GiveVerdictSerializer(
        many=True,
        allow_empty=False,
        max_length=MOST_AT_ONCE,
        help_text="In their order; all are kept or none.",
        error_messages={
            "empty": "No verdict was sent.",
            "max_length": "At most {max_length} verdicts at once; none was saved.",
        },
    )


class VerdictAnswerSerializer(serializers.Serializer):
    verdict = VerdictSerializer()
    revision = serializers.IntegerField()


class VerdictsAnswerSerializer(serializers.Serializer):
    verdicts = VerdictSerializer(many=True, help_text="In the order in which they were sent.")
    revision = serializers.IntegerField(help_text="The highest of theirs.")


class AddFigureSerializer(ExactKinds, serializers.Serializer):
    id = serializers.UUIDField(help_text="Made by the caller; the same id sent again is the same figure.")
    x_l0 = serializers.FloatField()
    y_l0 = serializers.FloatField()
    purpose = PurposeField()


class SayCommentSerializer(ExactKinds, serializers.Serializer):
    """A comment on one detection or figure; or, with `withdraws`, that a comment of one's own is taken back."""

    id = serializers.UUIDField(help_text="Made by the caller; the same id sent again is the same comment.")
    detection = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    figure = serializers.UUIDField(required=False, allow_null=True)
    text = serializers.CharField(required=False, allow_blank=True, max_length=1000, default="")
    reply_to = serializers.UUIDField(required=False, allow_null=True, help_text="The comment that this answers.")
    withdraws = serializers.UUIDField(
        required=False, allow_null=True, help_text="The comment that this takes back; nothing else is said then."
    )

    def validate(self, attrs: dict) -> dict:
        if attrs.get("withdraws") is None and not attrs["text"]:
            raise serializers.ValidationError({"text": ["A comment needs a text."]})
        if attrs.get("withdraws") is not None and attrs["text"]:
            raise serializers.ValidationError({"text": ["What withdraws a comment says nothing else."]})
        return attrs


class CommentAnswerSerializer(serializers.Serializer):
    comment = CommentSerializer()
    revision = serializers.IntegerField()


class FigureAnswerSerializer(serializers.Serializer):
    """The figure, or the detection within 7.5 µm that got the verdict instead."""

    figure = FigureSerializer(allow_null=True)
    detection = DetectionSerializer(allow_null=True)
    verdict = VerdictSerializer()
    revision = serializers.IntegerField()


class CountedRegionSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=["best", "whole", "drawn"])
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    polygon = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        allow_null=True,
        help_text="Level-0 px; null is all that was analysed.",
    )
    area_mm2 = serializers.FloatField(
        allow_null=True, help_text="The tissue in it, of what was analysed; what per mm² is told of."
    )
    drawn_mm2 = serializers.FloatField(
        allow_null=True, help_text="The outline itself, glass included; null without an outline."
    )


class ProtocolSerializer(serializers.Serializer):
    name = serializers.CharField()
    area_mm2 = serializers.FloatField()


class DensitySerializer(serializers.Serializer):
    """A range while anything is open: from confirmed to provisional."""

    confirmed = serializers.FloatField()
    provisional = serializers.FloatField()


class IntervalSerializer(serializers.Serializer):
    low = serializers.FloatField()
    high = serializers.FloatField()


class ReaderCountSerializer(serializers.Serializer):
    reader = ReaderSerializer()
    confirmed = serializers.IntegerField()
    provisional = serializers.IntegerField()
    judged = serializers.IntegerField()
    open = serializers.IntegerField()


class DifferSerializer(serializers.Serializer):
    detection = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)
    figure = serializers.UUIDField(allow_null=True)
    labels = serializers.DictField(child=serializers.CharField(), help_text="Label by reader id.")


class CountSerializer(serializers.Serializer):
    region = CountedRegionSerializer()
    protocol = ProtocolSerializer()
    smaller_than_protocol = serializers.BooleanField(help_text="Whether protocol_fit is anything but fits.")
    protocol_fit = serializers.ChoiceField(
        choices=["fits", "does_not_fit", "tissue_smaller"],
        help_text="does_not_fit: the protocol's shape has no place, though there is tissue enough; tissue_smaller: "
        "there is not enough tissue.",
    )
    protocol_note = serializers.CharField(help_text="The sentence that goes with protocol_fit; empty where it fits.")
    reader = ReaderSerializer()
    confirmed = serializers.IntegerField(help_text="Judged mitosis, figures added by hand included.")
    provisional = serializers.IntegerField(help_text="Confirmed and open together.")
    open = serializers.IntegerField(help_text="The model's calls and others' figures not yet judged.")
    unsure = serializers.IntegerField()
    judged = serializers.IntegerField()
    model_only = serializers.BooleanField(help_text="This reader judged nothing in the region.")
    nobody_judged = serializers.BooleanField(help_text="No reader judged anything in the whole analysis.")
    per_mm2 = DensitySerializer(allow_null=True)
    interval = IntervalSerializer(
        allow_null=True, help_text="95 %, Poisson, of confirmed, per mm²; null while anything is open."
    )
    mpp_x = serializers.FloatField()
    mpp_y = serializers.FloatField()
    mpp_source = serializers.CharField()
    doubts = OpenDoubtSerializer(many=True, help_text="What a person is still asked about the slide.")
    readers = ReaderCountSerializer(many=True)
    differ = DifferSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())
