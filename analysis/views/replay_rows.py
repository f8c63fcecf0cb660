"""Replayed cases as their page shows them: what was called and what would be, each on its window, and what it means."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.urls import reverse

from analysis.models import Replay, ReplayedCase

WIDTH_PX = 220
TALLEST = 2.0  # of a picture's width
MARGIN = 0.04  # of a window's sides
ONE_FRAME = 1.6  # two windows are shown in one frame where that is at most so much wider and higher than they are
SHARPNESS = 2  # pixels of the slide for one of the page


@dataclass(frozen=True)
class Mark:
    """kind: as of `services.replays`."""

    x_px: float
    y_px: float
    kind: str


@dataclass(frozen=True)
class Overlay:
    """A window on the slide: the picture's address and size, its outlines as points of SVG, and marks."""

    url: str
    width_px: int
    height_px: int
    outlines: list[str]
    marks: list[Mark]


@dataclass(frozen=True)
class CaseCard:
    """tone: of the sentence about the readers' count."""

    row: ReplayedCase
    url: str
    before: Overlay | None
    after: Overlay | None
    change: str
    readers: str
    tone: str


def make_card(row: ReplayedCase, replay: Replay) -> CaseCard:
    url = f"{reverse('viewer', args=[row.analysis.slide_id])}?analysis={row.analysis_id}"
    if row.lacks:
        return CaseCard(row, url, None, None, "", "", "")
    frames = _choose_frames(row)
    before, after = (
        _draw(row, row.drawing[name], frame) for name, frame in zip(("before", "after"), frames, strict=True)
    )
    if replay.protocol is not None:
        return CaseCard(row, url, before, after, "The readers' own figures, in the best window of each.", "", "")
    return CaseCard(row, url, before, after, _tell_change(row), *_tell_readers(row))


def _tell_change(row: ReplayedCase) -> str:
    """How many calls come and go, and what is known of them."""
    told = "; ".join((_tell_part(row.new, "new", row.new_confirmed), _tell_part(row.lost, "lost", row.lost_confirmed)))
    return f"{told[:1].upper()}{told[1:]}."


def _tell_part(count: int, word: str, confirmed: int) -> str:
    if not count:
        return f"none {word}"
    if not confirmed:
        return f"{count} {word}"
    how_many = "all" if count == confirmed > 1 else "it" if count == confirmed else f"{confirmed} of them"
    return f"{count} {word}, {how_many} confirmed by the readers"


def _tell_readers(row: ReplayedCase) -> tuple[str, str]:
    before, after = (abs(count - row.readers_count) for count in (row.before_count, row.after_count))
    said = f"Readers counted {row.readers_count}"
    if before == after:
        return f"{said}: as near as before.", ""
    return (f"{said}: nearer.", "yes") if after < before else (f"{said}: farther.", "warn")


# Pictures -----------------------------------------------------------------------------------------------------------
Box = tuple[float, float, float, float]  # left, top, right, bottom in level-0 px


def _choose_frames(row: ReplayedCase) -> tuple[Box, Box]:
    """One frame for both windows where they lie near each other, so that they can be compared."""
    boxes = [_bounds(row.drawing[name]["rings_l0"]) for name in ("before", "after")]
    ends = np.array(boxes)
    both = (*ends[:, :2].min(0), *ends[:, 2:].max(0))
    sides = np.array([ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]]).max(1)
    is_near = both[2] - both[0] <= ONE_FRAME * sides[0] and both[3] - both[1] <= ONE_FRAME * sides[1]
    return (both, both) if is_near else (boxes[0], boxes[1])


def _bounds(rings_l0: list) -> Box:
    corners = np.concatenate([np.array(ring, float) for ring in rings_l0])
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    margin = MARGIN * max(right - left, bottom - top)
    return left - margin, top - margin, right + margin, bottom + margin


def _draw(row: ReplayedCase, side: dict[str, Any], frame: Box) -> Overlay:
    """As wide as a card; on the page a µm is as long across as down."""
    slide, analysis = row.analysis.slide, row.analysis
    left, top = max(0, int(frame[0])), max(0, int(frame[1]))
    right, bottom = min(slide.width, int(frame[2]) + 1), min(slide.height, int(frame[3]) + 1)
    width_l0, height_l0 = max(1, right - left), max(1, bottom - top)
    height_px = round(WIDTH_PX * (height_l0 * analysis.mpp_y) / (width_l0 * analysis.mpp_x))
    height_px = min(max(1, height_px), round(TALLEST * WIDTH_PX))

    def place(x_l0: float, y_l0: float) -> tuple[float, float]:
        return round((x_l0 - left) / width_l0 * WIDTH_PX, 1), round((y_l0 - top) / height_l0 * height_px, 1)

    region, size = f"{left},{top},{width_l0},{height_l0}", f"{WIDTH_PX * SHARPNESS},{height_px * SHARPNESS}"
    address = {"pk": slide.pk, "region": region, "size": size, "rotation": "0", "quality": "default", "format": "jpg"}
    outlines = [" ".join(f"{x},{y}" for x, y in (place(*corner) for corner in ring)) for ring in side["rings_l0"]]
    marks = [Mark(*place(x, y), kind) for x, y, kind in side["marks"]]
    return Overlay(reverse("iiif-image", kwargs=address), WIDTH_PX, height_px, outlines, marks)
