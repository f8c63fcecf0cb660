"""Data sets, the locked set, and whether a case is learned from."""

from rest_framework import serializers

from analysis.models import DataSet, LearningSwitch, LockedSetLook, LockedSlide
from analysis.models.review import Verdict
from analysis.services.learning import choice, data_sets
from analysis.services.learning.data_sets import LONGEST_NAME
from analysis.services.learning.leaving import LONGEST_REASON
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class ChoiceSerializer(ExactKinds, serializers.Serializer):
    """Which verdicts, and by which rule. Empty lists: all."""

    teams = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**31 - 1), required=False, max_length=choice.MOST_NAMES
    )
    since = serializers.DateField(required=False, allow_null=True, help_text="The first day of verdicts.")
    until = serializers.DateField(required=False, allow_null=True, help_text="The last day of verdicts.")
    tumours = serializers.ListField(
        child=serializers.CharField(max_length=choice.LONGEST_NAME), required=False, max_length=choice.MOST_NAMES,
        help_text="A case is taken when its tumour has all words of one of them.",
    )  # fmt: skip
    scanners = serializers.ListField(
        child=serializers.CharField(max_length=choice.LONGEST_NAME), required=False, max_length=choice.MOST_NAMES
    )
    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=Verdict.Purpose.choices), required=False, min_length=1, max_length=2,
        help_text="Answers for the two are never mixed in one label.",
    )  # fmt: skip
    without = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=2**31 - 1), required=False, max_length=choice.MOST_NAMES,
        help_text="Readers whose verdicts are not used.",
    )  # fmt: skip
    agreement = serializers.ChoiceField(choices=[*choice.AGREEMENTS], required=False)
    disputed = serializers.ChoiceField(
        choices=[*choice.DISPUTES], required=False, help_text="What places become on which no majority is."
    )
    cap = serializers.FloatField(
        required=False, min_value=choice.LEAST_CAP, max_value=1, help_text="The largest share of one reader; 1: none."
    )


class FreezeSerializer(ExactKinds, serializers.Serializer):
    name = serializers.CharField(max_length=LONGEST_NAME)
    choice = ChoiceSerializer(required=False)


class BalanceSerializer(serializers.Serializer):
    places = serializers.IntegerField()
    mitoses = serializers.IntegerField(help_text="Settled as such.")
    others = serializers.IntegerField(help_text="Settled as no mitosis.")
    soft = serializers.IntegerField(help_text="Not settled: the label is a share.")
    added = serializers.IntegerField(help_text="Figures that readers added.")
    validate = serializers.IntegerField()
    correct = serializers.IntegerField()
    cases = serializers.IntegerField()
    slides = serializers.IntegerField()
    readers = serializers.IntegerField()
    verdicts = serializers.IntegerField()


class ReaderShareSerializer(serializers.Serializer):
    reader = serializers.IntegerField(help_text="Id of the person.")
    verdicts = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of all verdicts, before the cap.")
    shared = serializers.IntegerField(help_text="Places that others judged too.")
    agreement = serializers.FloatField(allow_null=True, help_text="With each of the others.")
    kappa = serializers.FloatField(allow_null=True, help_text="Cohen's, with what most of the others say.")
    outlying = serializers.BooleanField(help_text="Differs more than readers do.")


class LeftOutSerializer(serializers.Serializer):
    why = serializers.CharField()
    count = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer):
    """Of a `data_sets.Preview`."""

    balance = BalanceSerializer()
    readers = ReaderShareSerializer(many=True)
    left_out = serializers.SerializerMethodField()
    warnings = serializers.ListField(child=serializers.CharField())

    def get_left_out(self, preview) -> LeftOutSerializer(many=True):
        return [{"why": why, "count": count} for why, count in preview.left_out]


class DataSetSerializer(serializers.ModelSerializer):
    made_by = ReaderSerializer(allow_null=True, read_only=True)
    ready = serializers.BooleanField(source="is_ready", read_only=True, help_text="Whether all patches are cut.")

    class Meta:
        model = DataSet
        fields = ("id", "name", "made", "made_by", "ready", "hash", "used")
        read_only_fields = fields


class DataSetDetailSerializer(DataSetSerializer):
    choice = serializers.JSONField(read_only=True, help_text="As it was asked for.")
    balance = serializers.SerializerMethodField(help_text="Of what stands now.")
    readers = ReaderShareSerializer(many=True, read_only=True)
    left_out = serializers.SerializerMethodField()
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    notes = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="What left it since.")

    class Meta(DataSetSerializer.Meta):
        fields = (*DataSetSerializer.Meta.fields, "choice", "balance", "readers", "left_out", "warnings", "notes")
        read_only_fields = fields

    def get_balance(self, data_set) -> BalanceSerializer:
        return BalanceSerializer(data_sets.measure_standing(data_set)).data

    def get_left_out(self, data_set) -> LeftOutSerializer(many=True):
        return data_sets.list_left_out(data_set)


class LockSerializer(ExactKinds, serializers.Serializer):
    slide = serializers.UUIDField()
    reason = serializers.CharField(max_length=LONGEST_REASON)


class ReasonSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class LockedSlideSerializer(serializers.ModelSerializer):
    by = ReaderSerializer(read_only=True)
    case = serializers.UUIDField(source="slide.case_id", read_only=True)

    class Meta:
        model = LockedSlide
        fields = ("id", "slide", "case", "reason", "by", "at")
        read_only_fields = fields


class ReviewedSerializer(serializers.Serializer):
    """Of a `locked_set.Reviewed`."""

    lock = LockedSlideSerializer()
    lacks = serializers.CharField(help_text="Why it decides nothing yet; empty where it does.")
    readers = serializers.SerializerMethodField(help_text="How many judged all that is asked in the region.")
    mitoses = serializers.SerializerMethodField(help_text="On which they agree.")
    others = serializers.SerializerMethodField(help_text="Of which they agree that they are none.")
    disputed = serializers.SerializerMethodField(help_text="On which they differ; these count neither way.")

    def get_readers(self, row) -> int:
        return len(row.readers)

    def get_mitoses(self, row) -> int:
        return len(row.mitoses_l0)

    def get_others(self, row) -> int:
        return len(row.others_l0)

    def get_disputed(self, row) -> int:
        return len(row.disputed_l0)


class LookSerializer(serializers.ModelSerializer):
    by = ReaderSerializer(read_only=True, allow_null=True)

    class Meta:
        model = LockedSetLook
        fields = ("id", "what", "hash", "by", "at")
        read_only_fields = fields


class LockedSetSerializer(serializers.Serializer):
    """Of a `locked_set.LockedSetState`, with the looks in the context."""

    may_decide = serializers.BooleanField()
    sentence = serializers.CharField()
    cases = serializers.IntegerField()
    mitoses = serializers.IntegerField()
    slides = ReviewedSerializer(many=True)
    looks = serializers.SerializerMethodField(help_text="Evaluations on it, the last first.")

    def get_looks(self, state) -> LookSerializer(many=True):
        return LookSerializer(self.context["looks"], many=True).data


class LearningSwitchSerializer(serializers.ModelSerializer):
    by = ReaderSerializer(read_only=True)

    class Meta:
        model = LearningSwitch
        fields = ("on", "reason", "by", "at")
        read_only_fields = fields


class SwitchLearningSerializer(ExactKinds, serializers.Serializer):
    on = serializers.BooleanField(help_text="False withdraws the case; its places leave every data set.")
    reason = serializers.CharField(max_length=LONGEST_REASON)


class CaseLearningSerializer(serializers.Serializer):
    on = serializers.BooleanField(help_text="Whether the case may be learned from.")
    switches = LearningSwitchSerializer(many=True, help_text="The last first.")
