"""The indexes of native tiles that this process holds open: those used last, within a bound of open files."""

import collections
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from slides import files
from slides.wsi.native import BadIndex, NativeIndex

MOST_HANDLES = 160  # of all indexes together; a process may usually open 1,024 files
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """An index, or that none fits. path: of its file. version: of that file, to see when it is another."""

    slide_facts: tuple
    path: str
    version: tuple[int, int]
    index: NativeIndex | None


class IndexCache:
    """NativeIndex of each slide. Safe for threads: an index that is put away closes with its last user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: collections.OrderedDict[str, OpenIndex] = collections.OrderedDict()
        self._handles = 0

    def find_index(self, slide) -> NativeIndex | None:
        """The index that fits the slide, None where there is none. One that was written anew is read anew."""
        facts = (slide.files, slide.tile_size, slide.width, slide.height, slide.has_made_levels)
        with self._lock:
            held = self._open.get(slide.folder)
            if held is not None:
                self._open.move_to_end(slide.folder)
        try:
            path = held.path if held else str(files.native_path(slide))
            status = os.stat(path)  # noqa: PTH116 asked for each tile
        except (FileNotFoundError, NotADirectoryError):
            return None
        version = (status.st_ino, status.st_mtime_ns)
        if held is not None and held.version == version and held.slide_facts == facts:
            return held.index
        fresh = OpenIndex(facts, path, version, open_index(slide, path))
        with self._lock:
            self._drop_index(slide.folder)
            self._open[slide.folder] = fresh
            self._handles += count_handles(fresh)
            while self._handles > MOST_HANDLES and len(self._open) > 1:
                self._drop_index(next(iter(self._open)))
        return fresh.index

    def let_go_of_erased(self) -> None:
        """Close those whose slide is no longer there."""
        with self._lock:
            for folder in [folder for folder, one in self._open.items() if not Path(one.path).exists()]:
                self._drop_index(folder)

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            self._open.clear()
            self._handles = 0

    def _drop_index(self, folder: str) -> None:
        if folder in self._open:
            self._handles -= count_handles(self._open.pop(folder))


def open_index(slide, path: str) -> NativeIndex | None:
    every = files.slide_paths(slide) + ([files.levels_path(slide)] if slide.has_made_levels else [])
    try:
        index = NativeIndex(Path(path), every)
    except (BadIndex, OSError) as error:
        log.warning("Slide %s has an index of tiles that does not fit: %s", slide.pk, type(error).__name__)
        return None
    fits = (index.tile_size, index.width, index.height) == (slide.tile_size, slide.width, slide.height)
    return index if fits else None


def count_handles(one: OpenIndex) -> int:
    return 1 if one.index is None else 1 + one.index.handles
