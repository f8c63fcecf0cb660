"""IIIF Image API 3.0, level 1: crops and tiles for other viewers, under the same permission as everything else.

    /api/iiif/<slide>/info.json
    /api/iiif/<slide>/{region}/{size}/{rotation}/{quality}.{format}

What cannot be understood, or lies outside the slide, is 400; what the standard knows and we do not do is 501.

Scripts of other sites read these addresses with an API token of their own, which they send in Authorization; a viewer
there needs a way to add the header (OpenSeadragon: loadTilesWithAjax, ajaxHeaders). Never with somebody's session.
"""

import re

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.authentication import SessionAuthentication

from mitoweb.lib.errors import Refused
from slides.api.images import JPEG, PictureView, get_ready_slide
from slides.models import Slide
from slides.tiles import pictures
from slides.tiles.pictures import Box

CONTEXT = "http://iiif.io/api/image/3/context.json"
LD_JSON = f'application/ld+json;profile="{CONTEXT}"'
LONGEST_NUMBER = 9  # digits; sides of slides have at most seven
KNOWN_QUALITIES = {"default", "color", "gray", "bitonal"}
KNOWN_FORMATS = {"jpg", "tif", "png", "gif", "jp2", "pdf", "webp"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Authorization, If-None-Match",
    "Access-Control-Max-Age": "3600",
}
EXTRA = ["regionByPct", "sizeByConfinedWh", "sizeByPct"]
INT, FLOAT = rf"\d{{1,{LONGEST_NUMBER}}}", r"\d{1,9}(?:\.\d{1,10})?"
PIXELS = re.compile(rf"({INT}),({INT}),({INT}),({INT})", re.ASCII)
SHARES = re.compile(rf"pct:({FLOAT}),({FLOAT}),({FLOAT}),({FLOAT})", re.ASCII)
SIDES = re.compile(rf"(!?)({INT})?,({INT})?", re.ASCII)
SHARE = re.compile(rf"pct:({FLOAT})", re.ASCII)
TURN = re.compile(rf"!?({FLOAT})", re.ASCII)


class IiifView(PictureView):
    """Answers scripts of other sites by the rules of CORS, refusals and failures too, so that a viewer can tell why."""

    def options(self, request, *args, **kwargs):
        """The same for everybody and every slide: browsers ask this first, without credentials."""
        return HttpResponse(status=status.HTTP_204_NO_CONTENT, headers=PREFLIGHT)

    def get_authenticators(self):
        return [] if self._is_preflight() else super().get_authenticators()

    def get_permissions(self):
        return [] if self._is_preflight() else super().get_permissions()

    def _is_preflight(self) -> bool:
        return self.request is not None and self.request.method == "OPTIONS"

    def finalize_response(self, request, response, *args, **kwargs):
        return open_to_tokens(request, super().finalize_response(request, response, *args, **kwargs))


class IiifBaseView(IiifView):
    @extend_schema(operation_id="iiif_base", responses={303: None})
    def get(self, request, pk):
        """The way to info.json, as the standard asks for."""
        get_ready_slide(request.user, pk)
        return HttpResponseRedirect(f"{request.path}/info.json", status=status.HTTP_303_SEE_OTHER)


class IiifInfoView(IiifView):
    @extend_schema(operation_id="iiif_info", responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request, pk):
        """The IIIF description of a slide: size, tiles and limits."""
        slide = get_ready_slide(request.user, pk)
        wants_ld = "application/ld+json" in request.headers.get("Accept", "")
        response = JsonResponse(
            describe_image(slide, request.build_absolute_uri(request.path.removesuffix("/info.json")))
        )
        response["Content-Type"] = LD_JSON if wants_ld else "application/json"
        return response


class IiifImageView(IiifView):
    @extend_schema(operation_id="iiif_image", responses=JPEG)
    def get(self, request, pk, region, size, rotation, quality, format):
        """A part of the slide at a size, by the syntax of IIIF Image API 3.0."""
        slide = get_ready_slide(request.user, pk)
        box = parse_region(region, slide)
        out_w, out_h = parse_size(size, box)
        refuse_other_than_plain(rotation, quality, format)
        address = f"iiif {box.x_l0},{box.y_l0},{box.width},{box.height} {out_w},{out_h}"
        return self.answer_picture(slide, address, lambda: make_picture(slide, box, out_w, out_h))


def open_to_tokens(request, response):
    """Scripts of other sites may read it, unless a session opened it.

    `*` makes browsers keep back whatever was asked for with cookies. What a page of ours was shown could still be
    handed out by the browser's cache to a script that asks without, so that says nothing of other sites; and by Vary
    the cache hands no answer to somebody's token to anybody else.
    """
    if not isinstance(request.successful_authenticator, SessionAuthentication):
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def describe_image(slide: Slide, address: str) -> dict:
    zoom = pictures.get_geometry(slide)
    sizes = [size for size in zoom.levels if max(size) <= pictures.LARGEST_PX and min(size) >= 32]
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level1",
        "width": slide.width,
        "height": slide.height,
        "maxWidth": pictures.LARGEST_PX,
        "maxHeight": pictures.LARGEST_PX,
        "sizes": [{"width": width, "height": height} for width, height in sizes],
        "tiles": [
            {
                "width": slide.tile_size,
                "height": slide.tile_size,
                "scaleFactors": scale_factors(slide, len(zoom.levels)),
            }
        ],
        "extraQualities": ["color"],
        "extraFeatures": EXTRA,
    }


def scale_factors(slide: Slide, levels: int) -> list[int]:
    """Powers of two up to where one tile shows the whole slide."""
    needed = [2**number for number in range(levels)]
    return [factor for factor in needed if factor == 1 or slide.tile_size * factor < 2 * max(slide.width, slide.height)]


def parse_region(region: str, slide: Slide) -> Box:
    """The part of the region that lies inside the slide."""
    if region == "full":
        return Box(0, 0, slide.width, slide.height)
    if region == "square":
        side = min(slide.width, slide.height)
        return Box((slide.width - side) // 2, (slide.height - side) // 2, side, side)
    if found := PIXELS.fullmatch(region):
        x, y, width, height = map(int, found.groups())
    elif found := SHARES.fullmatch(region):
        left, top, wide, high = (float(text) / 100 for text in found.groups())
        x, y, width, height = map(
            round, (left * slide.width, top * slide.height, wide * slide.width, high * slide.height)
        )
    else:
        raise Refused("The region is full, square, x,y,w,h or pct:x,y,w,h.", "region")
    width, height = min(x + width, slide.width) - x, min(y + height, slide.height) - y
    if width <= 0 or height <= 0:
        raise Refused("The region has no pixel of the slide in it.", "region")
    return Box(x, y, width, height)


def parse_size(size: str, box: Box) -> tuple[int, int]:
    """(width, height) of the output; never larger than the region, nor than LARGEST_PX a side."""
    if size.startswith("^"):
        raise Refused("Regions are not enlarged here: ask for a size without ^.", "not_implemented")
    if size == "max":
        return scale_sides(box, min(1.0, pictures.LARGEST_PX / max(box.width, box.height)))
    if found := SHARE.fullmatch(size):
        out_w, out_h = scale_sides(box, float(found[1]) / 100)
    elif (found := SIDES.fullmatch(size)) and (found[2] or found[3]):
        out_w, out_h = _parse_sides(box, found[1] == "!", found[2], found[3])
    else:
        raise Refused("The size is max, w,h or w, or ,h or !w,h or pct:n.", "size")
    if out_w < 1 or out_h < 1:
        raise Refused("The size is smaller than a pixel.", "size")
    if out_w > box.width or out_h > box.height:
        raise Refused("The size is larger than the region.", "size")
    if max(out_w, out_h) > pictures.LARGEST_PX:
        raise Refused(f"A picture is at most {pictures.LARGEST_PX} px wide and high.", "size")
    return out_w, out_h


def _parse_sides(box: Box, confined: bool, wide: str | None, high: str | None) -> tuple[int, int]:
    width, height = int(wide) if wide else None, int(high) if high else None
    if confined:
        if width is None or height is None:
            raise Refused("!w,h needs both numbers.", "size")
        return scale_sides(box, min(1.0, width / box.width, height / box.height))
    if width is None:
        return (max(1, round(box.width * height / box.height)) if height else 0), height
    if height is None:
        return width, (max(1, round(box.height * width / box.width)) if width else 0)
    return width, height


def scale_sides(box: Box, share: float) -> tuple[int, int]:
    """Sides times `share`, at least a pixel unless the share is 0."""
    least = 1 if share > 0 else 0
    return max(least, round(box.width * share)), max(least, round(box.height * share))


def refuse_other_than_plain(rotation: str, quality: str, format: str) -> None:
    turn = TURN.fullmatch(rotation)
    if turn is None or float(turn[1]) > 360:
        raise Refused("The rotation is a number from 0 to 360.", "rotation")
    if rotation != "0":
        raise Refused("Pictures are not turned here: the rotation is 0.", "not_implemented")
    if quality not in KNOWN_QUALITIES:
        raise Refused("The quality is default or color.", "quality")
    if format not in KNOWN_FORMATS:
        raise Refused("The format is jpg.", "format")
    if quality in {"gray", "bitonal"} or format != "jpg":
        raise Refused("Pictures are colour JPEG here: default.jpg.", "not_implemented")


def make_picture(slide: Slide, box: Box, out_w: int, out_h: int) -> pictures.Picture:
    """The region; where it is one of the slide's tiles, that tile."""
    address = find_tile(slide, box, out_w, out_h)
    return pictures.get_tile(slide, *address) if address else pictures.get_region(slide, box, out_w, out_h)


def find_tile(slide: Slide, box: Box, out_w: int, out_h: int) -> tuple[int, int, int] | None:
    """(level, column, row) of the tile that shows exactly this."""
    if slide.tile_overlap or (out_w, out_h) != (slide.tile_size,) * 2 or box.width != box.height:
        return None
    factor, rest = divmod(box.width, slide.tile_size)
    if rest or factor & (factor - 1) or box.x_l0 % box.width or box.y_l0 % box.width:
        return None
    levels = len(pictures.get_geometry(slide).levels)
    return levels - factor.bit_length(), box.x_l0 // box.width, box.y_l0 // box.width
