"""/api/slides/"""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from mitoweb.lib.access import refuse_unless
from mitoweb.lib.natural_order import natural
from mitoweb.lib.rest import Gated
from mitoweb.people.rights import may
from slides.api.filters import SlideFilter
from slides.api.images import get_ready_slide
from slides.api.serializers import DoubtsAnswer, SceneChoice, SlideChange, SlideSerializer, StainSerializer
from slides.models import Slide
from slides.services import doubts, erase, pixel_size, scenes, slides
from slides.tiles import pictures, stain


class SlideViewSet(Gated, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Slides of the account's teams."""

    queryset = Slide.objects.none()
    serializer_class = SlideSerializer
    filterset_class = SlideFilter

    def get_queryset(self):
        return (
            Slide.objects.visible_to(self.request.user)
            .select_related("case__team")
            .order_by("case", natural("label"), "pk")
        )

    @extend_schema(request=SlideChange, responses=SlideSerializer)
    @transaction.atomic
    def partial_update(self, request, pk=None):
        """Change the label, or set the pixel size: typed in, by a length, by the optics, by the scanner's default."""
        slide = self.get_object()
        refuse_unless(may(request.user, "slide.edit", slide.case.team_id))
        change = SlideChange(data=request.data)
        change.is_valid(raise_exception=True)
        values = change.validated_data
        if size := read_pixel_size(slide, values):
            note, keep = values.get("note", "").strip(), values.get("keep_for_scanner", False)
            slide = pixel_size.set_pixel_size(request.user, slide, size, note, keep)
        if "label" in values:
            slide = slides.rename_slide(request.user, slide, values["label"])
        return Response(self.get_serializer(slide).data)

    @extend_schema(operation_id="slides_erase", responses={204: None})
    def destroy(self, request, pk=None):
        """Erase the slide with all that was made from it. There is no way back."""
        slide = self.get_object()
        refuse_unless(may(request.user, "case.erase", slide.case.team_id))
        erase.erase_slide(request.user, slide)
        return Response(status=204)

    @extend_schema(operation_id="slides_doubts", request=DoubtsAnswer, responses=SlideSerializer)
    @action(detail=True, methods=["post"])
    def doubts(self, request, pk=None):
        """Answer what is asked about the slide: it is used as its file says. Or take the answers back."""
        slide = self.get_object()
        refuse_unless(may(request.user, "slide.edit", slide.case.team_id))
        said = DoubtsAnswer(data=request.data)
        said.is_valid(raise_exception=True)
        if said.validated_data["answer"] == "ask_again":
            slide = doubts.ask_again(request.user, slide)
        else:
            slide = doubts.accept_doubts(request.user, slide, said.validated_data.get("codes"))
        return Response(self.get_serializer(slide).data)

    @extend_schema(operation_id="slides_scenes", request=SceneChoice, responses={201: SlideSerializer})
    @action(detail=True, methods=["post"])
    def scenes(self, request, pk=None):
        """Make a slide of another picture of the file. It is checked like one that was uploaded."""
        slide = self.get_object()
        refuse_unless(may(request.user, "slide.upload", slide.case.team_id))
        chosen = SceneChoice(data=request.data)
        chosen.is_valid(raise_exception=True)
        further = scenes.add_scene(request.user, slide, chosen.validated_data["scene"])
        return Response(self.get_serializer(further).data, status=201)

    @extend_schema(operation_id="slides_stain", responses=StainSerializer)
    @action(detail=True, methods=["get"])
    def stain(self, request, pk=None):
        """How the colours of this slide become those of the reference, for viewing alone: no analysis uses it."""
        slide = get_ready_slide(request.user, pk)
        try:
            return Response(StainSerializer(stain.measure_profile(slide)).data)
        except pictures.Busy:
            return Response({"detail": "All decoders are busy.", "code": "busy"}, 503, headers={"Retry-After": "1"})
        except pictures.NoPicture as error:
            return Response({"detail": str(error), "code": "unreadable"}, 404)


def read_pixel_size(slide: Slide, values) -> pixel_size.PixelSize | None:
    """The pixel size that the change asks for, by the way it names; None when it says nothing of it."""
    if values.get("from_scanner"):
        return pixel_size.get_scanner_default(slide)
    if "length_um" in values:
        return pixel_size.from_length(values["length_um"], values["length_px"])
    if "camera_um" in values:
        return pixel_size.from_optics(values["camera_um"], values["objective"], values.get("tube", 1.0))
    if "mpp_x" in values:
        return pixel_size.from_typed(values["mpp_x"], values.get("mpp_y", values["mpp_x"]))
    return None
