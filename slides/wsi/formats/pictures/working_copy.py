"""The working copy of a single JPEG or PNG picture: what makes its pixels is kept byte for byte, all else goes.

EXIF's orientation goes too: slides are shown as they are stored.
"""

from __future__ import annotations

from pathlib import Path

from slides.wsi.deid import verify
from slides.wsi.deid.api import Deidentified
from slides.wsi.deid.jpeg_clean import clean_jpeg
from slides.wsi.deid.leftovers import words_of
from slides.wsi.deid.png_clean import clean_png, inflated
from slides.wsi.errors import SlideRefused

MAX_BYTES = 512 * 2**20
CLEAN = {"JPEG": clean_jpeg, "PNG": clean_png}


def rewrite(path: Path, copy: Path, format: str) -> Deidentified:
    """Write the working copy of one picture and verify it; SlideRefused where it is damaged.

    format: "JPEG" or "PNG".
    """
    if path.stat().st_size > MAX_BYTES:
        raise SlideRefused(f"The picture has more than {MAX_BYTES // 2**20} MB; save it as a tiled pyramid.", "size")
    cleaned = CLEAN[format](path.read_bytes())
    copy.write_bytes(cleaned.data)
    parts = (part for payload in cleaned.payloads for part in (payload, inflated(payload)))
    left = verify.find_in_bytes([copy], words_of(parts, cleaned.numbers))
    return Deidentified(
        files=(copy.name,),
        method=format.lower(),
        removed=tuple(sorted(cleaned.removed)),
        unknown=tuple(sorted(cleaned.unknown)),
        verified=verify.same_pixels([path], [copy], 0) and not left,
    )
