"""The locked set as a folder: frames of what readers reviewed, with what they agree on, for the gate to decide by.

Whoever evaluates calls `cut_locked_set` inside its own job and notes the look (`locked_set.record_look`). The folder is
named by its content, so that it is cut once for as long as slides and verdicts are the same.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from django.conf import settings

from analysis.lab.gate.locked_set_folder import FILE, MAX_SIDE_PX, LockedFrame, LockedSet, write_locked_set
from analysis.pipeline.slide_grid import Grid
from analysis.services.learning.locked_set import LockedSetState, Reviewed
from analysis.services.learning.naming import hash_case, hash_slide
from mitoweb.lib.jobs import core
from slides.files import remove_tree, slide_paths
from slides.services.areas import join_rings, list_rings
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide

MPP = 0.25


def cut_locked_set(state: LockedSetState, tell: Callable[[int, int], None] = lambda done, total: None) -> LockedSet:
    """Raises core.JobFailed with a sentence for a slide that cannot be read: a set that lacks a part of itself decides
    nothing. DatasetRefused where no slide was reviewed by enough readers."""
    rows = [row for row in state.slides if not row.lacks]
    return write_locked_set(Path(settings.LOCKED_SETS_ROOT), _cut_slides(rows, tell))


def _cut_slides(rows: list[Reviewed], tell: Callable[[int, int], None]) -> Iterator[tuple[LockedFrame, np.ndarray]]:
    for done, row in enumerate(rows):
        tell(done, len(rows))
        paths = slide_paths(row.slide) if row.slide.folder else []
        try:
            with open_slide(paths, scene=row.slide.scene) as reader:
                yield from _cut_frames(row, reader)
        except (SlideRefused, OSError) as error:
            raise core.JobFailed(f"A slide of the locked set ({row.slide}) cannot be read: {error}") from error
    tell(len(rows), len(rows))


def _cut_frames(row: Reviewed, reader) -> Iterator[tuple[LockedFrame, np.ndarray]]:
    """The bounding box of what was reviewed in tiles of one size, without those that hold nothing of it."""
    analysis = row.analysis
    grid = Grid.over(reader, analysis.mpp_x, analysis.mpp_y, MPP)
    area_px = shapely.transform(join_rings(row.rings_l0), grid.to_px)
    area_px = area_px.intersection(shapely.box(0, 0, grid.width, grid.height))
    places_px = [grid.to_px(places) for places in (row.mitoses_l0, row.others_l0, row.disputed_l0)]
    for x, y, w, h in _list_tiles(area_px):
        inside = shapely.transform(area_px.intersection(shapely.box(x, y, x + w, y + h)), lambda at: at - (x, y))  # noqa: B023
        if rings := list_rings(inside):
            rgb = grid.read(reader, x, y, w, h)
            yield _make_frame(row, grid, (x, y, w, h), inside.area, rings, places_px), rgb


def _list_tiles(area_px: shapely.Geometry) -> Iterator[tuple[int, int, int, int]]:
    """x, y, width and height of each, in model px."""
    if area_px.is_empty:
        return
    left, top, right, bottom = (int(side) for side in (*np.floor(area_px.bounds[:2]), *np.ceil(area_px.bounds[2:])))
    columns, rows = (np.linspace(*ends, -(-(ends[1] - ends[0]) // MAX_SIDE_PX) + 1).astype(int).tolist()
                     for ends in ((left, right), (top, bottom)))  # fmt: skip
    for y, below in zip(rows, rows[1:], strict=False):
        for x, beside in zip(columns, columns[1:], strict=False):
            yield x, y, beside - x, below - y


def _make_frame(row: Reviewed, grid: Grid, tile: tuple, area_px2: float, rings: list, places_px: list) -> LockedFrame:
    x, y, w, h = tile
    ours = [places[((places >= (x, y)) & (places < (x + w, y + h))).all(axis=1)] - (x, y) for places in places_px]
    frame = LockedFrame(
        case=hash_case(row.slide.case_id),
        slide=hash_slide(row.slide.pk),
        scanner=row.slide.scanner,
        tumour=row.slide.case.tumour_type,
        mitoses_px=ours[0],
        others_px=ours[1],
        disputed_px=ours[2],
        area_mm2=area_px2 * MPP**2 * 1e-6,
        reviewed_px=() if area_px2 >= w * h - 1 else tuple(np.array(ring) for ring in rings),
        corner_l0=(x * grid.step_x_l0, y * grid.step_y_l0),
        step_l0=(grid.step_x_l0, grid.step_y_l0),
    )
    # A place on the very border may lie outside of it once corners are rounded.
    kept = {name: getattr(frame, name) for name in ("mitoses_px", "others_px", "disputed_px")}
    return replace(frame, **{name: places[frame.reviewed(places)] for name, places in kept.items()})


def erase_frames(run: core.Run) -> None:
    """Remove every cut locked set that holds frames of the slide that this job names; the gate cuts it anew."""
    name = hash_slide(run.object_id)
    for path in Path(settings.LOCKED_SETS_ROOT).glob(f"*/{FILE}"):
        if any(frame["slide"] == name for frame in json.loads(path.read_bytes())["frames"]):
            remove_tree(path.parent)
