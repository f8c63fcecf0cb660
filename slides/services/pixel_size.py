"""A slide's pixel size: the ways to find it where the file is silent or wrong, and what a team keeps for its scanners.

Every way ends in `set_pixel_size`, which checks the range, writes the source beside the number and tells the audit.
"""

import math
from dataclasses import dataclass

from django.db import transaction

from mitoweb.lib.errors import Refused
from mitoweb.people import audit
from slides.models import ScannerPixelSize, Slide
from slides.services.cases import lock_case, mark_changed
from slides.services.doubts import answer_by_size
from slides.wsi.metadata import MPP_MAX, MPP_MIN

SHORTEST_LINE_PX = 20  # shorter, one pixel more or less is 5 % and more
CAMERA_UM = (0.5, 50.0)
OBJECTIVE = (0.5, 250.0)
TUBE = (0.1, 10.0)
LONGEST_NOTE = 200
NO_SCANNER = "The file does not name its scanner, so no default can be kept or used."
NO_DEFAULT = "Your team has kept no pixel size for this scanner yet."
Source = Slide.MppSource


@dataclass(frozen=True)
class PixelSize:
    """µm per level-0 pixel, where it comes from, and a few words on how."""

    mpp_x: float
    mpp_y: float
    source: str
    how: str

    def __str__(self) -> str:
        if self.mpp_x == self.mpp_y:
            return f"{self.mpp_x:.4f} µm/px"
        return f"{self.mpp_x:.4f} by {self.mpp_y:.4f} µm/px"


def from_typed(mpp_x: float, mpp_y: float) -> PixelSize:
    return PixelSize(mpp_x, mpp_y, Source.HAND, "typed in")


def from_length(length_um: float, length_px: float) -> PixelSize:
    """From something of known length on the slide, over pixels of level 0; pixels are taken as square."""
    if not (math.isfinite(length_um) and length_um > 0):
        raise Refused("The known length is a number of µm above 0.", "length")
    if not (math.isfinite(length_px) and length_px >= SHORTEST_LINE_PX):
        raise Refused(
            f"The line is shorter than {SHORTEST_LINE_PX} px, too short to measure by: draw it over something longer.",
            "length",
        )
    mpp = length_um / length_px
    return PixelSize(mpp, mpp, Source.LENGTH, f"{length_um:g} µm over {length_px:.0f} px")


def from_optics(camera_um: float, objective: float, tube: float = 1.0) -> PixelSize:
    """From the camera's pixel pitch over the magnification in front of it: objective times tube lens or adapter."""
    _refuse_outside(camera_um, CAMERA_UM, "The camera's pixel pitch is {} to {} µm.")
    _refuse_outside(objective, OBJECTIVE, "The objective magnifies {} to {} times.")
    _refuse_outside(tube, TUBE, "The magnification of tube and adapter is {} to {}.")
    mpp = camera_um / (objective * tube)
    between = f" × {tube:g}" if tube != 1 else ""
    return PixelSize(mpp, mpp, Source.OPTICS, f"camera {camera_um:g} µm, objective {objective:g}×{between}")


def find_scanner_default(team, scanner: str) -> PixelSize | None:
    """What the team keeps for slides of this scanner; None where it keeps nothing."""
    row = ScannerPixelSize.objects.filter(team=team, scanner=scanner).first() if scanner else None
    return PixelSize(row.mpp_x, row.mpp_y, Source.SCANNER, "the team's default for this scanner") if row else None


def get_scanner_default(slide: Slide) -> PixelSize:
    """The default of the slide's scanner, refused with the reason where there is none."""
    if not slide.scanner:
        raise Refused(NO_SCANNER, "no_scanner")
    size = find_scanner_default(slide.case.team, slide.scanner)
    if size is None:
        raise Refused(NO_DEFAULT, "no_default")
    return size


@transaction.atomic
def set_pixel_size(by, slide: Slide, size: PixelSize, note: str = "", keep_for_scanner: bool = False) -> Slide:
    """Write the pixel size and its source. Results that exist keep the size they were made with."""
    for mpp in (size.mpp_x, size.mpp_y):
        if not (math.isfinite(mpp) and MPP_MIN <= mpp <= MPP_MAX):
            raise Refused(f"{mpp:.4g} µm/px is no pixel size of a slide: {MPP_MIN} to {MPP_MAX:g} µm/px.", "mpp")
    lock_case(slide.case_id)
    slide.refresh_from_db(fields=["doubts"])
    answer_by_size(by, slide)
    slide.mpp_x, slide.mpp_y, slide.mpp_source = size.mpp_x, size.mpp_y, size.source
    how = size.how
    if note:  # what the person adds comes behind what was measured; of a typed number it is all there is to say
        how = note if size.source == Source.HAND else f"{size.how}, {note}"
    slide.mpp_note = f"{how}, by {by.username}"[:LONGEST_NOTE]
    slide.save(update_fields=["mpp_x", "mpp_y", "mpp_source", "mpp_note", "doubts"])
    text = f"Pixel size set to {size} ({slide.get_mpp_source_display()})"
    audit.record_change(by, slide.case.team, "slide.mpp", f"slide {slide.pk}", text)
    if keep_for_scanner:
        _keep_for_scanner(by, slide, size)
    mark_changed(slide.case)
    return slide


def _keep_for_scanner(by, slide: Slide, size: PixelSize) -> None:
    """From now on the team's slides of this scanner have this size where their files do not say one."""
    if not slide.scanner:
        raise Refused(NO_SCANNER, "no_scanner")
    row, _ = ScannerPixelSize.objects.update_or_create(
        team=slide.case.team,
        scanner=slide.scanner,
        defaults={"mpp_x": size.mpp_x, "mpp_y": size.mpp_y, "set_by": by},
    )
    text = f"Default pixel size of a scanner set to {size}"
    audit.record_change(by, slide.case.team, "scanner.mpp", f"scanner {row.pk}", text)


def _refuse_outside(value: float, bounds: tuple[float, float], sentence: str) -> None:
    low, high = bounds
    if not (math.isfinite(value) and low <= value <= high):
        raise Refused(sentence.format(f"{low:g}", f"{high:g}"), "optics")
