"""/api/quarantine/ and what administrators see of the installation's protection."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.json_bodies import ExactKinds
from mitoweb.people.rights import may
from slides.models import Slide
from slides.services import quarantine
from slides.wsi.sandbox import limits

ADMINISTRATORS = "Slides in quarantine are the administrators'."
SHOWN = 200


class WaitingSerializer(serializers.ModelSerializer):
    team = serializers.CharField(source="case.team.name")
    accession = serializers.CharField(source="case.accession")
    method = serializers.CharField(source="privacy.method", default="", help_text="How it was rewritten, none if not.")
    unknown = serializers.ListField(
        source="privacy.unknown", child=serializers.CharField(), default=list, help_text="Names of keys, never values."
    )
    is_original = serializers.BooleanField(help_text="Whether what would be shown is the file as it was sent.")

    class Meta:
        model = Slide
        fields = [
            *("id", "case", "team", "accession", "label", "format", "bytes", "reason"),
            *("method", "unknown", "is_original", "created"),
        ]
        read_only_fields = fields


class ReleaseSerializer(ExactKinds, serializers.Serializer):
    reason = serializers.CharField(max_length=quarantine.LONGEST_REASON)


class ProtectionSerializer(serializers.Serializer):
    sandbox = serializers.ChoiceField([limits.BUBBLEWRAP, limits.LANDLOCK, limits.UNSHARE, limits.BOUNDS])
    sentence = serializers.CharField(help_text="The same in words.")
    sealed_days = serializers.IntegerField(help_text="How long originals are kept, 0: not at all.")
    sealed_originals = serializers.IntegerField()
    in_quarantine = serializers.IntegerField()


class QuarantineView(APIView):
    @extend_schema(operation_id="quarantine_list", responses=WaitingSerializer(many=True))
    def get(self, request):
        """Slides that wait for an administrator, the oldest first, at most 200."""
        refuse_unless(may(request.user, "slide.release", None), ADMINISTRATORS)
        return Response(WaitingSerializer(quarantine.list_quarantined(request.user)[:SHOWN], many=True).data)


class ReleaseView(APIView):
    @extend_schema(operation_id="slides_release", request=ReleaseSerializer, responses={202: WaitingSerializer})
    def post(self, request, pk):
        """Let a slide out of quarantine, with a reason that stays on it; its check goes on."""
        slide = get_visible(Slide, request.user, pk=pk)
        refuse_unless(may(request.user, "slide.release", slide.case.team_id), ADMINISTRATORS)
        form = ReleaseSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        slide = quarantine.release_slide(request.user, slide, form.validated_data["reason"])
        return Response(WaitingSerializer(slide).data, status=202)


class ProtectionView(APIView):
    @extend_schema(operation_id="protection", responses=ProtectionSerializer)
    def get(self, request):
        """How slide files are opened on this machine, and how long originals are kept."""
        refuse_unless(may(request.user, "slide.release", None), ADMINISTRATORS)
        return Response(ProtectionSerializer(describe_protection(request.user)).data)


def describe_protection(user) -> dict:
    found = limits.confinement()
    return {
        "sandbox": found.level,
        "sentence": found.sentence,
        "sealed_days": settings.SEALED_DAYS,
        "sealed_originals": Slide.objects.visible_to(user).exclude(sealed_files=[]).count(),
        "in_quarantine": quarantine.list_quarantined(user).count(),
    }
