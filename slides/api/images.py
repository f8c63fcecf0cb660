"""Pictures of slides: Deep Zoom tiles, thumbnails and crops. The permission is read at each request."""

import hashlib
import math
import re

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseNotModified, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.views import APIView

from mitoweb.lib.access import get_visible
from mitoweb.lib.errors import Refused
from mitoweb.lib.rest import AnyClient
from slides.files import tile_cache
from slides.models import Slide
from slides.tiles import pictures

CACHE = "private, max-age=0, must-revalidate"  # kept by the browser, but asked again: a permission may have ended
BUSY = {"detail": "All decoders are busy.", "code": "busy"}
SMALLEST_PX = 16
PX = {"type": "integer", "minimum": SMALLEST_PX, "maximum": pictures.LARGEST_PX}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)  # float() also takes 1_0 and ١
JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY}
FLOAT = OpenApiTypes.FLOAT


class PictureView(APIView):
    content_negotiation_class = AnyClient

    def answer_picture(self, slide: Slide, address: str, make, content_type: str = "image/jpeg") -> HttpResponse:
        """The picture with its tag, or 304 when the browser has it. Comes after the permission was checked."""
        tag = tag_of(slide, address)
        if tag in self.request.headers.get("If-None-Match", ""):
            response = HttpResponseNotModified()
        else:
            try:
                response = build_response(make(), content_type)
            except pictures.Busy:
                response = JsonResponse(BUSY, status=503)
                response["Retry-After"] = "1"
            except pictures.NoPicture as error:
                response = JsonResponse({"detail": str(error), "code": "unreadable"}, status=404)
        if response.status_code in (200, 304):
            response["ETag"] = tag
            response["Cache-Control"] = CACHE
        return response


def tag_of(slide: Slide, address: str) -> str:
    """Changes with all that decides the bytes, so that a browser never mixes tiles of two grids or qualities.

    The normalised view is no part of it: the browser makes it from these bytes.
    """
    facts = f"{tile_cache.made_from(slide)} {address}"
    return f'"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'


def build_response(made: pictures.Picture | str, content_type: str) -> HttpResponse:
    """The answer that carries it; where nginx may read the tile cache, only where it lies (docs/nginx.md)."""
    if isinstance(made, str):
        return HttpResponse(made, content_type=content_type)
    response = HttpResponse(content_type=content_type)
    redirect = by_nginx(made)
    if redirect is None:
        response.content = made.body
    else:
        response["X-Accel-Redirect"] = redirect
    return response


def by_nginx(picture: pictures.Picture) -> str | None:
    """The internal address at which nginx finds the picture; None where this process sends it."""
    if not settings.SEND_BY_NGINX or picture.path is None:
        return None
    return f"{settings.SEND_BY_NGINX.rstrip('/')}/{picture.path.relative_to(tile_cache.cache_root())}"


def get_ready_slide(user, pk) -> Slide:
    slide = get_visible(Slide, user, pk=pk)
    if slide.state != Slide.State.READY:
        raise Http404
    return slide


def tile_address(level: int, column: int, row: int) -> str:
    return f"{level}/{column}_{row}"


class DziView(PictureView):
    @extend_schema(operation_id="slides_dzi", responses={(200, "application/xml"): OpenApiTypes.STR})
    def get(self, request, pk):
        """The Deep Zoom description."""
        slide = get_ready_slide(request.user, pk)
        return self.answer_picture(
            slide, "dzi", lambda: pictures.get_geometry(slide).dzi_xml(format="jpeg"), "application/xml"
        )


class TileView(PictureView):
    @extend_schema(operation_id="slides_tile", responses=JPEG)
    def get(self, request, pk, level, column, row):
        """One Deep Zoom tile."""
        slide = get_ready_slide(request.user, pk)
        try:
            pictures.get_geometry(slide).refuse_missing(level, column, row)
        except IndexError:
            raise Http404 from None
        return self.answer_picture(
            slide, tile_address(level, column, row), lambda: pictures.get_tile(slide, level, column, row)
        )


class ThumbnailView(PictureView):
    @extend_schema(operation_id="slides_thumbnail", responses=JPEG)
    def get(self, request, pk):
        """The whole slide, small. Made from the slide's pixels, never from a label or macro picture."""
        slide = get_ready_slide(request.user, pk)
        return self.answer_picture(slide, "thumbnail", lambda: pictures.get_thumbnail(slide))


class CropView(PictureView):
    @extend_schema(
        operation_id="slides_crop",
        parameters=[
            OpenApiParameter("x_l0", FLOAT, required=True, description="Centre, in level-0 pixels"),
            OpenApiParameter("y_l0", FLOAT, required=True),
            OpenApiParameter("size_um", FLOAT, description="Side of the square in µm; or"),
            OpenApiParameter("size_px_l0", FLOAT, description="side in level-0 pixels"),
            OpenApiParameter("px", PX, description="Side of the picture in pixels; 256 without it"),
        ],
        responses=JPEG,
    )
    def get(self, request, pk):
        """A square of the slide around a point."""
        slide = get_ready_slide(request.user, pk)
        x_l0, y_l0 = read_number(request, "x_l0"), read_number(request, "y_l0")
        if not (0 <= x_l0 <= slide.width and 0 <= y_l0 <= slide.height):
            raise Refused("The centre lies outside the slide.", "outside")
        size_px_l0, px = side_of_crop(request, slide), read_number(request, "px", 256)
        if px != int(px) or not SMALLEST_PX <= px <= pictures.LARGEST_PX:
            raise Refused(f"px is a whole number from {SMALLEST_PX} to {pictures.LARGEST_PX}.", "px")
        address = f"crop {x_l0!r} {y_l0!r} {size_px_l0!r} {px}"
        return self.answer_picture(slide, address, lambda: pictures.get_crop(slide, x_l0, y_l0, size_px_l0, int(px)))


def side_of_crop(request, slide: Slide) -> float:
    """Side of the square in level-0 pixels."""
    if "size_um" in request.query_params:
        if slide.mpp is None:
            raise Refused("The slide has no pixel size; give size_px_l0.", "no_mpp")
        size = read_number(request, "size_um") / slide.mpp
    else:
        size = read_number(request, "size_px_l0")
    if not 1 <= size <= 2 * max(slide.width, slide.height):
        raise Refused("The square is smaller than a pixel or larger than the slide.", "size")
    return size


def read_number(request, name: str, default: float | None = None) -> float:
    text = request.query_params.get(name, "" if default is None else str(default))
    if not NUMBER.fullmatch(text):
        raise Refused(f"{name} must be a number.", "number")
    value = float(text)
    if not math.isfinite(value):  # 1e999
        raise Refused(f"{name} must be a finite number.", "number")
    return value
