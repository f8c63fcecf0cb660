"""MIRAX slides: a .mrxs, which is a small JPEG, and beside it a folder of its name, both read by OpenSlide.

The folder's Slidedat.ini names the other files. OpenSlide opens what it names wherever that lies, so names that lead
out of the folder are refused first: they could show another slide's pixels.
"""

from __future__ import annotations

import re
from pathlib import Path

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.by_openslide import OpenSlideSource
from slides.wsi.formats.first_bytes import read_head
from slides.wsi.formats.holes import leave_out
from slides.wsi.formats.mirax import SLIDEDAT
from slides.wsi.formats.mirax.gaps import find_mirax_gaps
from slides.wsi.formats.pictures import JPEG
from slides.wsi.formats.source import Source

MOST_INI_BYTES = 4 * 2**20
NAMED_FILE = re.compile(rb"^\s*(?:INDEXFILE|FILE_\d+)\s*=\s*(.*?)\s*$", re.MULTILINE)
INCOMPLETE = "Files of the MIRAX slide are missing; send the .mrxs file with its whole folder."


def open_mirax(path: Path) -> Source:
    """The slide of a .mrxs file."""
    if not JPEG.starts(read_head(path)):
        raise SlideRefused("The .mrxs file is not one of a MIRAX slide.", "format")
    folder = path.with_suffix("")
    if not folder.is_dir():
        raise SlideRefused("A MIRAX slide needs the folder that lies beside its .mrxs file; send both.", "parts")
    for name in named_files(folder / SLIDEDAT):
        if not (folder / name).is_file():
            raise SlideRefused(INCOMPLETE, "parts")
        if (folder / name).is_symlink():
            raise _leads_out()
    source = OpenSlideSource(path, "MIRAX", "mirax")
    return leave_out(source, find_mirax_gaps(folder, source.levels))


def named_files(slidedat: Path) -> list[str]:
    """The files that Slidedat.ini names, all in its own folder."""
    if not slidedat.is_file():
        raise SlideRefused(INCOMPLETE, "parts")
    if slidedat.is_symlink():
        raise _leads_out()
    if slidedat.stat().st_size > MOST_INI_BYTES:
        raise SlideRefused("The MIRAX slide's description is too long to be one.", "broken")
    names = [name.decode("utf-8", "surrogateescape") for name in NAMED_FILE.findall(slidedat.read_bytes())]
    if any("/" in name or "\0" in name for name in names):
        raise _leads_out()
    return names


def _leads_out() -> SlideRefused:
    return SlideRefused("The MIRAX slide names files outside its folder.", "broken")
