"""What first looks at slides saw, kept: a look takes a minute or two, and a stopped analysis needs it again."""

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np

from analysis.models import Analysis, NucleiSample
from analysis.pipeline.cards.card import decisive_parts


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


def load_margins(analysis: Analysis, key: str) -> dict[int, np.ndarray]:
    """Margins (n,) float32 by tile, bit for bit as they were seen."""
    rows = NucleiSample.objects.filter(slide=analysis.slide_id, key=key).values_list("tile_index", "margins")
    return {index: np.array(margins, np.float32) for index, margins in rows}


def keep_margins(analysis: Analysis, key: str, tile_index: int, margins: Sequence[float]) -> None:
    """Store what was seen in one tile; what is there already stays."""
    NucleiSample.objects.get_or_create(
        slide_id=analysis.slide_id,
        key=key,
        tile_index=tile_index,
        defaults={"margins": [float(margin) for margin in margins]},
    )
