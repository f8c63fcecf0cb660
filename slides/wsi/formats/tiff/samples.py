"""What the TIFF sources share: which pages can be shown, their density, and turning decoded samples into RGB."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.over_white import WHITE, over_white
from slides.wsi.metadata import known_scanner, mpp_from_density

# What tifffile and the codecs under it raise on spoilt bytes. The codecs' own errors are RuntimeErrors; a
# codec that is not built in is an ImportError.
SPOILT = (
    tifffile.TiffFileError, zlib.error, struct.error, RuntimeError, ImportError, ValueError, TypeError, KeyError,
    IndexError, AttributeError, OSError, EOFError, MemoryError, OverflowError, ZeroDivisionError,
)  # fmt: skip
DEPTHS = (8, 16)
IN_USE = 0.999
ALPHA_SLACK, ABOVE_ALPHA = 2, 0.01  # grey values by rounding, and the share of pixels that may be above
AT_ONCE = 1 << 20  # samples; what numpy makes of them on the way takes eight times as much
INCH = 2
UNITS = {INCH: "inch", 3: "cm", 4: "mm", 5: "um"}  # of densities; the last two are not in TIFF 6.0, but written
PHOTOMETRIC, EXTRASAMPLE = tifffile.PHOTOMETRIC, tifffile.EXTRASAMPLE
COLOUR = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)


def refuse_pages_without_rgb(page: tifffile.TiffPage) -> bool:
    """True for a grey page, False for colour, of 8 or 16 bits; SlideRefused for anything else."""
    if page.bitspersample not in DEPTHS or page.sampleformat != tifffile.SAMPLEFORMAT.UINT:
        bits = f"{page.bitspersample} bits" if isinstance(page.bitspersample, int) else "no 8 or 16 bits"
        raise SlideRefused(f"The image has {bits} per colour; 8 and 16 bits are read, as whole numbers.", "depth")
    if page.photometric in GREY and page.samplesperpixel <= 2:
        return True
    if page.photometric in COLOUR and page.samplesperpixel in (3, 4):
        return False
    raise SlideRefused("The image is neither RGB nor grey; only colour or grey images are read.", "depth")


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """What stored samples come to. bits, alpha_bits: how many are in use. has_alpha: whether a sample says how much of
    the pixel is there; is_premultiplied: whether the colours are stored with it in them.
    """

    bits: int = 8
    alpha_bits: int = 8
    has_alpha: bool = False
    is_premultiplied: bool = False


def scale_of(page: tifffile.TiffPage, seen: Callable[[], list[np.ndarray]], significant_bits: int | None) -> Scale:
    """The scale of a page. seen: reads samples (h, w, samples) from all over it, where the tags do not say enough.

    An extra sample that nobody declares is taken as libtiff takes it, for alpha that is in the colours, as long as it
    may be that: one that is zero throughout is none, nor is one that colours are larger than.
    """
    count = colour_count(page)
    is_deep, has_more = page.bitspersample != 8, page.samplesperpixel > count
    kind = page.extrasamples[0] if has_more and page.extrasamples else EXTRASAMPLE.UNSPECIFIED
    is_told = has_more and kind != EXTRASAMPLE.UNSPECIFIED
    if not is_deep and (is_told or not has_more):
        return Scale(has_alpha=has_more, is_premultiplied=kind == EXTRASAMPLE.ASSOCALPHA)
    samples = seen()
    bits = 8 if not is_deep else significant_bits or bits_in_use([part[..., :count] for part in samples])
    alpha = max((int(part[..., count].max(initial=0)) for part in samples), default=0) if has_more else 0
    scale = Scale(
        bits, max(8, alpha.bit_length()) if is_deep else 8, is_told or alpha > 0, kind != EXTRASAMPLE.UNASSALPHA
    )
    return scale if is_told or not scale.has_alpha else _undeclared(samples, count, scale)


def _undeclared(samples: list[np.ndarray], count: int, scale: Scale) -> Scale:
    """What samples (h, w, samples) say of an extra one that nobody declares.

    With alpha in the colours none of them is above it. Where they are it is alpha beside them if it is mostly nothing
    or full, with both; else it is something else, as infrared is.
    """
    above = seen = 0
    ends = np.zeros(2, int)  # how many pixels it calls empty, and full
    for part in samples:
        colours, alpha = part[..., :count], part[..., count]
        if part.dtype == np.uint16:
            colours, alpha = eight_highest(colours, scale.bits), eight_highest(alpha, scale.alpha_bits)
        above += int((colours.max(axis=-1) > alpha.astype(int) + ALPHA_SLACK).sum())
        ends += [(alpha == 0).sum(), (alpha == WHITE).sum()]
        seen += alpha.size
    if above <= ABOVE_ALPHA * seen:
        return scale
    return dataclasses.replace(scale, has_alpha=bool(ends.all() and ends.sum() > seen / 2), is_premultiplied=False)


def colour_count(page: tifffile.TiffPage) -> int:
    """How many samples of a pixel are colours."""
    return 1 if page.photometric in GREY else 3


def interleaved(samples: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Decoded (h, w), (h, w, samples) or planar (samples, h, w) → (h, w, samples)."""
    if samples.ndim == 2:
        return samples[..., None]
    is_planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1
    return samples.transpose(1, 2, 0) if is_planar else samples


def to_rgb(samples: np.ndarray, page: tifffile.TiffPage, scale: Scale) -> np.ndarray:
    """(h, w, samples) → (h, w, 3) uint8 over white; of the bits in use the eight highest stay."""
    if samples.dtype not in (np.uint8, np.uint16):
        raise SlideRefused("The image holds no whole numbers of 8 or 16 bits.", "depth")
    count = colour_count(page)
    if samples.ndim != 3 or samples.shape[2] < count:
        raise SlideRefused("The image does not hold three colours per pixel.", "broken")
    colours, alpha = samples[..., :count], samples[..., count] if scale.has_alpha and samples.shape[2] > count else None
    if samples.dtype == np.uint16:
        colours = eight_highest(colours, scale.bits)
        alpha = None if alpha is None else eight_highest(alpha, scale.alpha_bits)
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        most = np.uint8(WHITE) if alpha is None or not scale.is_premultiplied else alpha[..., None]
        colours = most - np.minimum(colours, most)
    if alpha is not None:
        colours = over_white(colours, alpha, scale.is_premultiplied)
    return np.repeat(colours, 3, axis=2) if count == 1 else np.ascontiguousarray(colours)


def bits_in_use(samples: Iterable[np.ndarray]) -> int:
    """How many of 16 stored bits all but a thousandth of these uint16 values take, which are single hot pixels."""
    counts = np.zeros(1 << 16, np.int64)
    for part in samples:
        flat = part.reshape(-1)
        for first in range(0, flat.size, AT_ONCE):
            counts += np.bincount(flat[first : first + AT_ONCE], minlength=len(counts))
    if not counts.any():
        return 16
    brightest = np.searchsorted(np.cumsum(counts), IN_USE * counts.sum())
    return max(8, int(brightest).bit_length())


def eight_highest(samples: np.ndarray, bits: int) -> np.ndarray:
    """uint16 → uint8 of the same shape: of `bits` the eight highest, brighter values as white."""
    flat, out = samples.reshape(-1), np.empty(samples.size, np.uint8)
    for first in range(0, flat.size, AT_ONCE):
        out[first : first + AT_ONCE] = np.minimum(flat[first : first + AT_ONCE] >> (bits - 8), 255)
    return out.reshape(samples.shape)


def deep_hint(bits: int) -> str:
    """What is said of an image of more than 8 bits per colour."""
    return f"Stored with 16 bits per colour, of which {bits} are in use; the eight highest of them are shown."


def has_icc(page: tifffile.TiffPage) -> bool:
    """Whether the page brings a colour profile."""
    return bool(_tag(page, "InterColorProfile"))


def scanner_of(page: tifffile.TiffPage) -> str:
    """Maker and model by their tags, which other programs than scanners fill too: only known makers are told."""
    return known_scanner(str(_tag(page, "Make") or ""), str(_tag(page, "Model") or ""))


def page_density(page: tifffile.TiffPage) -> tuple[float | None, float | None]:
    """µm per pixel in x and y from the resolution tags, None where there is no unit."""
    unit = _tag(page, "ResolutionUnit")
    name = UNITS.get(INCH if unit is None else int(unit))
    mpp_x, mpp_y = (mpp_from_density(_ratio(_tag(page, f"{axis}Resolution")), name) for axis in "XY")
    return mpp_x, mpp_y


def _tag(page: tifffile.TiffPage, name: str) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _ratio(value: object) -> float | None:
    if isinstance(value, (int, float)):  # not as TIFF 6.0 has it, but written
        return float(value)
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    return value[0] / value[1] if value[1] else None
