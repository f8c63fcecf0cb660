"""JPEG and PNG pictures. Other programs leave such files beside slides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slides.wsi.deid.api import Deidentified
from slides.wsi.formats.base import Content, Format, SlideFiles

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source


class PictureContent(Content):
    """A JPEG or PNG by its first bytes."""

    def __init__(self, word: str, magic: bytes) -> None:
        self.word, self._magic = word, magic

    def starts(self, head: bytes) -> bool:
        """See `Content`."""
        return head.startswith(self._magic)


class Picture(Format):
    """By Pillow, whose name of the format is the content's word."""

    names_slides = False

    def __init__(self, content: Content, suffixes: tuple[str, ...]) -> None:
        self.name, self.content, self.suffixes = content.word, content, suffixes

    def open(self, files: SlideFiles, scene: int) -> Source:
        """See `Format`."""
        from slides.wsi.formats.pictures.source import open_picture

        return open_picture(files.first, self.name)

    def rewrite(self, files: SlideFiles, folder: Path) -> Deidentified:
        """See `Format`."""
        from slides.wsi.formats.pictures.working_copy import rewrite

        return rewrite(files.first, folder / f"slide{self.suffixes[0]}", self.name)


JPEG = PictureContent("JPEG", b"\xff\xd8\xff")
PNG = PictureContent("PNG", b"\x89PNG\r\n\x1a\n")
JPEG_FORMAT = Picture(JPEG, (".jpg", ".jpeg"))
PNG_FORMAT = Picture(PNG, (".png",))
