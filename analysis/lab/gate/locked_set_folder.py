"""The folder of a locked set: frames at 0.25 µm/px and what at least two readers agree on there, to decide by alone.

    <root>/<hash>/locked_set.json      written last, so that a folder with it is whole
    <root>/<hash>/frames/0001.png      RGB, at most 2048 px a side

The hash is over everything that decides: where the frames lie, what the readers say of them, and the pixels themselves.
What the file says is read strictly; nothing that is missing is made up.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely

from analysis.lab.datasets import MODEL_MPP
from analysis.lab.datasets.mitos14 import read_rgb
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.strict_tables import TableFault, check_table

SCHEMA = 1
FILE = "locked_set.json"
MAX_SIDE_PX = 2048
# A cell more or less at the border of what was reviewed.
AREA_ROUNDING = 1.02

Place = tuple[float, float]


@dataclass(frozen=True)
class LockedFrame:
    """One frame and its labels; places are float (n, 2) x, y in frame pixels of 0.25 µm.

    case, slide: names that are equal for equal ones and tell nobody (hashes); scanner, tumour: "" where not known;
    mitoses_px: what the readers agree is a mitosis; others_px: what they agree is none; disputed_px: where they differ,
    which counts neither way; reviewed_px: rings around what was reviewed, none for all of the frame; area_mm2: of that;
    corner_l0, step_l0: where pixel (0, 0) begins on the slide and how many level-0 pixels one of the frame is, x and y,
    None where the frame is no part of a slide.
    file: below the folder; pixels: the SHA-256 of its RGB bytes; size_px: width and height. All are told by the writer.
    """

    case: str
    slide: str
    scanner: str
    tumour: str
    mitoses_px: np.ndarray
    others_px: np.ndarray
    disputed_px: np.ndarray
    area_mm2: float
    reviewed_px: tuple[np.ndarray, ...] = ()
    corner_l0: Place | None = None
    step_l0: Place | None = None
    file: str = ""
    pixels: str = ""
    size_px: tuple[int, int] = (0, 0)

    def outlines_px(self) -> tuple[np.ndarray, ...]:
        """The rings around what was reviewed, or the frame's own."""
        width, height = self.size_px
        return self.reviewed_px or (np.array([(0, 0), (width, 0), (width, height), (0, height)], float),)

    def reviewed(self, points_px: np.ndarray) -> np.ndarray:
        """Which of (n, 2) places lie in what was reviewed: bool (n,)."""
        if not self.reviewed_px:
            return np.ones(len(points_px), bool)
        # A place in an odd number of rings is inside, as for drawn areas.
        inside = [shapely.intersects_xy(shapely.Polygon(ring), *points_px.T) for ring in self.reviewed_px]
        return np.sum(inside, axis=0) % 2 == 1

    def to_l0(self, points_px: np.ndarray) -> np.ndarray | None:
        """Places (n, 2) on the slide, in level-0 pixels; None where the frame is no part of one."""
        if self.corner_l0 is None or self.step_l0 is None:
            return None
        return np.asarray(points_px) * self.step_l0 + self.corner_l0


@dataclass(frozen=True)
class LockedSet:
    """A locked set that is whole: its frames in the order in which they were written."""

    folder: Path
    hash: str
    frames: tuple[LockedFrame, ...] = field(repr=False)

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(sorted({frame.case for frame in self.frames}))

    @property
    def mitoses(self) -> int:
        return sum(len(frame.mitoses_px) for frame in self.frames)

    @property
    def area_mm2(self) -> float:
        return sum(frame.area_mm2 for frame in self.frames)

    def path_of(self, frame: LockedFrame) -> Path:
        return self.folder / frame.file


@dataclass(frozen=True)
class _FrameRow:
    file: str
    pixels: str
    case: str
    slide: str
    scanner: str
    tumour: str
    mitoses_px: list[Place]
    others_px: list[Place]
    disputed_px: list[Place]
    area_mm2: float
    reviewed_px: list[list[Place]] = field(default_factory=list)
    corner_l0: Place | None = None
    step_l0: Place | None = None


@dataclass(frozen=True)
class _Content:
    schema: int
    hash: str
    mpp: float
    frames: list[_FrameRow]


def write_locked_set(root: Path, frames: Iterable[tuple[LockedFrame, np.ndarray]]) -> LockedSet:
    """Writes `<root>/<hash>` from frames and their pixels, uint8 (h, w, 3) RGB at 0.25 µm/px, one after the other.

    A set that is there already stays as it is. Raises DatasetRefused for labels or pixels that do not fit, leaving
    nothing behind, and OSError as the file system does.
    """
    root.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=root, prefix=".part-"))
    try:
        (part / "frames").mkdir()
        written = []
        for number, (frame, rgb) in enumerate(frames, 1):
            file = f"frames/{number:04}.png"
            _check_pixels(rgb, file)
            digest = hashlib.sha256(np.ascontiguousarray(rgb).tobytes()).hexdigest()
            named = replace(frame, file=file, pixels=digest, size_px=(rgb.shape[1], rgb.shape[0]))
            _check_frame(named)
            _, png = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
            write_atomically(part / file, png.tobytes())
            written.append(named)
        _check_together(written)
        digest = hash_of_frames(written)
        rows = [_row_of(frame) for frame in written]
        content = {"schema": SCHEMA, "hash": digest, "mpp": MODEL_MPP, "frames": rows}
        write_atomically(part / FILE, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
        part.chmod(0o755)
        if not (root / digest / FILE).is_file():
            shutil.rmtree(root / digest, ignore_errors=True)  # what a killed erasure left
            part.replace(root / digest)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return LockedSet(root / digest, digest, tuple(written))


def read_locked_set(folder: Path) -> LockedSet:
    """The set in a folder, its pixels checked. Raises DatasetRefused with a sentence that names what is wrong."""
    path = folder / FILE
    if not path.is_file():
        raise DatasetRefused(f"{folder} holds no locked set: {FILE} is missing.")
    try:
        raw = json.loads(path.read_bytes())
        if not isinstance(raw, dict):
            raise TableFault("it is no table")
        content: _Content = check_table(_Content, raw)
    except (ValueError, RecursionError) as error:
        raise DatasetRefused(f"{path} is no locked set: {error}.") from error
    if content.schema != SCHEMA or content.mpp != MODEL_MPP:
        raise DatasetRefused(f"{path} is of another kind of locked set than this version reads.")
    rows = (_frame_of(row) for row in content.frames)
    frames = tuple(replace(frame, size_px=_size_of(folder, frame)) for frame in rows)
    for frame in frames:
        _check_frame(frame)
    _check_together(frames)
    if hash_of_frames(frames) != content.hash:
        raise DatasetRefused(f"{path} was changed after it was written: its hash is another.")
    return LockedSet(folder, content.hash, frames)


def hash_of_frames(frames: Sequence[LockedFrame]) -> str:
    """SHA-256 of all that decides, whatever the files are called: 64 hexadecimal digits."""
    rows = [{key: value for key, value in _row_of(frame).items() if key != "file"} for frame in frames]
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _row_of(frame: LockedFrame) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(frame, name) for name in ("file", "pixels", "case", "slide", "scanner", "tumour")
    }
    row |= {name: _as_lists(getattr(frame, name)) for name in ("mitoses_px", "others_px", "disputed_px")}
    row["area_mm2"] = float(frame.area_mm2)
    if frame.reviewed_px:
        row["reviewed_px"] = [_as_lists(ring) for ring in frame.reviewed_px]
    if frame.corner_l0 is not None and frame.step_l0 is not None:
        row |= {"corner_l0": list(map(float, frame.corner_l0)), "step_l0": list(map(float, frame.step_l0))}
    return row


def _as_lists(points: np.ndarray) -> list[list[float]]:
    return np.asarray(points, float).reshape(-1, 2).tolist()


def _frame_of(row: _FrameRow) -> LockedFrame:
    mitoses, others, disputed = (_as_points(places) for places in (row.mitoses_px, row.others_px, row.disputed_px))
    rings = tuple(_as_points(ring) for ring in row.reviewed_px)
    named = row.case, row.slide, row.scanner, row.tumour
    told = row.corner_l0, row.step_l0, row.file, row.pixels
    return LockedFrame(*named, mitoses, others, disputed, row.area_mm2, rings, *told)


def _as_points(rows: Sequence[Place]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 2)


def _size_of(folder: Path, frame: LockedFrame) -> tuple[int, int]:
    """Width and height of a frame's picture, whose pixels are those that were written."""
    path = folder / frame.file
    if Path(frame.file).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise DatasetRefused(f"{folder / FILE} names a file that does not lie in it: {frame.file}.")
    try:
        rgb = read_rgb(path)
    except OSError as error:
        raise DatasetRefused(f"Frame {frame.file} of the locked set cannot be read: {error}.") from error
    _check_pixels(rgb, frame.file)
    if hashlib.sha256(rgb.tobytes()).hexdigest() != frame.pixels:
        raise DatasetRefused(f"Frame {frame.file} of the locked set was changed after it was written.")
    height, width = rgb.shape[:2]
    return width, height


def _check_pixels(rgb: np.ndarray, file: str) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise DatasetRefused(f"Frame {file} is no RGB picture of 8 bits.")
    if not 0 < min(rgb.shape[:2]) <= max(rgb.shape[:2]) <= MAX_SIDE_PX:
        raise DatasetRefused(f"Frame {file} is {rgb.shape[1]} x {rgb.shape[0]} px; the most is {MAX_SIDE_PX} a side.")


def _check_frame(frame: LockedFrame) -> None:
    """Raises DatasetRefused for names, places or an area that cannot be."""
    said = f"Frame {frame.file} of the locked set"
    if not frame.case or not frame.slide:
        raise DatasetRefused(f"{said} does not say of which case and slide it is.")
    for ring in frame.reviewed_px:
        if len(ring) < 3:
            raise DatasetRefused(f"{said} has a reviewed area of fewer than three corners.")
    for name in ("mitoses_px", "others_px", "disputed_px"):
        points = getattr(frame, name)
        if not np.isfinite(points).all() or not np.all((points >= 0) & (points <= np.array(frame.size_px))):
            raise DatasetRefused(f"{said} has a place in {name} that does not lie in it.")
        if not frame.reviewed(points).all():
            raise DatasetRefused(f"{said} has a place in {name} outside what was reviewed.")
    most_mm2 = frame.size_px[0] * frame.size_px[1] * MODEL_MPP**2 * 1e-6 * AREA_ROUNDING
    if not 0 < frame.area_mm2 <= most_mm2:
        raise DatasetRefused(f"{said} says it is {frame.area_mm2:g} mm², and its picture is {most_mm2:.4g} at most.")


def _check_together(frames: Sequence[LockedFrame]) -> None:
    if not frames:
        raise DatasetRefused("A locked set without a frame decides nothing.")
    cases: dict[str, str] = {}
    for frame in frames:
        if cases.setdefault(frame.slide, frame.case) != frame.case:
            raise DatasetRefused(f"The slide of frame {frame.file} of the locked set is given as of two cases.")
    if len({frame.file for frame in frames}) < len(frames):
        raise DatasetRefused("The locked set names a frame twice.")
