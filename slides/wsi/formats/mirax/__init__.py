"""MIRAX: a .mrxs, which is a small JPEG of the label, and beside it a folder of its name with the slide."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from slides.wsi.deid.api import Deidentified
from slides.wsi.formats.base import FolderBeside, Format, SlideFiles
from slides.wsi.formats.pictures import JPEG

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source

MRXS = ".mrxs"
SLIDEDAT = "Slidedat.ini"
PART = re.compile(r"Slidedat\.ini|Index\.dat|Data[0-9]{4}\.dat")
ALONE = "A MRXS slide is a .mrxs file and the folder of the same name; hand in both together."
HEADLESS = f"The MRXS folder has no {SLIDEDAT}; hand in the .mrxs file with its whole folder."


class Mirax(Format):
    """By OpenSlide."""

    name = "MIRAX"
    content = JPEG
    suffixes = (MRXS,)
    bundle = FolderBeside("mrxs", PART, SLIDEDAT, ALONE, HEADLESS)
    by_name = True

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.mirax.source import open_mirax

        return open_mirax(next(path for path in files.paths if path.suffix.lower() == MRXS))

    def rewrite(self, files: SlideFiles, folder: Path) -> Deidentified:
        """See `Format`."""
        from slides.wsi.formats.mirax.working_copy import rewrite

        return rewrite(files.paths, folder)


FORMAT = Mirax()
