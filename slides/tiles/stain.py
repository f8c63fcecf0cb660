"""The stain profile of a slide, from its overview: a JPEG that this product made, so that no sent file is decoded."""

from slides.models import Slide
from slides.tiles import pictures
from slides.wsi.stain import NoProfile, profile_of_jpeg


def measure_profile(slide: Slide) -> dict:
    """{"matrix": three rows of four or None, "reason": why there is none}; raises what `get_thumbnail` raises."""
    overview = pictures.get_thumbnail(slide).body
    try:
        return {"matrix": profile_of_jpeg(overview).round(5).tolist(), "reason": ""}
    except NoProfile as reason:
        return {"matrix": None, "reason": str(reason)}
