"""Resample a rectangle so that the same place gives the same pixel, whatever rectangle was asked for.

Shrinking averages the exact area under each output pixel, enlarging interpolates linearly. Both are separable: an
output pixel is a weighted sum of a few source pixels ("taps") per axis. Weights depend on the place alone, snapped to
1/4096 of a source pixel, so two requests shifted by whole output pixels agree bit for bit.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

SNAP = 4096
# Source pixels that are summed in one go: their floats stay in a processor's cache, which makes large rectangles twice
# as fast.
CACHED_PX = 200_000
SPARSE_FROM = 600  # output pixels of an axis; tiles of the viewer stay below, so that decoders need no SciPy


@dataclasses.dataclass(frozen=True, slots=True)
class Taps:
    """Source pixels of one axis. index: (taps, n) int, may lie outside. weight: (taps, n) float32, columns sum to 1."""

    index: np.ndarray
    weight: np.ndarray

    @property
    def start(self) -> int:
        """First source pixel needed."""
        return int(self.index.min())

    @property
    def stop(self) -> int:
        """One past the last source pixel needed."""
        return int(self.index.max()) + 1

    def part(self, first: int, last: int) -> Taps:
        """The taps of output pixels first to last (exclusive)."""
        return Taps(self.index[:, first:last], self.weight[:, first:last])

    def whole_step(self) -> int | None:
        """The factor when every output pixel averages the same number of neighbouring source pixels, else None."""
        count = self.index.shape[0]
        firsts = self.index[0]
        equal = bool(np.all(self.weight == self.weight[0, 0]))
        contiguous = bool(np.all(np.diff(firsts) == count))
        return count if equal and contiguous else None


def axis_taps(start: float, step: float, count: int) -> Taps:
    """Taps of `count` output pixels, the first beginning at `start`, each `step` wide, in source pixels."""
    edges = np.rint((start + np.arange(count + 1) * step) * SNAP) / SNAP
    low, high = edges[:-1], edges[1:]
    if step >= 1:
        first = np.floor(low).astype(np.int64)
        index = first + np.arange(int((np.ceil(high) - first).max()))[:, None]
        weight = np.clip(np.minimum(high, index + 1) - np.maximum(low, index), 0, None)
    else:
        centre = (low + high) / 2 - 0.5
        first = np.floor(centre).astype(np.int64)
        index = first + np.arange(2)[:, None]
        weight = np.stack([1 - (centre - first), centre - first])
    weight = (weight / weight.sum(axis=0)).astype(np.float32)
    return Taps(index, weight)


def resample(source: np.ndarray, rows: Taps, columns: Taps) -> np.ndarray:
    """(h, w, 3) uint8 that starts at (rows.start, columns.start) → (n_rows, n_columns, 3) uint8."""
    step_y, step_x = rows.whole_step(), columns.whole_step()
    if step_y == 1 and step_x == 1:
        return source
    if step_y is not None and step_x is not None:
        size = (columns.index.shape[1], rows.index.shape[1])
        return cv2.resize(source, size, interpolation=cv2.INTER_AREA)
    count = rows.index.shape[1]
    band = max(1, CACHED_PX * count // (source.shape[0] * source.shape[1]))
    out = np.empty((count, columns.index.shape[1], 3), np.uint8)
    for first in range(0, count, band):
        part = rows.part(first, first + band)
        mixed = _mix(source[part.start - rows.start : part.stop - rows.start].astype(np.float32), part)
        # OpenCV's transpose: NumPy's copy of a transposed picture takes as long as the sums themselves.
        mixed = _mix(cv2.transpose(mixed), columns)
        out[first : first + band] = cv2.transpose(np.rint(mixed, out=mixed).astype(np.uint8))
    return out


def _mix(source: np.ndarray, taps: Taps) -> np.ndarray:
    """Weighted sum along axis 0."""
    index = taps.index - taps.start
    if index.shape[1] > SPARSE_FROM:
        return _mix_large(source, index, taps.weight)
    total = np.take(source, index[0], axis=0)
    total *= taps.weight[0][:, None, None]
    for line, weight in zip(index[1:], taps.weight[1:], strict=True):
        total += np.take(source, line, axis=0) * weight[:, None, None]
    return total


def _mix_large(source: np.ndarray, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The same sums in the same order as one sparse product: three times as fast, once SciPy is loaded."""
    from scipy.sparse import csr_array

    taps, count = index.shape
    row_ends = np.arange(count + 1) * taps
    weights = csr_array((weight.T.ravel(), index.T.ravel(), row_ends), shape=(count, len(source)))
    return (weights @ source.reshape(len(source), -1)).reshape(count, *source.shape[1:])
