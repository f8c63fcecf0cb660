"""What readers send and get back: verdicts, figures, counts."""

from rest_framework import serializers

from analysis.models import Verdict
from analysis.pipeline.count.shapes import SHAPES
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


class PolygonField(serializers.ListField):
    def __init__(self, **kwargs):
        super().__init__(child=serializers.ListField(child=serializers.FloatField()), **kwargs)


FRACTION_HELP = "Share of it that is tissue, 0 to 1; null where no tissue is known."
FIELDS_HELP = "Centres of its fields, level-0 px; null where the protocol counts in no fields."


class CountedRegionSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(
        choices=["best", "alternate", "whole", "drawn"],
        help_text="alternate: of the protocol's next best regions, which do not overlap the best.",
    )
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    polygon = PolygonField(
        allow_null=True, help_text="Level-0 px; null is all that was analysed, empty where none of it may be counted."
    )
    area_mm2 = serializers.FloatField(
        allow_null=True, help_text="The tissue in it, of what was analysed; what per mm² is told of."
    )
    drawn_mm2 = serializers.FloatField(
        allow_null=True, help_text="The outline itself, glass included; null without an outline."
    )
    rank = serializers.IntegerField(allow_null=True, help_text="1 for the best; null where the protocol chose none.")
    fields_l0 = PolygonField(allow_null=True, help_text=FIELDS_HELP)
    further_rings = serializers.ListField(
        child=PolygonField(), help_text="Holes and further parts of the drawn tumour, where all of it is counted."
    )
    tissue_fraction = serializers.FloatField(allow_null=True, help_text=FRACTION_HELP)


class LookedInSerializer(serializers.Serializer):
    """Where the protocol may look at all."""

    where = serializers.ChoiceField(
        choices=["tumour", "tissue", "slide"], help_text="tumour: in the drawn tumour alone; slide: no tissue is known."
    )
    areas = serializers.IntegerField(help_text="Areas of tumour drawn.")
    area_mm2 = serializers.FloatField(allow_null=True, help_text="The tissue there, of what was analysed.")
    drawn_mm2 = serializers.FloatField(allow_null=True, help_text="The analysed tumour as drawn, glass included.")
    mask_cell_um = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="Width and height of a cell of the grid over which regions are exact; null where none was searched.",
    )


class RankedRegionSerializer(serializers.Serializer):
    """One of the protocol's best regions; none overlaps another."""

    rank = serializers.IntegerField()
    polygon = PolygonField()
    fields_l0 = PolygonField(allow_null=True, help_text=FIELDS_HELP)
    area_mm2 = serializers.FloatField()
    confirmed = serializers.IntegerField()
    provisional = serializers.IntegerField()
    tissue_fraction = serializers.FloatField(allow_null=True, help_text=FRACTION_HELP)
    exact = serializers.BooleanField(help_text="Whether no other place holds more, over the grid of looked_in.")
    bound = serializers.FloatField(allow_null=True, help_text="What none exceeds, where it is not exact.")


class RivalSerializer(serializers.Serializer):
    """The window of the protocol nearest to another score; it may overlap the region told."""

    polygon = PolygonField()
    fields_l0 = PolygonField(allow_null=True, help_text=FIELDS_HELP)
    most = serializers.IntegerField(help_text="Figures in it if all that is open there is confirmed.")


class CutoffSerializer(serializers.Serializer):
    score = serializers.CharField()

    def get_fields(self):
        return super().get_fields() | {
            "from": serializers.IntegerField(help_text="The smallest whole count that has the score.")
        }


class ProtocolSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="Its window, as a noun.")
    area_mm2 = serializers.FloatField()
    code = serializers.CharField(help_text="What programs call the protocol.")
    title = serializers.CharField()
    version = serializers.IntegerField()
    shape = serializers.ChoiceField(choices=SHAPES)
    cutoffs = CutoffSerializer(many=True, help_text="Rising; empty where the protocol has no scores.")
    divided_by = serializers.IntegerField(help_text="The count may be told divided by this; scores are of the whole.")
    sources = serializers.DictField(child=serializers.CharField(), help_text="A citation for each number.")
    on = serializers.BooleanField(help_text="Whether it may be used.")
    chosen = serializers.ChoiceField(choices=["case", "team", "default"], help_text="Who chose it.")

    def get_fields(self):
        return super().get_fields() | {
            "fields": serializers.IntegerField(allow_null=True, help_text="How many; null where its shape is none."),
            "field_um": serializers.FloatField(allow_null=True, help_text="Diameter of a field."),
        }


class NextSerializer(serializers.Serializer):
    """An open place; either the detection or the figure is told."""

    detection = serializers.IntegerField(allow_null=True)
    figure = serializers.UUIDField(allow_null=True)
    effect = serializers.FloatField(help_text="Chance that it is asked before the score is settled; 1 is to be next.")


class GuardSerializer(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()
    blocks = serializers.BooleanField(help_text="Whether no score is told; others mark the number.")


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


class MissedEstimateSerializer(serializers.Serializer):
    """What may still be missed in the unmarked fields that were not looked at, by what was found in those that were."""

    low = serializers.IntegerField(help_text="The 95 % interval's.")
    estimate = serializers.FloatField()
    high = serializers.IntegerField(allow_null=True, help_text="null: nothing was looked at, so nothing is known.")
    fields_looked = serializers.IntegerField()
    found = serializers.IntegerField(help_text="Figures in the fields looked at.")
    method = serializers.ChoiceField(
        choices=["hypergeometric", "binomial"], help_text="binomial: where a field held more than one."
    )
    sentence = serializers.CharField()

    def get_fields(self):
        unmarked = serializers.IntegerField(help_text="Unmarked fields when the sample was drawn.")
        return super().get_fields() | {"fields": unmarked}


class CountSerializer(serializers.Serializer):
    region = CountedRegionSerializer()
    looked_in = LookedInSerializer()
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
    interval_with_choice = IntervalSerializer(
        allow_null=True,
        help_text="The same, knowing that the region was chosen as the busiest; of the best region alone.",
    )
    score = serializers.CharField(
        allow_null=True,
        help_text="Of the confirmed figures in the region, the mitotic part alone; null without cut-offs or where a "
        "guard blocks, as all below.",
    )
    to_next_score = serializers.IntegerField(allow_null=True, help_text="How many figures more make the next score.")
    to_previous_score = serializers.IntegerField(allow_null=True, help_text="How many fewer make the previous one.")
    score_low = serializers.CharField(allow_null=True, help_text="If all that is undecided in the region is refuted.")
    score_high = serializers.CharField(
        allow_null=True, help_text="If all of it is confirmed, what the reader is unsure of included."
    )
    decided = serializers.BooleanField(
        allow_null=True, help_text="Whether no answer of the reader can change the score any more, wherever it lies."
    )
    verdicts_to_go = serializers.IntegerField(allow_null=True, help_text="As expected; 0 when decided.")
    decision_note = serializers.CharField(allow_blank=True, help_text="What the decision says and rests on.")
    rival = RivalSerializer(allow_null=True)
    most_elsewhere = serializers.IntegerField(
        allow_null=True, help_text="What no window of the protocol exceeds, whatever is answered."
    )
    regions = RankedRegionSerializer(many=True, help_text="The protocol's best regions, at most three.")
    next = NextSerializer(many=True, help_text="What to judge next, most effect first, at most 50.")
    missed = MissedEstimateSerializer(
        allow_null=True, help_text="From the reader's newest audit, where that was drawn in this region."
    )
    guards = GuardSerializer(many=True, help_text="What stands beside the count or in its way; those that block first.")
    mpp_x = serializers.FloatField()
    mpp_y = serializers.FloatField()
    mpp_source = serializers.CharField()
    doubts = OpenDoubtSerializer(many=True, help_text="What a person is still asked about the slide.")
    readers = ReaderCountSerializer(many=True)
    differ = DifferSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())
