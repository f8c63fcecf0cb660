"""What a picture shows without any network: colours, glass, stain and sharpness.

Every function takes uint8 RGB and returns plain numbers under fixed names; None where the picture cannot say.
"""

import cv2
import numpy as np

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.normalise.macenko import fit_stains
from analysis.pipeline.ood.sample import Sample
from analysis.pipeline.stain import optical_density

Measures = dict[str, float | None]

# Glass is the one colour that much of a thumbnail shares with its brightest part, and not the pink of even stroma.
GLASS_WITHIN, GLASS_SHARE, PINK = 6, 0.05, 20
# Mean optical density from which a pixel, or a cell of the thumbnail, counts as stained.
STAINED_DENSITY, STAINED_CELL_DENSITY = 0.3, 0.15
# Macenko is fitted on what has colour, and on no more pixels than it needs.
COLOURED, FIT_PIXELS = 15, 100_000
MIN_FIT_PIXELS = 2000
# Cells of a thumbnail that are enough to know it by: that of a large slide has ten times as many.
MAX_CELLS = 1_000_000


def of_thumbnail(sample: Sample) -> Measures:
    """`colour`: 99th percentile of max - min of RGB; `dark_share`: cells that absorb light; `glass_level` and
    `glass_tint`: mean and max - min of the glass's RGB; `foreign_share`: stained tissue cells whose colour is neither
    haematoxylin's nor eosin's.
    """
    pixels, cells = _thinned(sample.thumbnail.reshape(-1, 3)), _thinned(sample.thumbnail[sample.tissue])
    glass = _glass(pixels)
    stained = cells[optical_density(cells).mean(axis=1) > STAINED_CELL_DENSITY]
    return {
        "colour": float(np.percentile(_saturation(pixels), 99)),
        "dark_share": float((optical_density(pixels).mean(axis=1) > STAINED_CELL_DENSITY).mean()),
        "glass_level": None if glass is None else float(glass.mean()),
        "glass_tint": None if glass is None else float(glass.max() - glass.min()),
        "foreign_share": float(1 - _is_he(stained).mean()) if len(stained) else None,
    }


def of_pieces(pieces: list[np.ndarray]) -> Measures:
    """Of pieces at 0.5 µm/px. `he_share`: stained pixels that absorb green most, as both stains do; `saturation`,
    `brightness`: medians over all pixels; `bright_level`, `bright_tint`: of the brightest hundredth.
    """
    pixels = np.concatenate([piece.reshape(-1, 3) for piece in pieces])
    level = pixels.mean(axis=1)
    bright = np.median(pixels[level >= np.percentile(level, 99)], axis=0)
    stained = pixels[optical_density(pixels).mean(axis=1) > STAINED_DENSITY]
    return {
        "he_share": float(_is_he(stained).mean()) if len(stained) else None,
        "saturation": float(np.median(_saturation(pixels))),
        "brightness": float(np.median(level)),
        "bright_level": float(bright.mean()),
        "bright_tint": float(bright.max() - bright.min()),
    }


def stains_of(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Haematoxylin and eosin by Macenko's method: unit vectors float (2, 3) and 99th percentile concentrations (2,).

    None where the pieces' colours span no two stains.
    """
    pixels = np.concatenate([piece.reshape(-1, 3) for piece in pieces])
    pixels = pixels[_saturation(pixels) > COLOURED]
    if len(pixels) < MIN_FIT_PIXELS:
        return None
    try:
        stains, strongest = fit_stains(pixels[:: -(-len(pixels) // FIT_PIXELS)][None])
    except NormaliserFailed:
        return None
    return (stains / np.linalg.norm(stains, axis=0)).T, strongest


def angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    """Angle between two unit vectors (3,), in degrees."""
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def sharpness_of(pieces: list[np.ndarray]) -> np.ndarray:
    """Variance of the Laplacian of each piece at 0.5 µm/px, in grey values squared: float (n,)."""
    greys = (cv2.cvtColor(piece, cv2.COLOR_RGB2GRAY) for piece in pieces)
    return np.array([cv2.Laplacian(grey, cv2.CV_32F)[1:-1, 1:-1].var() for grey in greys])


def _glass(pixels: np.ndarray) -> np.ndarray | None:
    """The glass's colour (3,), or None for a field that shows none: there the brightest cells are few."""
    level = pixels.mean(axis=1)
    bright = np.median(pixels[level >= np.percentile(level, 99)], axis=0)
    same = (np.abs(pixels - bright) <= GLASS_WITHIN).all(axis=1)
    is_pink = _is_he(bright[None])[0] and bright.max() - bright.min() > PINK
    return None if is_pink or same.mean() < GLASS_SHARE else np.median(pixels[same], axis=0)


def _thinned(pixels: np.ndarray) -> np.ndarray:
    return pixels[:: max(1, -(-len(pixels) // MAX_CELLS))]


def _saturation(pixels: np.ndarray) -> np.ndarray:
    """max - min of RGB, int (n,)."""
    return pixels.max(axis=1).astype(int) - pixels.min(axis=1)


def _is_he(pixels: np.ndarray) -> np.ndarray:
    """Whether green is the darkest channel: so with haematoxylin, eosin and their mixtures, not with DAB or ink."""
    return (pixels[:, 1] < pixels[:, 0]) & (pixels[:, 1] < pixels[:, 2])
