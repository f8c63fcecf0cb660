"""A count as it is told: its regions, scores and intervals, and what stands beside it or in its way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import shapely

from analysis.pipeline.count.guards import NOT_VALID, Facts, Guard, guards_of
from analysis.pipeline.count.interval import SearchedInterval, poisson_interval, searched_interval
from analysis.pipeline.count.polygons import Ring
from analysis.pipeline.count.protocols.protocol import Protocol
from analysis.pipeline.count.scanlines import points_in_area, shared_area_px2
from analysis.pipeline.count.score import distances, score_of
from analysis.pipeline.count.search import Found, Frame, Search, members

# Less tissue than this, about a dozen nuclei, is what an outline's edge cuts off: a density of it would mean nothing.
LEAST_TISSUE_MM2 = 0.001
POISSON_NOTE = "interval_95 is Poisson's for the count; it does not know that the region was chosen as the busiest."
SEARCHED_NOTE = (
    "interval_95_searched knows that the region was chosen: the choice flatters its count by {optimism:.1f}, as "
    "{draws} searches of redrawn figures tell, and the interval stands about what is left."
)
NO_SEARCHED_NOTE = "interval_95_searched is not told: there was no time for enough searches of redrawn figures."
MASK_NOTE = (
    "Where a region may lie is read from a grid of the {mask}, with cells of {cell}: what is called exact is so over "
    "that grid."
)
BOUND_NOTE = "Region {number} is the best that was found; none holds more than {bound:g}."

Rings = Sequence[Ring]


@dataclass(frozen=True)
class Effort:
    """alternates: how many regions beside the best. draws, seed: of the interval that knows of the search, 0 for none.
    seconds: time limit of the search; draw_seconds: of the draws, after which no further one begins.
    """

    alternates: int = 0
    draws: int = 0
    seed: int = 1
    seconds: float | None = None
    draw_seconds: float | None = None


NO_EFFORT = Effort()


def describe_count(
    points_l0: np.ndarray,
    protocol: Protocol,
    facts: Facts,
    size_l0: tuple[float | None, float | None] = (None, None),
    tissue: Rings | None = None,
    tumour: Rings | None = None,
    effort: Effort = NO_EFFORT,
) -> dict[str, Any]:
    """The contract of `mitosis count`, JSON-able: points_l0 (n, 2) counted in the protocol's best regions.

    facts: what is known beforehand; what the count itself brings is added here, and `open_calls` of the facts is cut to
    the calls in the best region. size_l0: width and height of the slide. tissue, tumour: rings in level-0 px under the
    even-odd rule. Where no region of the protocol has a place, all of the tissue is counted.
    Raises SearchTooLong, and ValueError for points that are not finite.
    """
    facts = replace(facts, tissue_given=tissue is not None, tumour_given=tumour is not None)
    if facts.mpp_x is None or facts.mpp_y is None:
        return _compose(protocol, [], guards_of(facts, protocol), [])
    frame = Frame(facts.mpp_x, facts.mpp_y, *size_l0)
    search = Search(points_l0, protocol.shape, frame, tissue, tumour)
    found = search.best(None, effort.alternates, effort.seconds)
    whole = None if found else _Whole(points_l0, frame, tissue, tumour)
    in_best = found[0].count if found else whole.count if whole else 0
    facts = replace(
        facts,
        fits=bool(found),
        region_mm2=whole.area_mm2 if whole else None,
        open_calls=min(facts.open_calls, int(in_best)),
        mask_outside=_reaches_outside(frame, [*(tissue or ()), *(tumour or ())]),
    )
    guards = guards_of(facts, protocol)
    may = _Allowed(not any(guard.blocks for guard in guards), facts.tissue_given and facts.grade != NOT_VALID)
    if whole is not None:
        return _compose(protocol, [whole.as_json(protocol, may)] if whole.area_mm2 else [], guards, [])
    searched = None
    if effort.draws:
        holds = partial(members, points_l0, shape=protocol.shape, frame=frame)
        weights, limits = np.ones(len(points_l0)), (effort.draws, effort.seed, effort.draw_seconds)
        searched = searched_interval(weights, found[0], _Unproven(search), holds, *limits)
    regions = [
        _describe_region(region, protocol, may, None if index else searched) for index, region in enumerate(found)
    ]
    mask_note = say_mask(search.mask_cell_um, facts.tissue_given, facts.tumour_given)
    return _compose(protocol, regions, guards, [*mask_note, *_write_notes(found, searched, effort)])


@dataclass(frozen=True)
class _Unproven:
    """A search as draws need it, which compare what was found and use no bound."""

    search: Search

    def best(self, weights: np.ndarray) -> list[Found]:
        return self.search.best(weights, prove=False)


@dataclass(frozen=True)
class _Allowed:
    """Which numbers may be told beside the count."""

    score: bool
    density: bool


def _compose(protocol: Protocol, regions: list[dict], guards: Sequence[Guard], notes: list[str]) -> dict[str, Any]:
    return {
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "protocol_title": protocol.title,
        "regions": regions,
        "guards": [{"code": guard.code, "sentence": guard.sentence, "blocks": guard.blocks} for guard in guards],
        "notes": [*([POISSON_NOTE] if regions else []), *notes, *filter(None, (protocol.where, protocol.notes))],
    }


def _describe_region(
    region: Found, protocol: Protocol, may: _Allowed, searched: SearchedInterval | None
) -> dict[str, Any]:
    share = region.tissue_fraction
    tissue_mm2 = None if share is None else region.area_mm2 * share
    return {
        "polygon_l0": [list(map(float, corner)) for corner in region.polygon_l0],
        "fields_l0": None if region.fields_l0 is None else [list(map(float, centre)) for centre in region.fields_l0],
        "area_mm2": float(region.area_mm2),
        "tissue_fraction": None if share is None else float(share),
        **_tell_count(region.count, protocol, may, tissue_mm2),
        "interval_95_searched": searched
        and {"low": searched.low, "high": searched.high, "optimism": searched.optimism, "draws": searched.draws},
        "exact": bool(region.exact),
        "bound": None if region.bound is None else _as_whole(region.bound),
    }


def _tell_count(count: float, protocol: Protocol, may: _Allowed, tissue_mm2: float | None) -> dict[str, Any]:
    """The count and all that follows from it. tissue_mm2: what its density is told of."""
    low, high = poisson_interval(count)
    cutoffs = protocol.cutoffs if may.score else ()
    to_next, to_previous = distances(count, cutoffs)
    has_density = may.density and tissue_mm2 is not None and tissue_mm2 >= LEAST_TISSUE_MM2
    return {
        "tissue_mm2": tissue_mm2,
        "count": _as_whole(count),
        "count_divided": count / protocol.divided_by,
        "per_mm2": count / tissue_mm2 if has_density and tissue_mm2 else None,
        "interval_95": {"low": low, "high": high},
        "score": score_of(count, cutoffs),
        "to_next_score": None if to_next is None else _as_whole(to_next),
        "to_previous_score": None if to_previous is None else _as_whole(to_previous),
    }


def _as_whole(number: float) -> int | float:
    """A whole number as one."""
    return int(number) if float(number).is_integer() else float(number)


def say_mask(cell_um: tuple[float, float] | None, has_tissue: bool, has_tumour: bool) -> list[str]:
    """Over which grid regions are exact; nothing where they may lie anywhere."""
    if cell_um is None:
        return []
    across, down = (f"{side_um:.3g}" for side_um in cell_um)
    names = [*(["tissue"] if has_tissue else []), *(["drawn tumour"] if has_tumour else [])]
    mask = " in the ".join(names) or "analysed region"
    return [MASK_NOTE.format(mask=mask, cell=f"{across} µm" if across == down else f"{across} by {down} µm")]


def _write_notes(found: Sequence[Found], searched: SearchedInterval | None, effort: Effort) -> list[str]:
    notes = [SEARCHED_NOTE.format(optimism=searched.optimism, draws=searched.draws)] if searched else []
    if effort.draws and searched is None:
        notes.append(NO_SEARCHED_NOTE)
    return notes + [
        BOUND_NOTE.format(number=number, bound=region.bound)
        for number, region in enumerate(found, 1)
        if not region.exact and region.bound is not None
    ]


class _Whole:
    """All that could be counted in, where no region of the protocol has a place."""

    def __init__(self, points_l0: np.ndarray, frame: Frame, tissue: Rings | None, tumour: Rings | None) -> None:
        drawn = [list(rings) for rings in (tissue, tumour) if rings is not None]
        slide = _outline_slide(frame, [corner for rings in drawn for ring in rings for corner in ring])
        shapes = drawn if slide is None else [*drawn, slide]
        self.has_tissue = tissue is not None
        if not shapes:
            self.area_mm2, self.polygon_l0, self.count = 0.0, [], 0
            return
        corners = [np.array([corner for ring in rings for corner in ring], float).reshape(-1, 2) for rings in shapes]
        low = np.max([each.min(axis=0) for each in corners], axis=0)
        high = np.min([each.max(axis=0) for each in corners], axis=0)
        self.area_mm2 = shared_area_px2(shapes, (*low, *high)) * frame.mpp_x * frame.mpp_y / 1e6
        self.polygon_l0 = [[float(x), float(y)] for x, y in _find_outline(shapes, low, high)]
        inside = np.ones(len(points_l0), bool)
        for rings in shapes:
            inside &= points_in_area(np.asarray(points_l0, float).reshape(-1, 2), rings)
        self.count = int(inside.sum())

    def as_json(self, protocol: Protocol, may: _Allowed) -> dict[str, Any]:
        return {
            "polygon_l0": self.polygon_l0,
            "fields_l0": None,
            "area_mm2": self.area_mm2,
            "tissue_fraction": 1.0 if self.has_tissue else None,
            **_tell_count(self.count, protocol, may, self.area_mm2 if self.has_tissue else None),
            "interval_95_searched": None,
            "exact": True,
            "bound": None,
        }


def _outline_slide(frame: Frame, corners: Ring) -> Rings | None:
    """That of level 0; where its size is not known, as far as what is drawn, if that begins left of it or above."""
    width, height = frame.width_l0, frame.height_l0
    if width is None or height is None:
        drawn = np.asarray(corners, float).reshape(-1, 2)
        if not (drawn < 0).any():
            return None
        width, height = np.maximum(drawn.max(axis=0), 0).tolist()
    width, height = float(width), float(height)
    return [[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]]


def _find_outline(shapes: Sequence[Rings], low: np.ndarray, high: np.ndarray) -> Ring:
    """The one ring that bounds what is counted, where it is one; else the hull of all of it, cut at low and high."""
    smallest = min(
        shapes, key=lambda rings: np.ptp(np.concatenate([np.asarray(ring) for ring in rings]), axis=0).prod()
    )
    if len(smallest) == 1 and len(shapes) == 1:
        return smallest[0]
    hulls = [shapely.MultiPoint([corner for ring in rings for corner in ring]).convex_hull for rings in shapes]
    outline = hulls[0]
    for hull in hulls[1:]:
        outline = outline.intersection(hull)
    return list(outline.exterior.coords)[:-1] if isinstance(outline, shapely.Polygon) else []


def _reaches_outside(frame: Frame, rings: Rings) -> bool:
    corners = np.array([corner for ring in rings for corner in ring], float).reshape(-1, 2)
    # One pixel over is how outlines of masks are drawn.
    return bool((corners < -1).any() or (corners * frame.scale_um > frame.size_um + frame.scale_um).any())
