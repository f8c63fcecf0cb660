"""What a proposer is given and what it gives. Places are in model px of the slide unless their names say otherwise."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.proposers.finder_geometry import ALIGN_PX, STRIDE_PX
from analysis.pipeline.slide_grid import HALF_MPP, Grid, Reader, half_scale


@dataclass
class Piece:
    """A tile with its context: pixels uint8 (h, w, 3) at `mpp`, whose top left is `corner_px`; what it is
    looked at for lies from `core_px` on, `size_px` (2,) wide and high.
    """

    pixels: np.ndarray
    corner_px: np.ndarray
    core_px: np.ndarray
    size_px: np.ndarray
    mpp: float
    logits: np.ndarray | None = None  # the finder's map of it, once it was worked out

    def holds(self, points_px: np.ndarray) -> np.ndarray:
        """Which of (n, 2) places lie in the tile: bool (n,)."""
        inside = (points_px >= self.core_px) & (points_px < self.core_px + self.size_px)
        return np.all(inside, axis=1)

    @cached_property
    def half(self) -> np.ndarray:
        """The piece at 0.5 µm/px: uint8 (h // 2, w // 2, 3). Raises PipelineRefused for a model of another scale."""
        if abs(self.mpp * 2 - HALF_MPP) > 1e-9:
            raise PipelineRefused(
                f"Candidates are searched at {HALF_MPP} µm/px, which is not twice the model's {self.mpp}."
            )
        return half_scale(self.pixels)

    def contains(self, box_px: tuple[int, int, int, int]) -> bool:
        """Whether all of a box (x, y, width, height) in model px of the slide lies in it."""
        low, sides = np.array(box_px[:2]) - self.corner_px, np.array(box_px[2:])
        return bool((low >= 0).all() and (low + sides <= self.pixels.shape[1::-1]).all())

    def part(self, box_px: tuple[int, int, int, int], core_px: np.ndarray, size_px: np.ndarray) -> "Piece":
        """What of it lies in a box that begins where a cell of the finder's map does, with its part of that map."""
        (x, y), (w, h) = np.array(box_px[:2]) - self.corner_px, box_px[2:]
        logits = self.logits
        if logits is not None:
            rows, columns = (-(-(side // 2) // STRIDE_PX) for side in (h, w))
            logits = logits[y // ALIGN_PX : y // ALIGN_PX + rows, x // ALIGN_PX : x // ALIGN_PX + columns]
        corner_px = np.array(box_px[:2])
        return Piece(self.pixels[y : y + h, x : x + w], corner_px, core_px, size_px, self.mpp, logits)

    def from_half(self, points_half: np.ndarray) -> np.ndarray:
        """Places (n, 2) in pixels of `half` → model px of the slide."""
        return points_half * 2 + self.corner_px


@dataclass(frozen=True)
class Proposals:
    """Places (n, 2) of a piece, those in its context included, and the finder's logits there, float32 (n,), 0 for a
    model without a finder.
    """

    points_px: np.ndarray
    finder_logits: np.ndarray


class FirstStage(Protocol):
    """A model's finder, or what stands for it in a model that has none."""

    def map_of(self, piece: Piece) -> np.ndarray:
        """Logits of a piece, float32 (ceil(h/4), ceil(w/4)) of its half, worked out once."""
        ...

    def logits_near(self, piece: Piece, points_px: np.ndarray, reach_cells: int = 1) -> np.ndarray:
        """The highest logits float32 (n,) within so many cells of places (n, 2) of a piece; 0 without a finder."""
        ...

    def logits_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        """The same within a cell of places (n, 2) anywhere on a slide, read for each of them."""
        ...


class Proposer(Protocol):
    """Proposes what is to be scored. `context_um`: how far around itself a place depends on the slide; `outdo`: whether
    of places within 7.5 µm of each other only the surest is to stay.
    """

    context_um: float
    outdo: bool

    def propose_places(self, piece: Piece, grid: Grid) -> Proposals:
        """All places of a piece of a slide of this grid. Raises PipelineRefused for a model of another scale."""
        ...
