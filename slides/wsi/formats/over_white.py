"""Transparent pixels over white, the one rule for every format: nothing is there, as on empty glass."""

from __future__ import annotations

import numpy as np

WHITE = 255
ROWS = 256  # at once, so that what is made on the way stays small


def over_white(colours: np.ndarray, alpha: np.ndarray, is_premultiplied: bool = False) -> np.ndarray:
    """(h, w, n) uint8 with alpha (h, w) uint8 → (h, w, n) uint8 over white, rounded.

    is_premultiplied: whether the colours are stored with alpha in them, as "associated" alpha is.
    """
    if alpha.size == 0 or alpha.min() == WHITE:
        return np.ascontiguousarray(colours)
    out = np.empty(colours.shape, np.uint8)
    for top in range(0, len(out), ROWS):
        part, share = colours[top : top + ROWS].astype(np.uint16), alpha[top : top + ROWS, :, None].astype(np.uint16)
        if is_premultiplied:
            out[top : top + ROWS] = np.minimum(part + (WHITE - share), WHITE)
        else:
            out[top : top + ROWS] = (part * share + WHITE * (WHITE - share) + WHITE // 2) // WHITE
    return out
