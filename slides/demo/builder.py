"""All demo slides, as rows that the demo case is filled from."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from slides.demo import cmu, frames, teaching_sheet
from slides.demo.pyramid import Truth

CMU_NOTE = "OpenSlide's CMU-1-Small-Region, CC0. At 0.499 µm per pixel it is coarser than the model was trained for."
Progress = Callable[[str, int, int], None]
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class DemoSlide:
    """A demo slide. truth_path: see `pyramid.Truth`, None where nothing is known. label, note: for people.

    is_tissue: False for the sheet of cut-outs, of which nothing per mm² may be said.
    """

    name: str
    path: Path
    truth_path: Path | None
    label: str
    note: str
    is_tissue: bool = True


def build_demo_slides(data_dir: Path, out_dir: Path, progress: Progress | None = None) -> list[DemoSlide]:
    """H05_03 and the montage from DATA_DIR/mitos14, those that are not in OUT_DIR yet; fewer where frames are missing.

    progress(name, done, total) counts frames. About 20 s for both on one core.
    """
    folder = data_dir / "mitos14"
    made = []
    for plan in (frames.field_slide, frames.montage_slide):
        slide = plan(folder)
        if slide is None:
            log.warning("A demo slide is left out: frames of slide H05 are missing")
            continue
        report = None if progress is None else partial(progress, slide.name)
        path, truth_path = frames.build_joined(slide, folder, out_dir, report)
        mitoses = sum(point.label == "mitosis" for point in Truth.read(truth_path).points)
        label = f"{slide.name.replace('_all', ' montage')}: breast, {mitoses} labelled mitoses"
        made.append(DemoSlide(slide.name, path, truth_path, label, slide.note))
    return made


def teaching_sheet_slide() -> DemoSlide:
    """The teaching sheet of the repository."""
    truth = Truth.read(teaching_sheet.TRUTH)
    label = f"Teaching sheet: {len(truth.points)} labelled mitoses"
    return DemoSlide("teaching_sheet", teaching_sheet.SHEET, teaching_sheet.TRUTH, label, truth.note, is_tissue=False)


def fetch_cmu(out_dir: Path) -> DemoSlide | None:
    """OpenSlide's test slide, None (with the reason in the log) where it cannot be fetched."""
    path = cmu.fetch_cmu(out_dir)
    return None if path is None else DemoSlide("cmu_small_region", path, None, "CMU-1 small region", CMU_NOTE)
