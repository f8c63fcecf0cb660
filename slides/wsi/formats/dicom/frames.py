"""DICOM slides read frame by frame, where OpenSlide does not know the coding or would show wrong colours.

A level is one instance, or the parts of a concatenation. Frames lie in rows (TILED_FULL) or each says its place
(TILED_SPARSE): DICOM PS3.3, C.7.6.17.3 and C.8.12.4; how they are stored: PS3.5, A.4. Of focus planes the middle one is
read, of optical paths the first. What is missing is white.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pydicom
from pydicom import Dataset

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.dicom.coded import DECODERS, NATIVE, Coded, Pieces, decode_frame, find_frames
from slides.wsi.formats.dicom.numbers import MOST_FRAMES, MOST_PX
from slides.wsi.formats.plain import refuse_too_many_pixels
from slides.wsi.formats.source import GREY_HINT
from slides.wsi.metadata import levels_from_sizes

HELD_BYTES = 24 * 2**20  # of decoded frames, for each level


@dataclasses.dataclass(frozen=True)
class Part:
    """One file of a level: where each of its frames lies in it, and the number of its first one in the level.

    number, total: of the concatenation, 0 where the file is whole or does not say.
    """

    path: Path
    frames: list[Pieces]
    first: int
    number: int
    total: int


@dataclasses.dataclass(frozen=True)
class Places:
    """Where the frames that are read lie: left and top in px of the level, and their number in it."""

    x: np.ndarray
    y: np.ndarray
    frame: np.ndarray


class FrameLevel:
    """One level. width, height: px. mpp_x, mpp_y: µm per px. planes: of focus."""

    def __init__(self, paths: list[Path]) -> None:
        """paths: of its instance, or of the parts of its concatenation. SlideRefused where they are not readable."""
        headers = [(path, pydicom.dcmread(path, stop_before_pixels=True)) for path in paths]
        headers.sort(key=lambda pair: int(pair[1].get("ConcatenationFrameOffsetNumber") or 0))
        head = headers[0][1]
        self.coded = Coded.of(head)
        self.width, self.height = int(head.TotalPixelMatrixColumns), int(head.TotalPixelMatrixRows)
        self._refuse_odd()
        self.mpp_x, self.mpp_y = _pixel_size(head)
        self.planes = int(head.get("TotalPixelMatrixFocalPlanes") or 1)
        self._parts = [_part(path, data, self.coded) for path, data in headers]
        self._places = _places([data for _, data in headers], self._parts, self)
        if "ConcatenationUID" not in head and self.lacks:
            raise unreadable()
        self._decoded = functools.lru_cache(max(2, HELD_BYTES // (3 * self.coded.columns * self.coded.rows)))(
            self._decode
        )

    @functools.cached_property
    def lacks(self) -> str:
        """In words what of the level is not here; "" where it is whole."""
        numbers = {part.number for part in self._parts}
        total = max(part.total for part in self._parts)
        missing = [str(number) for number in range(1, max(total, *numbers) + 1) if number not in numbers]
        if missing and 0 not in numbers:
            of = f" of {total}" if total else ""
            return f"part{'s' * (len(missing) > 1)} {', '.join(missing)}{of}"
        held = np.zeros(len(self._places.frame), bool)
        for part in self._parts:
            at = self._places.frame - part.first
            held |= (at >= 0) & (at < len(part.frames))
        return "" if held.all() else "a part"

    def read(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB at (x, y) in px of the level."""
        out = np.full((height, width, 3), 255, np.uint8)
        left, top = self._places.x - x, self._places.y - y
        seen = (left < width) & (top < height) & (left > -self.coded.columns) & (top > -self.coded.rows)
        for at in np.flatnonzero(seen):
            pixels = self._decoded(int(self._places.frame[at]))
            if pixels is not None:
                _paste(pixels, out, int(left[at]), int(top[at]))
        return out

    def forget(self) -> None:
        """Free the decoded frames."""
        self._decoded.cache_clear()

    def _decode(self, frame: int) -> np.ndarray | None:
        """A frame decoded; None where it is not here."""
        part = next((part for part in self._parts if 0 <= frame - part.first < len(part.frames)), None)
        if part is None:
            return None
        return decode_frame(read_pieces(part.path, part.frames[frame - part.first]), self.coded)

    def _refuse_odd(self) -> None:
        coded = self.coded
        if coded.syntax not in DECODERS and coded.syntax not in NATIVE:
            raise unreadable()
        if min(coded.rows, coded.columns, self.width, self.height) < 1:
            raise unreadable()
        if (
            max(self.width, self.height) > MOST_PX
            or self.width * self.height > MOST_FRAMES * coded.rows * coded.columns
        ):
            raise unreadable()
        refuse_too_many_pixels(coded.columns, coded.rows)


def read_pieces(path: Path, pieces: Sequence[tuple[int, int]]) -> bytes:
    """The bytes of a frame; pieces: (offset, length) of each fragment."""
    with path.open("rb") as file:
        data = b""
        for offset, length in pieces:
            file.seek(offset)
            data += file.read(length)
    return data


def unreadable() -> SlideRefused:
    """The refusal of what neither OpenSlide nor this module reads."""
    return SlideRefused("The DICOM file is damaged, or coded in a way that is not read here.", "broken")


def _paste(pixels: np.ndarray, out: np.ndarray, left: int, top: int) -> None:
    height, width = out.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + pixels.shape[1]), min(height, top + pixels.shape[0])
    out[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]


def _part(path: Path, data: Dataset, coded: Coded) -> Part:
    first = int(data.get("ConcatenationFrameOffsetNumber") or 0)
    number, total = (int(data.get(f"InConcatenation{what}") or 0) for what in ("Number", "TotalNumber"))
    return Part(path, find_frames(path, data, coded), first, number, total)


def _pixel_size(data: Dataset) -> tuple[float | None, float | None]:
    shared = next(iter(data.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    measures = next(iter(shared.get("PixelMeasuresSequence") or ()), Dataset())
    spacing = measures.get("PixelSpacing") or data.get("PixelSpacing")
    return (1e3 * float(spacing[1]), 1e3 * float(spacing[0])) if spacing and len(spacing) == 2 else (None, None)


def _places(headers: list[Dataset], parts: list[Part], level: FrameLevel) -> Places:
    """Of all frames of the level, those of the middle focus plane and the first optical path."""
    if str(headers[0].get("DimensionOrganizationType", "")) != "TILED_FULL" and all(
        _has_places(data) for data in headers
    ):
        return _told_places(headers, parts)
    columns, rows = -(-level.width // level.coded.columns), -(-level.height // level.coded.rows)
    number = np.arange(columns * rows)
    row, column = np.divmod(number, columns)
    return Places(
        column * level.coded.columns, row * level.coded.rows, level.planes // 2 * columns * rows + number
    )  # fmt: skip


def _has_places(data: Dataset) -> bool:
    groups = data.get("PerFrameFunctionalGroupsSequence") or ()
    return len(groups) > 0 and all("PlanePositionSlideSequence" in group for group in groups)


def _told_places(headers: list[Dataset], parts: list[Part]) -> Places:
    told = []
    for data, part in zip(headers, parts, strict=True):
        for at, group in enumerate(data.PerFrameFunctionalGroupsSequence):
            place = group.PlanePositionSlideSequence[0]
            light = next(iter(group.get("OpticalPathIdentificationSequence") or ()), Dataset())
            told.append(
                (
                    int(place.ColumnPositionInTotalImagePixelMatrix) - 1,
                    int(place.RowPositionInTotalImagePixelMatrix) - 1,
                    part.first + at,
                    float(place.get("ZOffsetInSlideCoordinateSystem") or 0),
                    str(light.get("OpticalPathIdentifier", "")),
                )
            )
    heights = sorted({height for *_, height, _ in told})
    middle, path_of_light = heights[len(heights) // 2], told[0][4]
    x, y, frame = zip(*(each[:3] for each in told if each[3:] == (middle, path_of_light)), strict=True)
    return Places(np.array(x), np.array(y), np.array(frame))


def _hints(levels: list[FrameLevel]) -> Iterator[str]:
    base = levels[0]
    if base.planes > 1:
        yield f"Of {base.planes} focus planes the middle one is shown."
    if base.coded.samples == 1:
        yield GREY_HINT
    for level in levels:
        if lacks := level.lacks:
            what = "full resolution" if level is base else "picture at lower resolution"
            shown = "what it holds shows as white." if level is base else "it is not used."
            yield f"Of the slide's {what} {lacks} is missing; {shown}".replace("s is", "s are")


class FramesSource:
    """A DICOM series read frame by frame. See `Source`."""

    format = "DICOM"
    scenes: tuple[tuple[int, int], ...] = ()
    scanner, icc = "", ""
    objective: float | None = None
    power_is_apparent = False
    is_reduced = False
    levels_are_files = True

    def __init__(self, levels: list[FrameLevel]) -> None:
        """levels: level 0 first. A smaller one that is not whole would hide tissue from overviews, and is left out."""
        base = levels[0]
        self._levels = [base, *(level for level in levels[1:] if not level.lacks)]
        self.levels = levels_from_sizes([(level.width, level.height) for level in self._levels])
        self.mpp_x, self.mpp_y = base.mpp_x, base.mpp_y
        self.tile_size: int | None = base.coded.columns
        self.hints = tuple(_hints(levels))

    def described(self, objective: float | None, scanner: str, icc: str) -> Self:
        """The same with what the headers say beside the pixels."""
        self.objective, self.scanner, self.icc = objective, scanner, icc
        return self

    @property
    def held_bytes(self) -> int:
        """See `Source`."""
        return HELD_BYTES * len(self._levels)

    def read_level(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        """See `Source.read_level`."""
        return self._levels[level].read(x, y, width, height)

    def close(self) -> None:
        """See `Source.close`."""
        for level in self._levels:
            level.forget()
