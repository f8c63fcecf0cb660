"""The focus planes of a Hamamatsu file."""

from __future__ import annotations

import logging
from pathlib import Path

from slides.wsi.formats.tiff.pages import open_tiff
from slides.wsi.formats.tiff.samples import SPOILT

NDPI_FOCUS = 65424  # height of the focus plane in nm, 0 at the scanner's own
log = logging.getLogger(__name__)


def plane_hints(path: Path) -> tuple[str, ...]:
    """Hamamatsu keeps focus planes as pages of their own; OpenSlide shows the one at the scanner's focus."""
    try:
        with open_tiff(path) as tiff:
            heights = {tag.value for page in tiff.pages if (tag := page.aspage().tags.get(NDPI_FOCUS))}
    except SPOILT:
        log.info("the pages of a file that OpenSlide opens cannot be counted")
        return ()
    return (f"Of {len(heights)} focus planes the one in the middle is shown.",) if len(heights) > 1 else ()
