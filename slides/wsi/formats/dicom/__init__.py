"""DICOM whole-slide images: one instance a level, all in one folder; one file alone is often the whole slide."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slides.wsi.deid.draft import Draft
from slides.wsi.formats.base import Content, Format, Series, SlideFiles, StoredLevel

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source

SUFFIXES = (".dcm", ".dicom")
DICOM_HEAD_BYTES = 132  # a preamble that says nothing, and the magic


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with these DICOM_HEAD_BYTES or more is DICOM."""
    return head[128:DICOM_HEAD_BYTES] == b"DICM"


def looks_like_dicom(name: str) -> bool:
    """DICOM instances end in .dcm or .dicom, or are named by a UID."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix in SUFFIXES or suffix == "" or suffix[1:].isdigit()


class DicomContent(Content):
    """DICOM by its first bytes."""

    word = "DICOM"

    def starts(self, head: bytes) -> bool:
        """See `Content`."""
        return is_dicom(head)


class Dicom(Format):
    """By OpenSlide, and frame by frame what OpenSlide does not decode, or shows in wrong colours."""

    name = "DICOM"
    content = DicomContent()
    suffixes = (*SUFFIXES, "")
    bundle = Series("dicom", looks_like_dicom)

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.dicom.gaps import find_dicom_gaps
        from slides.wsi.formats.dicom.source import open_dicom
        from slides.wsi.formats.holes import leave_out

        source = open_dicom(files.paths)
        return leave_out(source, find_dicom_gaps(files.paths)) if len(source.levels) > 1 else source

    def rewrite(self, files: SlideFiles, folder: Path) -> Draft:
        """See `Format`."""
        from slides.wsi.formats.dicom.working_copy import rewrite

        return rewrite(files.paths, folder)

    def stored_levels(self, number: int, path: Path) -> list[StoredLevel]:
        """See `Format`."""
        from slides.wsi.formats.dicom.stored import dicom_levels

        return dicom_levels(number, path)


FORMAT = Dicom()
