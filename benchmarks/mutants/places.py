"""Which lines are changed, and which tests ought to notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Modules that do one thing, the tests nearest to them, and where only parts of the modules are meant, which.

    `share` is how many of a hundred mutants are taken here.
    """

    name: str
    share: int
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    functions: frozenset[str] = frozenset()

    def files(self, root: Path) -> list[Path]:
        """The modules' files, patterns resolved.

        Raises:
            FileNotFoundError: a pattern names nothing, so the table has fallen behind the tree.
        """
        found: list[Path] = []
        for pattern in self.modules:
            matches = sorted(path for path in root.glob(pattern) if path.name != "__init__.py")
            if not matches:
                raise FileNotFoundError(f"{self.name}: {pattern} names no module")
            found += matches
        return found


PLACES = (
    Place(
        "count",
        14,
        ("analysis/pipeline/count/*.py", "analysis/pipeline/count/protocols/*.py"),
        (
            "tests/pipeline/test_count.py",
            "tests/pipeline/count/test_protocols.py",
            "tests/pipeline/count/test_interval.py",
            "tests/pipeline/count/test_guards.py",
            "tests/pipeline/count/test_point_files.py",
            "tests/commands/test_count.py",
        ),
    ),
    Place(
        "count of readers",
        12,
        (
            "analysis/services/counting.py",
            "analysis/services/count_area.py",
            "analysis/services/count_regions.py",
            "analysis/services/count_guards.py",
            "analysis/services/label_table.py",
        ),
        (
            "tests/analysis/test_counting.py",
            "tests/analysis/test_count_decided.py",
            "tests/analysis/test_count_tumour.py",
        ),
    ),
    Place(
        "matching",
        10,
        ("analysis/lab/matching.py", "analysis/lab/evaluate/detection.py"),
        ("tests/lab/test_matching.py", "tests/lab/evaluate/test_detection.py"),
    ),
    Place("merge", 5, ("analysis/pipeline/merge.py",), ("tests/pipeline/test_merge.py",)),
    Place(
        "calibrate",
        9,
        ("analysis/lab/calibrate.py", "analysis/pipeline/calibration.py"),
        ("tests/lab/test_calibrate.py",),
    ),
    Place(
        "run",
        12,
        ("analysis/pipeline/run.py",),
        ("tests/pipeline/test_run.py", "tests/pipeline/test_score_level.py"),
    ),
    Place("claims", 10, ("mitoweb/lib/jobs/claims.py",), ("tests/lib/test_job_core.py",)),
    Place(
        "visible_to",
        6,
        ("mitoweb/people/models.py", "slides/models/*.py", "analysis/models/*.py", "mitoweb/lib/jobs/models.py"),
        ("tests/meta/test_visibility.py",),
        frozenset({"visible_to"}),
    ),
    Place("tile permission", 8, ("slides/web_server/shortcut.py",), ("tests/slides/test_tiles_shortcut.py",)),
    Place(
        "text rules of de-identification",
        8,
        (
            "slides/wsi/formats/aperio/description.py",
            "slides/wsi/formats/mirax/keys.py",
            "slides/wsi/formats/mirax/ini.py",
        ),
        ("tests/wsi/formats/test_aperio_description.py", "tests/wsi/formats/test_mirax_copy.py"),
    ),
    Place("exports", 6, ("analysis/services/exports.py",), ("tests/analysis/test_exports.py",)),
)
