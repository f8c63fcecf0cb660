"""A picture of one piece of a slide before and after normalisation."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.pipeline.errors import NormaliserFailed
from analysis.pipeline.slide_grid import Reader
from analysis.pipeline.spread import spread_evenly
from analysis.pipeline.stain import is_tissue
from analysis.pipeline.tissue import find_tissue

# Only to tell a speck from tissue where the file does not say its pixel size.
USUAL_MPP = 0.25
THUMBNAIL_PX = 512
# A picture up to this side is shown whole, a larger one by its piece with most tissue.
WHOLE_PX, PIECE_PX = 2048, 1024
FIT_PLACES, FIT_PX, FIT_PIXELS = 12, 256, 300_000
SEAM_PX, TEXT_PX = 6, 20
# On large pictures the text grows with them.
TEXTS_PER_WIDTH = 45
INK, PAPER = (40, 40, 40), 255


@dataclass(frozen=True)
class Piece:
    """`rgb` uint8 (h, w, 3) from (x_l0, y_l0) at level 0, and tissue of the whole slide to fit to, uint8 (1, n, 3)."""

    rgb: np.ndarray
    x_l0: int
    y_l0: int
    tissue: np.ndarray


def piece_of(reader: Reader) -> Piece:
    """What to show of a slide or image. Raises NormaliserFailed when there is no tissue on it."""
    width, height = reader.info.width, reader.info.height
    scale = max(width, height) / THUMBNAIL_PX
    columns, rows = max(1, int(width / scale)), max(1, int(height / scale))
    thumbnail = reader.read(0, 0, columns, rows, scale)
    mpp_x, mpp_y = reader.info.mpp_x or USUAL_MPP, reader.info.mpp_y or USUAL_MPP
    mask = find_tissue(thumbnail, width, height, mpp_x, mpp_y).mask
    if not mask.any():
        raise NormaliserFailed("There is no stained tissue in this picture, so there is nothing to normalise.")
    if max(width, height) <= WHOLE_PX:
        whole = reader.read(0, 0, width, height, 1)
        return Piece(whole, 0, 0, _thinned_tissue(whole))
    x, y = _fullest_corner(mask, scale, width, height)
    w, h = min(PIECE_PX, width), min(PIECE_PX, height)
    return Piece(reader.read(x, y, w, h, 1), x, y, _sample_tissue(reader, mask, scale))


def side_by_side(before: np.ndarray, after: np.ndarray, captions: tuple[str, str]) -> np.ndarray:
    """Two pictures uint8 (h, w, 3) beside each other, a white seam of 6 px between and a caption over each: uint8
    (h + c, 2 w + 6, 3), c from 36. Narrow pictures are enlarged so that their captions fit.
    """
    text_px = max(TEXT_PX, before.shape[1] // TEXTS_PER_WIDTH)
    font, caption_px = ImageFont.load_default(text_px), text_px + 16
    longest = max(int(font.getlength(text)) + 2 * SEAM_PX for text in captions)
    times = -(-longest // before.shape[1])
    before, after = (np.repeat(np.repeat(rgb, times, axis=0), times, axis=1) for rgb in (before, after))
    height, width = before.shape[:2]
    page = np.full((height + caption_px, 2 * width + SEAM_PX, 3), PAPER, np.uint8)
    page[caption_px:, :width], page[caption_px:, width + SEAM_PX :] = before, after
    image = Image.fromarray(page)
    draw = ImageDraw.Draw(image)
    for left, text in zip((0, width + SEAM_PX), captions, strict=True):
        draw.text((left + SEAM_PX, SEAM_PX), text, INK, font)
    return np.asarray(image)


def _fullest_corner(mask: np.ndarray, scale: float, width: int, height: int) -> tuple[int, int]:
    """Corner in level-0 px of the piece that holds most tissue."""
    cells = max(1, round(PIECE_PX / scale))
    share = cv2.boxFilter(mask.astype(np.float32), -1, (cells, cells), borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(share.argmax(), share.shape)
    x, y = (round((place + 0.5) * scale - PIECE_PX / 2) for place in (column, row))
    return int(np.clip(x, 0, max(0, width - PIECE_PX))), int(np.clip(y, 0, max(0, height - PIECE_PX)))


def _sample_tissue(reader: Reader, mask: np.ndarray, scale: float) -> np.ndarray:
    """Tissue pixels from twelve places spread evenly over the tissue: uint8 (1, n, 3)."""
    cells = np.argwhere(mask)
    chosen = cells[spread_evenly(len(cells), FIT_PLACES)]
    corners_l0 = (chosen + 0.5) * scale - FIT_PX / 2
    parts = [reader.read(x_l0, y_l0, FIT_PX, FIT_PX, 1) for y_l0, x_l0 in corners_l0]
    return _thinned_tissue(np.stack(parts))


def _thinned_tissue(rgb: np.ndarray) -> np.ndarray:
    """Tissue pixels of uint8 (..., 3), 300,000 at most, evenly spread: uint8 (1, n, 3)."""
    pixels = rgb.reshape(-1, 3)
    pixels = pixels[is_tissue(pixels)]
    return pixels[:: max(1, len(pixels) // FIT_PIXELS)][None]
