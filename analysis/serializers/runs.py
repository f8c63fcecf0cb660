"""Analyses, explanations and jobs in the API."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analysis.models import Analysis
from analysis.serializers.imports import ImportedSerializer
from analysis.serializers.rows import (
    CommentSerializer,
    DetectionSerializer,
    FieldLookSerializer,
    FigureSerializer,
    VerdictSerializer,
)
from analysis.services import runs
from analysis.services.follow_ups import follow_up_state
from mitoweb.lib.jobs.models import Job
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.serializers import ReaderSerializer


class StartSerializer(ExactKinds, serializers.Serializer):
    """What to analyse and how. Left out, `model` is the one in use and `normaliser` the model's own."""

    slide = serializers.UUIDField()
    region = serializers.UUIDField(required=False, allow_null=True, help_text="A region drawn on the slide.")
    model = serializers.UUIDField(required=False, allow_null=True)
    mode = serializers.ChoiceField(Analysis.Mode.choices, default=Analysis.Mode.CANDIDATES)
    normaliser = serializers.ChoiceField(runs.NORMALISERS, required=False, allow_null=True)
    idempotency_key = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="The same key again gives the same analysis."
    )


class UsedModelSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="model_id", allow_null=True, help_text="null: imported; no model ran here.")
    name = serializers.CharField(source="found_by", help_text="Of imported ones the detector's, with its version.")


class AnalysedRegionSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="region_id", allow_null=True, help_text="null when the region was deleted since.")
    name = serializers.CharField(source="region.name", default="")
    polygon = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))


class ValiditySerializer(serializers.Serializer):
    """How far the slide is like those the model was trained on."""

    grade = serializers.ChoiceField(["ok", "caution", "not valid"])
    reasons = serializers.ListField(child=serializers.CharField(), help_text="In words, the heaviest first.")
    measures = serializers.DictField(child=serializers.FloatField(allow_null=True), help_text="What was measured.")


class OpenDoubtSerializer(serializers.Serializer):
    """What a person is asked about a slide and has not answered."""

    code = serializers.CharField()
    text = serializers.CharField()


class StepSerializer(serializers.Serializer):
    """What a job does now. Without a total of its own a step is measured by the whole job."""

    name = serializers.CharField(help_text="In words.")
    done = serializers.IntegerField()
    total = serializers.IntegerField(help_text="0 where it is not known.")
    eta_s = serializers.FloatField(allow_null=True, help_text="Seconds left of the step; null when not known.")


class FollowUpSerializer(serializers.Serializer):
    """Slide check and explanations, made when the analysis is done: they change neither detections nor count."""

    state = serializers.ChoiceField(["none", *Job.State.values])
    message = serializers.CharField(allow_blank=True, help_text="Why it failed, for people.")
    step = StepSerializer(allow_null=True, help_text="null when it does not run.")
    job = serializers.UUIDField(allow_null=True)


class AnalysisSerializer(serializers.ModelSerializer):
    """Needs AnalysisQuerySet.with_facts()."""

    state = serializers.SerializerMethodField()
    message = serializers.SerializerMethodField(help_text="A sentence for people, may be empty.")
    done = serializers.SerializerMethodField(help_text="Tiles finished.")
    total = serializers.SerializerMethodField(help_text="Tiles in all.")
    step = serializers.SerializerMethodField(help_text="What it does now; null when it does not run.")
    eta_s = serializers.SerializerMethodField(help_text="Seconds left of the present step; null when not known.")
    follow_up = serializers.SerializerMethodField(help_text="Slide check and explanations.")
    detections = serializers.IntegerField(source="detection_count")
    model = UsedModelSerializer(source="*")
    imported = ImportedSerializer(allow_null=True, help_text="null: found here.")
    region = serializers.SerializerMethodField(help_text="null: the whole slide.")
    created_by = ReaderSerializer(allow_null=True)
    doubts = OpenDoubtSerializer(source="slide.open_doubts", many=True, help_text="What is still asked of the slide.")
    validity = ValiditySerializer(allow_null=True, help_text="null: not checked.")

    class Meta:
        model = Analysis
        fields = [
            "id", "slide", "state", "message", "done", "total", "step", "eta_s", "follow_up", "device", "candidates",
            "detections", "threshold", "floor", "model", "model_sha256", "mode", "normaliser", "area_mm2", "mpp_x",
            "mpp_y", "mpp_source", "region", "tiles", "seconds", "slide_sha256", "software", "revision", "created",
            "created_by", "job", "doubts", "validity", "imported", "withdrawn",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(Job.State.choices))
    def get_state(self, analysis: Analysis) -> str:
        return runs.analysis_state(analysis)

    def get_message(self, analysis: Analysis) -> str:
        return runs.analysis_message(analysis)

    def get_done(self, analysis: Analysis) -> int:
        return analysis.job.done if analysis.job else analysis.tiles

    def get_total(self, analysis: Analysis) -> int:
        return analysis.job.total if analysis.job else analysis.tiles

    @extend_schema_field(StepSerializer(allow_null=True))
    def get_step(self, analysis: Analysis) -> dict | None:
        return _describe_step(analysis.job)

    @extend_schema_field(FollowUpSerializer)
    def get_follow_up(self, analysis: Analysis) -> dict:
        job = analysis.follow_up
        facts = {"state": follow_up_state(analysis), "message": job.message if job else ""}
        return facts | {"step": _describe_step(job), "job": str(job.pk) if job else None}

    def get_eta_s(self, analysis: Analysis) -> float | None:
        return runs.seconds_left(analysis)

    @extend_schema_field(AnalysedRegionSerializer(allow_null=True))
    def get_region(self, analysis: Analysis) -> dict | None:
        return AnalysedRegionSerializer(analysis).data if analysis.polygon else None


def _describe_step(job: Job | None) -> dict | None:
    if job is None or job.state != Job.State.RUNNING or not job.step:
        return None
    done, total = job.step_progress
    return {"name": job.step, "done": done, "total": total, "eta_s": job.step_seconds_left}


class AnalysisDetailSerializer(AnalysisSerializer):
    tissue = serializers.JSONField(
        allow_null=True, help_text="Outline of the tissue analysed: polygons in level-0 pixels."
    )

    class Meta(AnalysisSerializer.Meta):
        fields = [*AnalysisSerializer.Meta.fields, "tissue"]
        read_only_fields = fields


class ChangesSerializer(serializers.Serializer):
    """Everything newer than `since`. With `more`, ask again at once with the revision given here."""

    revision = serializers.IntegerField()
    more = serializers.BooleanField()
    analysis = AnalysisSerializer()
    detections = DetectionSerializer(many=True)
    verdicts = VerdictSerializer(many=True)
    figures = FigureSerializer(many=True)
    comments = CommentSerializer(many=True)
    looks = FieldLookSerializer(many=True)


class HintAccuracySerializer(serializers.Serializer):
    subtype = serializers.FloatField()
    phase = serializers.FloatField()


class SubtypeHintSerializer(serializers.Serializer):
    """A research hint, part of no call and no count. Probabilities are as if the classes were equally common."""

    subtype = serializers.DictField(child=serializers.FloatField(), help_text="normal, atypical")
    phase = serializers.DictField(
        child=serializers.FloatField(), help_text="prometaphase, metaphase, anaphase_telophase"
    )
    balanced_accuracy = HintAccuracySerializer(help_text="On slides left out when the heads were fitted.")
    heads = serializers.CharField(help_text="Their name: that of the model version they belong to.")


class DetectionHintSerializer(serializers.Serializer):
    detection = serializers.IntegerField()
    subtype = serializers.DictField(child=serializers.FloatField(), help_text="As in an explanation's subtype_hint.")
    phase = serializers.DictField(child=serializers.FloatField())


class HintsSerializer(serializers.Serializer):
    hints = DetectionHintSerializer(many=True)


class ExplanationSerializer(serializers.Serializer):
    state = serializers.ChoiceField(["ready", "queued", "none"])
    message = serializers.CharField(allow_blank=True, help_text="Why the last try failed, for people.")
    mitosis = serializers.CharField(allow_null=True, help_text="Address of the map for mitosis: grey PNG, 100 x 100.")
    other = serializers.CharField(allow_null=True, help_text="Address of the map for the other class.")
    target_layer = serializers.CharField(allow_null=True)
    subtype_hint = SubtypeHintSerializer(allow_null=True, help_text="null: the model has none, or it is not made yet.")
    model = serializers.CharField()


class LeftOutSlideSerializer(serializers.Serializer):
    slide = serializers.UUIDField(source="slide.pk")
    label = serializers.CharField(source="slide.label")
    reason = serializers.CharField(help_text="For people.")


class CasePlanSerializer(serializers.Serializer):
    """What analysing the case would do."""

    slides = serializers.ListField(
        child=serializers.UUIDField(), source="slide_ids", help_text="Those it would analyse."
    )
    left_out = LeftOutSlideSerializer(many=True)
    seconds = serializers.FloatField(allow_null=True, help_text="At this machine's pace so far; null: no estimate yet.")


class CaseRunsSerializer(serializers.Serializer):
    """The analyses that were begun or go on, and the slides that were left out."""

    analyses = AnalysisSerializer(many=True)
    left_out = LeftOutSlideSerializer(many=True)
