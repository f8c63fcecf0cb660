"""Drawn tumour areas as QuPath's annotations, which carry who drew them."""

import datetime
from collections.abc import Iterator

from shapely import affinity
from shapely.geometry import MultiPolygon, mapping

from slides.models import Region, Slide
from slides.services.areas import join_rings, list_parts

CLASS = {"name": "Tumour", "color": [200, 0, 0]}  # as QuPath shows its own class for tumour


def list_area_features(slide: Slide, frame: dict[str, str]) -> Iterator[dict]:
    """frame: `origin_x_l0`, `origin_y_l0` and `coordinates`, as the whole file tells them."""
    for region in slide.regions.tumour_areas().select_related("created_by", "changed_by"):
        parts = list_parts(join_rings(region.rings))
        area = parts[0] if len(parts) == 1 else MultiPolygon(parts)
        moved = affinity.translate(area, -float(frame["origin_x_l0"]), -float(frame["origin_y_l0"]))
        yield {
            "type": "Feature",
            "id": str(region.pk),
            "geometry": mapping(moved),
            "properties": {
                "objectType": "annotation",
                "name": region.name,
                "classification": CLASS,
                "isLocked": False,
                "metadata": frame | _tell_hands(region),
            },
        }


def _tell_hands(region: Region) -> dict[str, str]:
    deed = "imported" if region.imported else "drawn"
    told = {f"{deed}_by": str(region.created_by or ""), f"{deed}_at": _tell_time(region.created)}
    if region.changed is not None:
        told |= {"changed_by": str(region.changed_by or ""), "changed_at": _tell_time(region.changed)}
    return told


def _tell_time(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="seconds")
