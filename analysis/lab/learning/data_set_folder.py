"""The folder of a data set: patches about places that readers judged, and `data_set.json`, which says what is known of
each.

The patches come first and `data_set.json` last, so that a folder with that file is complete. A patch is a PNG of 160 x
160 px RGB at 0.25 µm/px with the place in its middle: room to turn and shift a window of 100 px. Labels are shares of
readers: settled ones 0 or 1, others (k + 1) / (n + 2) of k among n who say mitosis.

`hash` is of the rows without their files' numbers, in the order of their places: the same verdicts have the same hash,
wherever and whenever their patches were cut.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from analysis.lab.errors import DatasetRefused
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.strict_tables import TableFault, check_table

SCHEMA = 1
MPP = 0.25
PATCH_PX = 160
FILE = "data_set.json"
PATCHES = "patches"
PATCH_NAME = re.compile(r"patches/\d{6}\.png")
HEX = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class PatchRow:
    """One place. `label` in 0..1 is how sure it is a mitosis; `weight` > 0. `case` and `slide` are hashes that tell
    patients and scans apart and name nobody. `x_l0`, `y_l0` float px of level 0 of the slide. `verdicts` are the ids
    that the label came from, `readers` how many gave them, `added` whether a reader added the place by hand.
    """

    file: str
    label: float
    settled: bool
    weight: float
    case: str
    slide: str
    scanner: str
    tumour: str
    x_l0: float
    y_l0: float
    purpose: Literal["validate", "correct"]
    verdicts: tuple[str, ...]
    added: bool
    readers: int

    def __post_init__(self) -> None:
        if not PATCH_NAME.fullmatch(self.file):
            raise ValueError(f"file is {self.file!r} and not like patches/000001.png")
        if not 0 <= self.label <= 1 or (self.settled and self.label not in (0, 1)):
            raise ValueError(f"label of {self.file} is {self.label:g}; it is 0 or 1 where settled, else between them")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"weight of {self.file} is {self.weight:g}; it must be above 0")
        if not (math.isfinite(self.x_l0) and math.isfinite(self.y_l0)):
            raise ValueError(f"the place of {self.file} is no number")
        if not (HEX.fullmatch(self.case) and HEX.fullmatch(self.slide)):
            raise ValueError(f"case or slide of {self.file} is no hash")
        if not 1 <= self.readers <= len(self.verdicts) or len(set(self.verdicts)) < len(self.verdicts):
            raise ValueError(f"{self.file} has {self.readers} readers and {len(self.verdicts)} verdicts")


@dataclass(frozen=True)
class LeftOut:
    """Why places are not in the data set, as a sentence's part, and how many."""

    why: str
    count: int


@dataclass(frozen=True)
class DataSetTable:
    """`data_set.json`. `notes` tell what left the data set after it was frozen, oldest first."""

    schema: int
    id: str
    name: str
    hash: str
    mpp: float
    patch_px: int
    rows: tuple[PatchRow, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.schema, self.mpp, self.patch_px) != (SCHEMA, MPP, PATCH_PX):
            found = f"schema {self.schema}, {self.mpp:g} µm/px, {self.patch_px} px"
            raise ValueError(f"it has {found}; this version reads schema {SCHEMA}, {MPP} µm/px, {PATCH_PX} px")
        if len({row.file for row in self.rows}) < len(self.rows):
            raise ValueError("two rows name one patch")
        if self.hash != hash_of_rows(self.rows):
            raise ValueError("its hash is not that of its rows: they were changed")


@dataclass(frozen=True)
class DataSetFolder:
    """A data set that was read: its table, and where its patches lie."""

    folder: Path
    table: DataSetTable

    @property
    def rows(self) -> tuple[PatchRow, ...]:
        return self.table.rows

    @property
    def hash(self) -> str:
        return self.table.hash

    def read_patch(self, row: PatchRow) -> np.ndarray:
        """uint8 (160, 160, 3) RGB. Raises DatasetRefused for a file that is no such picture."""
        path = self.folder / row.file
        bgr = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_COLOR)
        if bgr is None or bgr.shape != (PATCH_PX, PATCH_PX, 3):
            raise DatasetRefused(f"{path} is no picture of {PATCH_PX} x {PATCH_PX} px: freeze the data set anew.")
        return bgr[..., ::-1]


def patch_file(number: int) -> str:
    """The name of the patch with this number, below the folder."""
    return f"{PATCHES}/{number:06d}.png"


def hash_of_rows(rows: Iterable[PatchRow]) -> str:
    """sha256 in hex over the rows as canonical JSON, without the names of their files, ordered by place."""
    plain = [{**asdict(row), "verdicts": sorted(row.verdicts)} for row in rows]
    for row in plain:
        del row["file"]
        row |= {key: float(row[key]) for key in ("label", "weight", "x_l0", "y_l0")}  # 1 and 1.0 are one number
    plain.sort(key=lambda row: (row["case"], row["slide"], row["y_l0"], row["x_l0"], row["verdicts"]))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_data_set(folder: Path) -> DataSetFolder:
    """The data set in `folder`. Raises DatasetRefused for one that is incomplete, altered or of another kind."""
    path = folder / FILE
    if not path.is_file():
        raise DatasetRefused(f"{folder} has no {FILE}: no data set, or one whose patches are still being cut.")
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DatasetRefused(f"{path} is no JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise DatasetRefused(f"{path} holds no table.")
    try:
        table = check_table(DataSetTable, raw)
    except TableFault as fault:
        raise DatasetRefused(f"{path} cannot be used: {fault}.") from fault
    missing = [row.file for row in table.rows if not (folder / row.file).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DatasetRefused(f"{folder} lacks {missing[0]}{more}: freeze the data set anew.")
    return DataSetFolder(folder, table)


def write_patch(folder: Path, file: str, rgb: np.ndarray) -> None:
    """Lays one patch, uint8 (160, 160, 3) RGB, under its name; whole or not at all. Raises OSError as the disk does."""
    if rgb.shape != (PATCH_PX, PATCH_PX, 3) or rgb.dtype != np.uint8:
        raise ValueError(f"A patch is uint8 ({PATCH_PX}, {PATCH_PX}, 3), not {rgb.dtype} {rgb.shape}")
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    _, png = cv2.imencode(".png", rgb[..., ::-1])
    write_atomically(path, png.tobytes())


def write_data_set(
    folder: Path,
    id: str,
    name: str,
    rows: Sequence[PatchRow],
    left_out: Sequence[LeftOut] = (),
    notes: Sequence[str] = (),
) -> DataSetFolder:
    """Completes a folder whose patches lie there: `data_set.json` says what they are. An older one is replaced.

    Raises DatasetRefused where a row's patch is missing, ValueError for a row that cannot be, OSError as the disk does.
    """
    ordered = tuple(sorted(rows, key=lambda row: row.file))
    table = DataSetTable(SCHEMA, id, name, hash_of_rows(ordered), MPP, PATCH_PX, ordered, tuple(left_out), tuple(notes))
    missing = [row.file for row in ordered if not (folder / row.file).is_file()]
    if missing:
        raise DatasetRefused(f"{folder} lacks {missing[0]}, which a row of the data set names.")
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = asdict(table)
    write_atomically(folder / FILE, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode())
    return DataSetFolder(folder, table)


def remove_other_patches(folder: Path, files: Iterable[str]) -> int:
    """Removes all patches but `files`, names below the folder: what left the data set, and parts of a killed writing.
    Each is emptied first, since a removed file stays whole for whoever has it open. How many there were.
    """
    kept, removed = set(files), 0
    for path in (folder / PATCHES).glob("*") if (folder / PATCHES).is_dir() else ():
        if f"{PATCHES}/{path.name}" not in kept:
            with path.open("r+b") as file:
                file.truncate()
            path.unlink()
            removed += 1
    return removed
