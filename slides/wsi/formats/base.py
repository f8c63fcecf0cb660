"""What a slide format is to the rest of the library. Nothing heavy is imported here: web processes read the registry.

A format has a folder of its own, whose `FORMAT` is an instance of a subclass of `Format`, and one line in
`slides.wsi.formats.registry`. What it needs of decoders it imports inside its methods, which run in children alone.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from slides.wsi.deid.draft import Draft

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source


class Content:
    """What the first bytes of a file say. Formats of several makers may share one.

    word: as in "the content is TIFF".
    """

    word: str

    def starts(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes is of this content."""
        raise NotImplementedError

    def refuse_cut(self, head: bytes, file_bytes: int) -> None:
        """SlideRefused where the first bytes tell that the file was cut off."""

    def refuse_tangled(self, path: Path) -> None:
        """SlideRefused for a file that would lead its readers in a circle. Called before any library opens it."""

    def refuse_missing_parts(self, path: Path) -> None:
        """SlideRefused where a part of the slide lies behind the end of the file. Part of the check alone."""


@dataclasses.dataclass(frozen=True)
class Series:
    """A slide is one file or several of one folder. may_be: whether a file may be one of them, by its name."""

    kind: str
    may_be: Callable[[str], bool]


@dataclasses.dataclass(frozen=True)
class FolderBeside:
    """A slide is a file and the folder of its name. part: names of what belongs to it there, `index` among them.

    alone, headless: sentences for people who handed in the file without its folder, and one without `index`.
    """

    kind: str
    part: re.Pattern[str]
    index: str
    alone: str
    headless: str


@dataclasses.dataclass
class SlideFiles:
    """The files of one slide as they lie on the disk, looked at as formats ask for it."""

    paths: list[Path]

    @property
    def first(self) -> Path:
        """The one, where a slide is one file."""
        return self.paths[0]

    @cached_property
    def vendor(self) -> str | None:
        """OpenSlide's name of the first file's maker, None where it knows none."""
        from slides.wsi.formats.by_openslide import detect_vendor

        return detect_vendor(self.first)

    @cached_property
    def description(self) -> str:
        """What the first page of the first file, a TIFF, says of it."""
        from slides.wsi.formats.tiff.pages import first_description

        return first_description(self.first)


@dataclasses.dataclass(frozen=True)
class StoredLevel:
    """A level as a file stores it: a grid of JPEG tiles. columns: of the whole grid, with cut ones at the edge.

    file: the number of the file among those of the slide. tables: a tables-only stream or None. transform:
    jpeg_parts.RGB or YCBCR, as the file says it. offsets, lengths: of each tile in the file, row by row.
    """

    file: int
    width: int
    height: int
    tile_px: int
    columns: int
    tables: bytes | None
    transform: int
    offsets: Sequence[int]
    lengths: Sequence[int]


class Format:
    """One slide format.

    name: for people, as "Aperio SVS". content: what its first bytes say. suffixes: extensions of its files, lower case,
    with the dot; "" where names need none. bundle: how several files make a slide, None where each is one. by_name:
    whether the extension alone says that a file is of this format, since its content is another's. names_slides:
    whether the extensions are those of slides; other programs leave pictures beside them.
    """

    name: str
    content: Content
    suffixes: tuple[str, ...]
    bundle: Series | FolderBeside | None = None
    by_name: bool = False
    names_slides: bool = True

    def claims(self, files: SlideFiles) -> bool:
        """Of formats with one content: whether the slide is of this one. The registry takes the first that says so."""
        return True

    def suffix_name(self) -> str:
        """What a file is called whose extension does not go with it."""
        return self.name

    def open(self, files: SlideFiles, scene: int) -> Source:
        """The slide's pixels. scene: number of the picture in a file with several. Raises SlideRefused."""
        raise NotImplementedError

    def rewrite(self, files: SlideFiles, folder: Path) -> Draft | None:
        """Write a working copy without data on people into the empty `folder`, and search its bytes for what was
        removed; None where no rule says how, and then the slide waits for an administrator. Raises SlideRefused for a
        damaged file. That copy and slide are the same picture is seen afterwards, for all formats alike.
        """
        return None

    def stored_levels(self, number: int, path: Path) -> list[StoredLevel]:
        """The levels of one file that browsers could show as they are stored. number: of the file in the slide."""
        return []
