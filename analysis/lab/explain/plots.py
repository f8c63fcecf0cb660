"""Pictures of maps: the region's overlay with its legend, and sheets for the checks. All return Pillow images."""

import io
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.lab.explain.sanity import Cascade
from analysis.pipeline.explain.cam import enlarge_maps
from analysis.pipeline.explain.region import RegionMap

RED, BLUE = np.array((190, 12, 38)), np.array((20, 84, 176))
PAPER, INK, QUIET, CALL = (255, 255, 255), (34, 34, 40), (112, 112, 122), (0, 0, 0)
# Evidence at which a colour is full, in calibrated logits per cell: one for all slides, so that pictures compare.
FULL_SCALE = 0.5
MAX_OPACITY = 0.78
LEGEND_PX, MARGIN_PX, MIN_WIDTH_PX = 132, 24, 760
RING_UM = 12.5


@cache
def load_font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def tint_evidence(picture: np.ndarray, heat: np.ndarray, full: float) -> np.ndarray:
    """A picture uint8 (h, w, 3) in grey with evidence (h, w) over it: red above 0, blue below, opaque by its size.

    NaN stays grey. Grey, since red and blue over haematoxylin and eosin could not be told from the stain.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = np.repeat(grey[..., None], 3, axis=2)
    strength = np.clip(np.nan_to_num(heat) / full, -1, 1)[..., None]
    opacity = np.abs(strength) * MAX_OPACITY
    # Multiplied and not laid over, in part: nuclei stay visible under a full colour.
    colour = np.where(strength > 0, RED, BLUE).astype(np.float32)
    shaded = colour * (0.45 + 0.55 * grey / 255)
    return np.rint(grey * (1 - opacity) + shaded * opacity).astype(np.uint8)


def draw_region(found: RegionMap, title: str, full: float = FULL_SCALE) -> Image.Image:
    """The overlay with circles about what the detector calls mitosis; below it colours, scale bar and title."""
    enlarge = max(1, round(MIN_WIDTH_PX / found.picture.shape[1]))
    pixels = tint_evidence(found.picture, np.where(found.inside, found.evidence, np.nan), full)
    pixels = np.where(found.inside[..., None], pixels, 255 - (255 - pixels) // 4).astype(np.uint8)
    body = Image.fromarray(pixels).resize([side * enlarge for side in pixels.shape[1::-1]], Image.Resampling.BICUBIC)
    mpp = found.mpp / enlarge
    draw = ImageDraw.Draw(body)
    for call in (d for d in found.detections if d.mitosis):
        x = (call.x_l0 - found.x_l0) / found.step_x_l0 * enlarge
        y = (call.y_l0 - found.y_l0) / found.step_y_l0 * enlarge
        _draw_ring(draw, x, y, RING_UM / mpp)
    sheet = Image.new("RGB", (max(body.width, MIN_WIDTH_PX), body.height + LEGEND_PX), PAPER)
    sheet.paste(body, (0, 0))
    _draw_legend(ImageDraw.Draw(sheet), sheet, body.height, found, mpp, title, full)
    return sheet


def _draw_ring(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    """A dark circle with a light one around it, to be seen on every ground."""
    for grown, colour in ((2, (255, 255, 255)), (0, CALL)):
        r = radius + grown
        draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=3 if grown else 2)


def _draw_legend(
    draw: ImageDraw.ImageDraw, sheet: Image.Image, top: int, found: RegionMap, mpp: float, title: str, full: float
) -> None:
    left, y = MARGIN_PX, top + 18
    bar_w, bar_h = 300, 14
    ramp = np.linspace(-full, full, bar_w, dtype=np.float32)[None].repeat(bar_h, axis=0)
    sheet.paste(Image.fromarray(tint_evidence(np.full((bar_h, bar_w, 3), 200, np.uint8), ramp, full)), (left, y))
    for share, anchor in ((0, "la"), (0.5, "ma"), (1, "ra")):
        value = (2 * share - 1) * full
        draw.text((left + share * bar_w, y + bar_h + 4), f"{value:+g}" if value else "0", INK, load_font(13), anchor)
    draw.text((left, y + 38), "blue: against mitosis", INK, load_font(13), "la")
    draw.text((left + bar_w, y + 38), "red: for mitosis", INK, load_font(13), "ra")
    words = f"calibrated logits per {found.cell_um:g} x {found.cell_um:g} µm, one scale for all patches"
    draw.text((left, y + 58), words, QUIET, load_font(12), "la")
    calls = sum(d.mitosis for d in found.detections)
    draw.text((left, y + 82), title, QUIET, load_font(12), "la")
    right = sheet.width - MARGIN_PX
    length_um = scale_bar_um(found.picture.shape[1] * found.mpp)
    length = length_um / mpp
    draw.rectangle((right - length, y + 4, right, y + 9), fill=INK)
    draw.text((right, y + bar_h + 4), f"{length_um:g} µm", INK, load_font(13), "ra")
    draw.text((right, y + 38), f"circle: called mitosis ({calls})", INK, load_font(13), "ra")
    draw.text((right, y + 58), f"{found.patches} patches, {found.places}", QUIET, load_font(12), "ra")


def encode_png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def scale_bar_um(width_um: float) -> float:
    """A round length of about a sixth of the picture."""
    wanted = width_um / 6
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(m * power for m in (1, 2, 5) if m * power <= wanted))


def sanity_sheet(patches: np.ndarray, found: Cascade, other: np.ndarray, rows: int = 6) -> Image.Image:
    """Patches, their maps of mitosis and of the other class (n, h, w), and the maps as the network turns random.

    Every map is scaled to its own maximum, as the product shows it; the sheet says so.
    """
    px, gap, head = patches.shape[1], 6, 40
    names = ["patch", "mitosis", "other class", *found.stages[1:]]
    rows = min(rows, len(patches))
    sheet = Image.new("RGB", (len(names) * (px + gap) + gap, head + rows * (px + gap) + 28), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        x = gap + column * (px + gap) + px / 2
        if column > 2:
            draw.text((x, 4), "random to", QUIET, load_font(11), "ma")
        draw.text((x, 19), name, INK, load_font(12), "ma")
    for row in range(rows):
        series = [found.maps[0][row], other[row], *(maps[row] for maps in found.maps[1:])]
        grown = [np.maximum(enlarge_maps(heat[None], px)[0], 0) for heat in series]
        shown = [patches[row], *(tint_evidence(patches[row], heat, max(float(heat.max()), 1e-12)) for heat in grown)]
        for column, picture in enumerate(shown):
            sheet.paste(Image.fromarray(picture), (gap + column * (px + gap), head + row * (px + gap)))
    words = (
        "Grad-CAM at block 8. Each map is scaled to its own maximum and cannot be compared with another in strength."
    )
    draw.text((gap, sheet.height - 22), words, QUIET, load_font(12), "la")
    return sheet
