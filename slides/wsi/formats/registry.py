"""Every slide format that is taken, and which of them a file is of. Nothing heavy is imported here.

found = recognise([path], suffix=".svs")
source = found.format.open(found.files, scene=0)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from slides.wsi.errors import SlideRefused, other_maker
from slides.wsi.formats import aperio, dicom, first_bytes, generic_tiff, hamamatsu, leica, mirax, ome, pictures
from slides.wsi.formats.base import Content, Format, Series, SlideFiles

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source

# Not among them: makers for which no file was ever tried here.
FORMATS: tuple[Format, ...] = (
    aperio.FORMAT,
    hamamatsu.FORMAT,
    leica.FORMAT,
    ome.FORMAT,  # before the generic TIFF, which it is as well
    generic_tiff.FORMAT,
    pictures.JPEG_FORMAT,
    pictures.PNG_FORMAT,
    dicom.FORMAT,
    mirax.FORMAT,
)
ACCEPTED_SUFFIXES = tuple(sorted({suffix for each in FORMATS for suffix in each.suffixes if suffix}))

MEDIA_DIRECTORY = "dicomdir"  # the list of what a disc holds, itself DICOM


@dataclasses.dataclass(frozen=True)
class Recognised:
    """The format of a slide, and its files."""

    format: Format
    files: SlideFiles


def recognise(paths: list[Path], suffix: str | None = None, checks_own: bool = False) -> Recognised:
    """The format of a slide by its content; SlideRefused, saying what the files are, where there is none.

    paths: a file, the files of a set, or a folder of them. suffix: the extension that a single file came with, to be
    held against the content. checks_own: whether without one the extension of its path is, if it has one.
    """
    for each in FORMATS:
        if each.by_name and any(first_bytes.suffix_of(path) in each.suffixes for path in paths):
            return Recognised(each, SlideFiles(paths))
    if len(paths) == 1 and paths[0].is_dir():
        paths = _of_one_series(sorted(path for path in paths[0].iterdir() if path.is_file()))
    if not paths:
        raise SlideRefused("There is no file in it.", "empty")
    if len(paths) > 1:
        contents = {content_of(path) for path in paths}
        for each in FORMATS:
            if contents == {each.content} and isinstance(each.bundle, Series):
                return Recognised(each, SlideFiles(paths))
        series = " or ".join(each.name for each in FORMATS if isinstance(each.bundle, Series))
        raise SlideRefused(f"Several files are taken together only where all are {series}.", "parts")
    content = content_of(paths[0])
    if suffix is None and checks_own:
        suffix = first_bytes.suffix_of(paths[0]) or None
    if suffix is not None:
        refuse_other_suffix(content, suffix)
    content.refuse_tangled(paths[0])
    files = SlideFiles(paths)
    for each in FORMATS:
        if each.content is content and not each.by_name and each.claims(files):
            if suffix is not None and suffix.lower() not in each.suffixes:
                reason = f"The name ends in {suffix.lower()}, but the content is {each.suffix_name()}."
                raise SlideRefused(reason, "extension")
            return Recognised(each, files)
    raise other_maker()


def _of_one_series(paths: list[Path]) -> list[Path]:
    """Of a folder's files the instances, where there are such: other programs leave files of theirs beside them."""
    plain = [path for path in paths if not path.name.startswith(".")]
    heads = {path: first_bytes.read_head(path) for path in plain if path.stat().st_size > 0}
    contents = [each.content for each in FORMATS if isinstance(each.bundle, Series)]
    instances = [path for path, head in heads.items() if any(content.starts(head) for content in contents)]
    return [path for path in instances if path.name.lower() != MEDIA_DIRECTORY] or plain


def content_of(path: Path) -> Content:
    """What a file is by its first bytes; SlideRefused for all that is no slide, saying what it is."""
    head = first_bytes.read_head(path)
    for each in FORMATS:
        if each.content.starts(head):
            each.content.refuse_cut(head, path.stat().st_size)
            return each.content
    raise SlideRefused(f"This is {first_bytes.named(head)}, not a slide.", "format")


def refuse_other_suffix(content: Content, suffix: str) -> None:
    """Refuse a name whose extension does not go with the content."""
    suffix = suffix.lower()
    if any(suffix in each.suffixes for each in FORMATS if each.content is content and not each.by_name):
        return
    if not suffix:
        raise SlideRefused("The name has no extension, so the format cannot be checked.", "extension")
    if suffix in ACCEPTED_SUFFIXES:
        raise SlideRefused(f"The name ends in {suffix}, but the content is {content.word}.", "extension")
    raise SlideRefused(f"The extension is not one of {', '.join(ACCEPTED_SUFFIXES)}.", "extension")


def open_source(paths: list[Path], suffix: str | None, scene: int = 0) -> Source:
    """The pixels of a slide. suffix: as handed in, None takes the path's own; a stored name without one is not checked.

    Raises SlideRefused.
    """
    found = recognise(paths, suffix, checks_own=True)
    return found.format.open(found.files, scene)
