"""Rows as JSON. File names, labels inside files and raw properties never leave the server (DESIGN: privacy)."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mitoweb.lib.jobs.models import Job
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.models import Team, User
from slides.files import kept_suffix
from slides.models import Case, Region, Slide, Upload
from slides.services.areas import area_mm2
from slides.services.doubts import describe_answer
from slides.services.uploads import offset_of
from slides.wsi.doubts import CODES


class CaseSerializer(ExactKinds, serializers.ModelSerializer):
    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.none(), help_text="Fixed once the case is made.")
    readers = serializers.PrimaryKeyRelatedField(queryset=User.objects.none(), many=True, required=False)
    created_by = serializers.StringRelatedField(allow_null=True)
    protocol = serializers.CharField(
        write_only=True,
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="What the case is counted by, as `name:version`; empty: the default. `protocol/` of a case tells it.",
    )

    class Meta:
        model = Case
        fields = [
            *("id", "team", "accession", "tumour_type", "organ", "species", "note", "due", "readers"),
            *("protocol", "version", "created_by", "created", "changed"),
        ]
        read_only_fields = ["version", "created", "changed"]
        validators = []  # the database says it, with a sentence from the service

    def get_fields(self):
        fields = super().get_fields()
        if "request" in self.context:
            teams = Team.objects.visible_to(self.context["request"].user)
            fields["team"].queryset = teams
            # People of other teams look like people who do not exist.
            mates = User.objects.filter(is_active=True, memberships__team__in=teams).distinct()
            fields["readers"].child_relation.queryset = mates
        if self.instance is not None:
            fields["team"].read_only = True
        return fields


class CaseChange(CaseSerializer):
    """What can be changed of a case: all but its team."""

    def get_fields(self):
        fields = super().get_fields()
        del fields["team"]
        return fields


class DoubtSerializer(serializers.Serializer):
    """What a person is asked about a slide before an analysis begins."""

    code = serializers.CharField(help_text="One of the codes of `slides/wsi/doubts.py`.")
    text = serializers.CharField(help_text="The sentence for people.")
    answer = serializers.SerializerMethodField(help_text="How and by whom it was answered; empty while it is asked.")

    def get_answer(self, doubt) -> str:
        return describe_answer(doubt)


class DoubtsAnswer(ExactKinds, serializers.Serializer):
    """What is said to that. With another pixel size, change the slide's."""

    answer = serializers.ChoiceField(
        ["as_told", "ask_again"], help_text="Use the slide as its file says; or take the answers back."
    )
    codes = serializers.ListField(
        child=serializers.ChoiceField(CODES), required=False, help_text="Of as_told: to these alone."
    )


class SceneChoice(ExactKinds, serializers.Serializer):
    """Which picture of the slide's file."""

    scene = serializers.IntegerField(min_value=0, max_value=32767, help_text="Its number in `scenes`, from 0.")


class SlideSerializer(serializers.ModelSerializer):
    mpp = serializers.FloatField(read_only=True, allow_null=True, help_text="Mean pixel size in µm, null when unknown.")
    levels = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), help_text="[width, height, downsample] of each."
    )
    scenes = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="[width, height] of each picture of a file that holds several; `scene` is the number of this one.",
    )
    hints = serializers.ListField(child=serializers.CharField())
    doubts = DoubtSerializer(many=True, read_only=True)

    class Meta:
        model = Slide
        fields = [
            *("id", "case", "label", "kind", "state", "reason", "hints", "doubts", "sha256", "bytes"),
            *("format", "width", "height", "levels", "tile_size", "tile_overlap", "scene", "scenes"),
            *("mpp", "mpp_x", "mpp_y", "mpp_source", "mpp_note", "objective", "scanner", "created"),
        ]
        read_only_fields = fields


WAYS = ("mpp_x", "length_um", "camera_um", "from_scanner")


class SizeChange(ExactKinds, serializers.Serializer):
    """A pixel size in one of four ways: typed in, a known length, the optics, the scanner's default."""

    nothing = "Nothing to change: give a pixel size."

    mpp_x = serializers.FloatField(required=False, help_text="µm per level-0 pixel; or")
    mpp_y = serializers.FloatField(required=False, help_text="where pixels are not square")
    length_um = serializers.FloatField(required=False, help_text="length of something on the slide, in µm …")
    length_px = serializers.FloatField(required=False, help_text="… and in level-0 pixels; or")
    camera_um = serializers.FloatField(required=False, help_text="pixel pitch of the camera, in µm …")
    objective = serializers.FloatField(required=False, help_text="… its objective's magnification …")
    tube = serializers.FloatField(required=False, help_text="… and that of tube and adapter (1); or")
    from_scanner = serializers.BooleanField(required=False, help_text="the team's default for the slide's scanner.")
    keep_for_scanner = serializers.BooleanField(required=False, help_text="Make it the default of the slide's scanner.")
    note = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="How it is known.")

    def validate(self, data):
        ways = [way for way in WAYS if way in data and data[way] is not False]
        if len(ways) > 1:
            raise serializers.ValidationError("Give one way to the pixel size, not several.")
        if ("length_um" in data) != ("length_px" in data):
            raise serializers.ValidationError("A known length needs both length_um and length_px.")
        if ("camera_um" in data) != ("objective" in data) or ("tube" in data and "camera_um" not in data):
            raise serializers.ValidationError("By the optics needs both camera_um and objective.")
        if "mpp_y" in data and "mpp_x" not in data:
            raise serializers.ValidationError("mpp_y needs mpp_x.")
        if not ways and "label" not in data:
            raise serializers.ValidationError(self.nothing)
        return data


class SlideChange(SizeChange):
    """A new label, or a pixel size in one of four ways: typed in, a known length, the optics, the scanner's default."""

    nothing = "Nothing to change: give a label or a pixel size."
    label = serializers.CharField(max_length=60, required=False)


class SizesChange(SizeChange):
    """The same pixel size for several slides of a case; by the scanner's default, each its own scanner's."""

    slides = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class StainSerializer(serializers.Serializer):
    """How optical densities (-log10 of the share of light, per red, green, blue) become those of the reference."""

    matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4),
        allow_null=True,
        help_text="Three rows of a matrix and an offset; null where the slide has no profile.",
    )
    reason = serializers.CharField(allow_blank=True, help_text="Why there is none, for people.")


class OutlineField(serializers.ListField):
    """[[x_l0, y_l0], …]"""

    def __init__(self, **kwargs):
        child = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)
        super().__init__(child=child, **kwargs)


class RegionSerializer(ExactKinds, serializers.ModelSerializer):
    slide = serializers.PrimaryKeyRelatedField(queryset=Slide.objects.none())
    kind = serializers.ChoiceField(
        Region.Kind, required=False, help_text="`count`: a region to count in (the default). `tumour`: where it lies."
    )
    name = serializers.CharField(max_length=60, required=False, allow_blank=True)
    polygon = OutlineField(help_text="[[x_l0, y_l0], …] in level-0 pixels, cut at the slide's edges.")
    further_rings = serializers.ListField(
        child=OutlineField(),
        required=False,
        help_text="Of a tumour: its holes and further parts. What lies in an odd number of rings is in the area.",
    )
    area_mm2 = serializers.SerializerMethodField(help_text="As drawn; null without a pixel size.")
    created_by = serializers.StringRelatedField(allow_null=True)
    changed_by = serializers.StringRelatedField(allow_null=True)
    withdrawn_by = serializers.StringRelatedField(allow_null=True)

    class Meta:
        model = Region
        fields = [
            *("id", "slide", "kind", "name", "polygon", "further_rings", "area_mm2", "revision", "imported"),
            *("created_by", "created", "changed_by", "changed", "withdrawn_by", "withdrawn"),
        ]
        read_only_fields = ["revision", "imported", "created", "changed", "withdrawn"]

    def get_fields(self):
        fields = super().get_fields()
        if "request" in self.context:
            fields["slide"].queryset = Slide.objects.visible_to(self.context["request"].user)
        return fields

    def get_area_mm2(self, region) -> float | None:
        return area_mm2(region)


class RegionChange(ExactKinds, serializers.Serializer):
    """A new name or outline. An outline is replaced as a whole: given alone, `polygon` leaves no further rings."""

    name = serializers.CharField(max_length=60, required=False, allow_blank=True)
    polygon = OutlineField(required=False)
    further_rings = serializers.ListField(child=OutlineField(), required=False)

    def validate(self, data):
        if not data:
            raise serializers.ValidationError("Nothing to change: give a name or an outline.")
        return data


class UploadSerializer(serializers.ModelSerializer):
    name = serializers.SerializerMethodField(
        help_text="Shown to whoever uploads until the check has ended; empty for everyone else."
    )
    mine = serializers.SerializerMethodField()
    offset = serializers.SerializerMethodField(help_text="Bytes that have arrived.")
    slide = serializers.UUIDField(
        source="found.pk",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="What it became. Of a file that the case had already, the slide that it is; null once that is gone.",
    )
    slide_label = serializers.CharField(source="found.label", default=None, allow_null=True, read_only=True)
    slide_state = serializers.ChoiceField(
        Slide.State, source="found.state", default=None, allow_null=True, read_only=True
    )
    mpp_known = serializers.SerializerMethodField(help_text="Whether the finished slide has a pixel size.")
    is_asked = serializers.SerializerMethodField(help_text="Whether something is asked about the finished slide.")
    percent = serializers.SerializerMethodField(help_text="Of the check.")
    waiting = serializers.SerializerMethodField(help_text="Whether the check is still waiting for a worker.")
    by = serializers.CharField(source="user.username", read_only=True)
    accession = serializers.CharField(source="case.accession", read_only=True)

    class Meta:
        model = Upload
        fields = [
            *("id", "case", "accession", "by", "mine", "name", "label", "length", "offset", "state", "step", "reason"),
            *("percent", "waiting", "slide", "slide_label", "slide_state", "mpp_known", "is_asked", "bundle"),
            *("bundle_files", "created", "expires"),
        ]
        read_only_fields = fields

    def get_mine(self, upload) -> bool:
        return upload.user_id == self.context["request"].user.pk

    def get_name(self, upload) -> str:
        is_told = self.get_mine(upload) and upload.name != kept_suffix(upload.name)
        return upload.name if is_told else ""

    def get_offset(self, upload) -> int:
        return offset_of(upload) or 0

    def get_mpp_known(self, upload) -> bool:
        return upload.slide is not None and upload.slide.mpp_x is not None

    def get_is_asked(self, upload) -> bool:
        return upload.slide is not None and bool(upload.slide.open_doubts)

    def get_waiting(self, upload) -> bool:
        return upload.job is not None and upload.job.state == Job.State.QUEUED

    @extend_schema_field(OpenApiTypes.INT)
    def get_percent(self, upload):
        return upload.job.percent if upload.job else 0
