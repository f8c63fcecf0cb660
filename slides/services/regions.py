"""What people draw on a slide: kept, changed under its revision, withdrawn and brought back. Nothing is erased."""

from django.db import transaction
from django.utils import timezone

from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from slides.facts import facts
from slides.files import clean_label
from slides.models import Region, Slide
from slides.services.areas import Rings, checked_rings
from slides.services.outlines import Points, checked_polygon

COUNT, TUMOUR = Region.Kind.COUNT, Region.Kind.TUMOUR
NAMES = {COUNT: "Region", TUMOUR: "Tumour"}


def add_region(
    by,
    slide: Slide,
    name: str,
    polygon: Points,
    kind: str = COUNT,
    further_rings: Rings | None = None,
    *,
    imported: bool = False,
) -> Region:
    outline = _checked_outline(slide, kind, polygon, further_rings or [])
    with transaction.atomic():
        number = slide.regions.filter(kind=kind).count() + 1
        name = clean_label(name) or f"{NAMES[Region.Kind(kind)]} {number}"
        region = Region.objects.create(slide=slide, kind=kind, name=name, created_by=by, imported=imported, **outline)
        _record(by, region, "add", "imported from a file" if imported else "drawn")
    return region


def change_region(
    by,
    region: Region,
    expected_revision: int,
    *,
    name: str | None = None,
    polygon: Points | None = None,
    further_rings: Rings | None = None,
) -> Region:
    """Another name, or another outline as a whole; Refused (stale) where somebody changed it meanwhile."""
    outline = None
    if polygon is not None:
        outline = _checked_outline(region.slide, region.kind, polygon, further_rings or [])
    elif further_rings is not None:
        raise Refused("Further outlines come with the first one, as `polygon`.", "pieces")
    with transaction.atomic():
        region = _lock_standing(region, expected_revision)
        region.name = clean_label(name or "") or region.name
        for field, value in (outline or {}).items():
            setattr(region, field, value)
        region.changed_by, region.changed = by, timezone.now()
        region.revision += 1
        region.save()
        _record(by, region, "change", "changed")
    return region


def withdraw_region(by, region: Region, expected_revision: int | None = None) -> None:
    """Analyses keep the outline they were run with. Withdrawing twice is once."""
    with transaction.atomic():
        region = _lock(region)
        if region.withdrawn is not None:
            return
        _refuse_stale(region, expected_revision)
        region.withdrawn_by, region.withdrawn = by, timezone.now()
        region.revision += 1
        region.save()
        _record(by, region, "remove", "removed")


def restore_region(by, region: Region) -> Region:
    with transaction.atomic():
        region = _lock(region)
        if region.withdrawn is not None:
            region.withdrawn_by = region.withdrawn = None
            region.revision += 1
            region.save()
            _record(by, region, "restore", "brought back")
    return region


def _checked_outline(slide: Slide, kind: str, polygon: Points, further_rings: Rings) -> dict[str, list]:
    """As columns."""
    if kind == TUMOUR:
        first, *others = checked_rings([polygon, *further_rings], slide)
        return {"polygon": first, "further_rings": others}
    if further_rings:
        raise Refused("A region to count in is one outline without holes; a tumour area may have more.", "pieces")
    return {"polygon": checked_polygon(polygon, slide.width, slide.height), "further_rings": []}


def _lock(region: Region) -> Region:
    """The row as it is now, for whoever changes it."""
    rows = Region.objects.select_for_update(of=("self",)).select_related(
        "slide__case__team", "created_by", "changed_by", "withdrawn_by"
    )
    locked = rows.filter(pk=region.pk).first()
    if locked is None:
        raise Refused("The slide was erased meanwhile, with all that was drawn on it.", "gone")
    return locked


def _lock_standing(region: Region, expected_revision: int) -> Region:
    region = _lock(region)
    if region.withdrawn is not None:
        raise Refused(f"{region.name} was removed meanwhile by {region.withdrawn_by}; nothing was saved.", "withdrawn")
    _refuse_stale(region, expected_revision)
    return region


def _refuse_stale(region: Region, expected_revision: int | None) -> None:
    if expected_revision is None or expected_revision == region.revision:
        return
    who = region.changed_by or "somebody"
    raise Refused(
        f"{region.name} was changed meanwhile by {who} (it is at revision {region.revision}); nothing was saved.",
        "stale",
    )


def _record(by, region: Region, action: str, done: str) -> None:
    """What was done is told to the audit, without a name that may be a patient's; of the tumour to those who count."""
    if region.kind == TUMOUR:
        facts.outlined(region.slide)
    what = "Tumour area" if region.kind == TUMOUR else "Region"
    team = region.slide.case.team
    audit.record_change(by, team, f"region.{action}", f"slide {region.slide_id}", f"{what} {done}")
