"""A folder into which scanners write: what has come to rest in it is imported by itself.

    DIR/<team>/<accession>/…          slides on their way in
    DIR/done/<team>/<accession>/…     those that were taken
    DIR/failed/<team>/<accession>/…   those that were not, each with a .txt that says why

Before files are moved the moves are written down, and a start first completes those: a kill at any point leaves no half
of a set behind. What was taken but not moved is known by its hash.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mitoweb.lib.errors import NotNow, Refused
from mitoweb.people.models import Team
from slides import files
from slides.services.importing import Outcome, ReportRow, SlideFiles, find_or_create_case, import_slide, scan_folder
from slides.wsi.sets import MRXS_PART

DONE, FAILED = "done", "failed"
JOURNAL, LOCK = ".moving.json", ".watching"
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart")  # written by programs that rename


@dataclass(frozen=True)
class Snapshot:
    """How some files looked, and since when."""

    state: tuple
    since_s: float


class FolderWatch:
    """root: the folder. settle_s: how long a file's size and time must stand still. clock_s: counts seconds.

    labels_from_names: as in `importing.import_slide`.
    """

    def __init__(
        self,
        root: Path,
        by,
        settle_s: float,
        clock_s: Callable[[], float] = time.monotonic,
        labels_from_names: bool = False,
    ) -> None:
        self.root, self.by, self.settle_s, self.clock_s = root, by, settle_s, clock_s
        self.labels_from_names = labels_from_names
        self._snapshots: dict[Path, Snapshot] = {}

    @contextmanager
    def hold_folder(self) -> Iterator[None]:
        """NotNow while another process watches the same folder."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotNow("Another process watches this folder.", "locked") from None
            yield

    def run_round(self) -> list[ReportRow]:
        """One round: what has come to rest is imported and moved."""
        self._complete_moves()
        rows = []
        teams = [path for path in _list_folders(self.root) if path.name not in (DONE, FAILED)]
        for place in [case for team in teams for case in _list_folders(team)]:
            contents = scan_folder(place)
            for found in contents.slides:
                if self._is_settled(found.paths):
                    rows.append(self._import_files(place, found))
            for name in contents.others:
                path = place / name
                # A MRXS folder may come before its .mrxs file.
                waits = path.suffix.lower() in UNFINISHED or MRXS_PART.fullmatch(path.name)
                if not waits and self._is_settled((path,)):
                    reason = files.refused_suffix(name) or "This is no slide."
                    row = ReportRow(name, place.name, Outcome.REFUSED, reason)
                    self._move_files(place, [Path(name)], row)
                    rows.append(row)
            _remove_empty_folders(place)
        self._snapshots = {path: snapshot for path, snapshot in self._snapshots.items() if path.exists()}
        return rows

    def _is_settled(self, paths: tuple[Path, ...]) -> bool:
        """Whether these files look as they did a while ago."""
        try:
            state = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
        except OSError:  # renamed or removed since it was listed: its writer is still at it
            self._snapshots.pop(paths[0], None)
            return False
        snapshot, now = self._snapshots.get(paths[0]), self.clock_s()
        if snapshot is None or snapshot.state != state:
            self._snapshots[paths[0]] = Snapshot(state, now)
            return False
        return now - snapshot.since_s >= self.settle_s

    def _import_files(self, place: Path, found: SlideFiles) -> ReportRow:
        try:
            team = Team.objects.visible_to(self.by).filter(name=place.parent.name).first()
            if team is None:
                raise Refused(f"{self.by.username} is in no team of this name.", "team")
            case = find_or_create_case(self.by, team, place.name)
        except Refused as refusal:
            return ReportRow(found.name, place.name, Outcome.FAILED, str(refusal))
        row = import_slide(self.by, case, found, labels_from_names=self.labels_from_names)
        if row.outcome != Outcome.FAILED:  # those lie where they are until a later round succeeds
            self._move_files(place, [path.relative_to(place) for path in found.paths], row)
        return row

    def _move_files(self, place: Path, names: list[Path], row: ReportRow) -> None:
        """Write down what goes where, then do it."""
        start = self.root / (FAILED if row.outcome.is_bad else DONE) / place.parent.name / place.name
        target, number = start, 2
        while any((target / name).exists() for name in names):
            target, number = start.with_name(f"{start.name} ({number})"), number + 1
        pairs = [(place / name, target / name) for name in names]
        relative = [[str(path.relative_to(self.root)) for path in pair] for pair in pairs]
        note = None
        if row.reason:
            text = f"{row.outcome}: {row.reason}\n"
            note = [f"{relative[0][1]}.txt", text[0].upper() + text[1:]]
        files.write_for_good(self.root / JOURNAL, json.dumps({"pairs": relative, "note": note}).encode())
        self._complete_moves()

    def _complete_moves(self) -> None:
        """Do what was written down and not done; doing it twice is harmless."""
        journal = self.root / JOURNAL
        if not journal.exists():
            return
        planned = json.loads(journal.read_bytes())
        for source, target in [(self.root / pair[0], self.root / pair[1]) for pair in planned["pairs"]]:
            if source.exists() and not target.exists():
                files.move_for_good(source, target)
        if planned["note"]:
            name, text = planned["note"]
            files.write_for_good(self.root / name, text.encode())
        journal.unlink()


def _list_folders(folder: Path) -> list[Path]:
    entries = [path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_symlink()]
    return sorted(path for path in entries if path.is_dir())


def _remove_empty_folders(place: Path) -> None:
    """Folders below the case's that hold nothing now; the scanner may be set to write into the case's own."""
    for root, _, _ in os.walk(place, topdown=False):
        if Path(root) != place and not any(Path(root).iterdir()):
            Path(root).rmdir()
