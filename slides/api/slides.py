"""/api/slides/"""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.response import Response

from mitoweb.lib.access import refuse_unless
from mitoweb.people.rights import may
from slides.api.base import Gated
from slides.filters import SlideFilter
from slides.models import Slide
from slides.serializers import SlideChange, SlideSerializer
from slides.services import slides


class SlideViewSet(Gated, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Slides of the account's teams."""

    queryset = Slide.objects.none()
    serializer_class = SlideSerializer
    filterset_class = SlideFilter

    def get_queryset(self):
        return Slide.objects.visible_to(self.request.user).select_related("case__team").order_by("case", "label", "pk")

    @extend_schema(request=SlideChange, responses=SlideSerializer)
    def partial_update(self, request, pk=None):
        """Change the label or set the pixel size by hand."""
        slide = self.get_object()
        refuse_unless(may(request.user, "slide.edit", slide.case.team_id))
        change = SlideChange(data=request.data)
        change.is_valid(raise_exception=True)
        values = change.validated_data
        if size := wanted_pixel_size(values):
            slide = slides.set_pixel_size(request.user, slide, *size)
        if "label" in values:
            slide = slides.rename(request.user, slide, values["label"])
        return Response(self.get_serializer(slide).data)


def wanted_pixel_size(values) -> tuple[float, float, str] | None:
    """(mpp_x, mpp_y, how it is known), or None when the change says nothing of it."""
    note = values.get("note", "").strip()
    if "length_um" in values:
        length_um, length_px = values["length_um"], values["length_px"]
        mpp = slides.pixel_size_from_length(length_um, length_px)
        return mpp, mpp, note or f"from a length of {length_um:g} µm over {length_px:.0f} px"
    if "mpp_x" in values:
        return values["mpp_x"], values.get("mpp_y", values["mpp_x"]), note
    return None
