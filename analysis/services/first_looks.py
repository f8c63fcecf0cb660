"""What first looks at slides saw, kept: a look takes a minute or two, and a stopped analysis needs it again."""

import hashlib
import json
import re

import numpy as np

from analysis.models import Analysis, NucleiSample
from analysis.pipeline.cards.card import decisive_parts
from analysis.pipeline.score_level import Seen


def make_key(analysis: Analysis, device: str) -> str:
    """A hash of all that decides the margins, so that what differs in any of it is looked at for itself.

    `device` is the detector's name for what it runs on: its number format counts, the number of threads does not. The
    version is the one that the analysis was begun with, so that an update in the middle does not change its scores.
    """
    facts = {
        "slide": analysis.slide_sha256,
        "mpp": [analysis.mpp_x, analysis.mpp_y],
        "model": analysis.model_sha256,
        "card": decisive_parts(analysis.model.card),
        "normaliser": analysis.normaliser,
        "device": re.sub(r", \d+ threads", "", device),
        "software": begun_with(analysis),
    }
    if analysis.normaliser != "none":  # the colours are fitted to what is analysed
        facts |= {"mode": analysis.mode, "polygon": analysis.polygon}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def begun_with(analysis: Analysis) -> str:
    """The version of MitoWeb that the analysis was begun with."""
    return analysis.software.partition("; ")[0]


def load_seen(analysis: Analysis, key: str) -> dict[int, Seen]:
    """By tile, bit for bit as it was seen."""
    rows = NucleiSample.objects.filter(slide=analysis.slide_id, key=key)
    return {row.tile_index: Seen(_as_array(row.margins), _as_array(row.peak_logits)) for row in rows}


def keep_seen(analysis: Analysis, key: str, tile_index: int, seen: Seen) -> None:
    """Store what was seen in one tile; what is there already stays, but for peaks that nobody had asked for."""
    peaks = None if seen.peak_logits is None else seen.peak_logits.tolist()
    row, _ = NucleiSample.objects.get_or_create(
        slide_id=analysis.slide_id,
        key=key,
        tile_index=tile_index,
        defaults={"margins": seen.margins.tolist(), "peak_logits": peaks},
    )
    if row.peak_logits is None and peaks is not None:
        NucleiSample.objects.filter(pk=row.pk, peak_logits__isnull=True).update(peak_logits=peaks)


def _as_array(values: list[float] | None) -> np.ndarray | None:
    return None if values is None else np.array(values, np.float32)
