"""What a file says of itself that a person is asked about before anything is counted by it.

A pixel size ten times off makes a density a hundred times off, and nothing later would show it. So a size that no
scanner has, and one at odds with the magnification in the same file, is kept as told but waits for a person's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slides.wsi.metadata import SlideInfo

if TYPE_CHECKING:
    from slides.wsi.formats.source import Source

OUT_OF_RANGE, CONTRADICTED = "pixel_size_out_of_range", "pixel_size_contradicted"
BASE_MISSING = "base_level_missing"
OF_PIXEL_SIZE = (OUT_OF_RANGE, CONTRADICTED)  # which another pixel size settles
CODES = (*OF_PIXEL_SIZE, BASE_MISSING)

LIKELY_MPP = (0.08, 2.0)  # µm per pixel of slide scans, from 100x with oil to 5x
# Power times µm per pixel. An apparent magnification counts every lens and the camera: it is 10 by convention, 40x for
# 0.25 µm, and makers round. An objective's own power leaves the adapter and the camera's pixels out: scanners have
# 4.4 (20x and 0.22 µm) to 11.
APPARENT_UM, LENS_UM = (6.5, 15.0), (3.0, 15.0)
USUAL_UM = 10.0
COARSE_MPP = 0.8  # coarser than scanners with a lens of 20x and more, whose power a file may not tell
MOST_UNEQUAL = 2.05  # pixels twice as long as wide are odd, and told as a hint


def find_doubts(info: SlideInfo, source: Source) -> tuple[str, ...]:
    """Codes of what to ask about, in the order of CODES."""
    sizes = [mpp for mpp in (info.mpp_x, info.mpp_y) if mpp is not None]
    low, high = APPARENT_UM if source.power_is_apparent else LENS_UM
    products = [mpp * info.objective for mpp in sizes] if info.objective else []
    is_coarse_for_lens = any(product > high for product in products)
    is_coarse = is_coarse_for_lens or (not products and any(mpp >= COARSE_MPP for mpp in sizes))
    # Where the file itself says that it was made smaller, large pixels contradict nothing.
    too_large = not source.is_reduced and any(mpp > LIKELY_MPP[1] for mpp in sizes)
    found = {
        OUT_OF_RANGE: too_large or any(mpp < LIKELY_MPP[0] for mpp in sizes),
        CONTRADICTED: (
            _are_apart(info)
            or any(product < low for product in products)
            or (is_coarse_for_lens and not source.is_reduced)
            or (source.is_reduced and source.power_is_apparent and any(product <= high for product in products))
        ),
        BASE_MISSING: source.is_reduced or (source.levels_are_files and is_coarse),
    }
    return tuple(code for code in CODES if found[code])


def describe_doubt(code: str, info: SlideInfo) -> str:
    """The sentence for people that goes with a code."""
    told = "" if info.mpp_x is None or info.mpp_y is None else describe_mpp(info.mpp_x, info.mpp_y)
    if code == OUT_OF_RANGE:
        return f"The file says {told}; scans of slides have {LIKELY_MPP[0]:g} to {LIKELY_MPP[1]:g} µm/px."
    if code == CONTRADICTED and _are_apart(info):
        return f"The file says {told}: no scanner's pixels are that far from square."
    if code == CONTRADICTED and BASE_MISSING in info.doubts and info.objective and told:
        return f"The picture was made smaller, yet {told} and {info.objective:g}× are those of the scan it was made of."
    if code == CONTRADICTED:
        power = info.objective or 1.0
        usual = f"{power:g}× is about {USUAL_UM / power:.2g} µm/px"
        return f"The file says {told} and {power:g}×, which do not go together: {usual}."
    return (
        "It seems that the full resolution is missing: what came is a reduced level of the scan"
        f"{f', {told}' if told else ''}. Send all files of the series together, or say that this one is used."
    )


def describe_mpp(mpp_x: float, mpp_y: float) -> str:
    """ "0.25 µm/px", or "0.25 by 0.5 µm/px"."""
    return f"{mpp_x:.4g} µm/px" if f"{mpp_x:.4g}" == f"{mpp_y:.4g}" else f"{mpp_x:.4g} by {mpp_y:.4g} µm/px"


def _are_apart(info: SlideInfo) -> bool:
    """Whether a pixel's sides are too unequal to be true."""
    if info.mpp_x is None or info.mpp_y is None:
        return False
    return max(info.mpp_x, info.mpp_y) > MOST_UNEQUAL * min(info.mpp_x, info.mpp_y)
