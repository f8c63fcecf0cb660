"""Facts of a slide in words."""

from django import template

from slides.services.doubts import describe_answer
from slides.services.scenes import list_missing
from slides.wsi.doubts import OF_PIXEL_SIZE

register = template.Library()
NO_BREAK = "\u00a0"


@register.filter
def slide_size(slide) -> str:
    """ "39.6 × 31.2 mm, 0.2273 µm/px, 1.4 GB", in pixels where the pixel size is unknown."""
    if slide.mpp is None:
        extent = [f"{slide.width:,} × {slide.height:,} px"]
    else:
        width_mm, height_mm = slide.width * slide.mpp_x / 1000, slide.height * slide.mpp_y / 1000
        digits = 1 if max(width_mm, height_mm) >= 10 else 2
        mpp = f"{slide.mpp_x:.4g}" if slide.mpp_x == slide.mpp_y else f"{slide.mpp_x:.4g} by {slide.mpp_y:.4g}"
        extent = [f"{width_mm:.{digits}f} × {height_mm:.{digits}f} mm", f"{mpp} µm/px"]
    return ", ".join(part.replace(" ", NO_BREAK) for part in [*extent, file_size(slide.bytes)])


@register.filter
def doubt_answer(doubt: dict) -> str:
    """ "Used as the file says, by tech." of a doubt that was answered."""
    answer = describe_answer(doubt)
    return f"{answer[:1].upper()}{answer[1:]}." if answer else ""


@register.filter
def further_pictures(slide) -> list[dict]:
    """[{"number", "name", "size"}] of the pictures of its file that no slide of the case shows."""
    return [
        {"number": number, "name": f"picture {number + 1}", "size": f"{width:,} × {height:,} px"}
        for number, width, height in list_missing(slide)
    ]


@register.filter
def asks_size(slide) -> bool:
    """Whether something is asked that another pixel size would answer."""
    return any(doubt["code"] in OF_PIXEL_SIZE for doubt in slide.open_doubts)


@register.filter
def file_size(count: int) -> str:
    """Decimal units, as disks are sold and files are listed."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
