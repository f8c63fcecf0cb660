"""What the TIFF sources share: which pages can be shown, their density, and turning decoded samples into RGB."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.metadata import known_scanner, mpp_from_density

# What tifffile and the codecs under it raise on spoilt bytes. The codecs' own errors are RuntimeErrors; a
# codec that is not built in is an ImportError.
SPOILT = (
    tifffile.TiffFileError, zlib.error, struct.error, RuntimeError, ImportError, ValueError, TypeError, KeyError,
    IndexError, AttributeError, OSError, EOFError, MemoryError, OverflowError, ZeroDivisionError,
)  # fmt: skip
DEPTHS = (8, 16)
IN_USE = 0.999
AT_ONCE = 1 << 20  # samples; what numpy makes of them on the way takes eight times as much
INCH, CENTIMETRE = 2, 3
PHOTOMETRIC = tifffile.PHOTOMETRIC
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


def to_rgb(samples: np.ndarray, page: tifffile.TiffPage, bits: int = 8) -> np.ndarray:
    """Decoded (h, w), (h, w, samples) or planar (samples, h, w) → (h, w, 3) uint8; of `bits` the eight highest stay."""
    if samples.dtype not in (np.uint8, np.uint16):
        raise SlideRefused("The image holds no whole numbers of 8 or 16 bits.", "depth")
    if samples.dtype == np.uint16:
        samples = eight_highest(samples, bits)
    if samples.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1:
        samples = samples.transpose(1, 2, 0)
    if page.photometric in GREY:
        grey = samples if samples.ndim == 2 else samples[..., 0]
        if page.photometric == PHOTOMETRIC.MINISWHITE:
            grey = 255 - grey
        return np.repeat(grey[..., None], 3, axis=2)
    if samples.ndim != 3 or samples.shape[2] < 3:
        raise SlideRefused("The image does not hold three colours per pixel.", "broken")
    return np.ascontiguousarray(samples[..., :3])


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
    unit = {None: "inch", INCH: "inch", CENTIMETRE: "cm"}.get(_tag(page, "ResolutionUnit"))
    return mpp_from_density(_ratio(_tag(page, "XResolution")), unit), mpp_from_density(
        _ratio(_tag(page, "YResolution")), unit
    )


def _tag(page: tifffile.TiffPage, name: str) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _ratio(value: object) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    return value[0] / value[1] if value[1] else None
