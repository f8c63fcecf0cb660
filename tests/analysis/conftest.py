"""Slides large enough to be worked on tile by tile, and a protocol for every case."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from tests.analysis.protocol_makers import count_all_by
from tests.factories import tissue_pixels, write_tiff


@pytest.fixture(scope="session")
def nine_tiles() -> Path:
    """A slide of 2600 x 2100 px at 0.25 µm, so nine tiles, with 120 dark nuclei."""
    path = Path(settings.VAR_DIR) / "test-slides" / "nine-tiles.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_tiff(path, tissue_pixels(2600, 2100), mpp=(0.25, 0.25))


@pytest.fixture(scope="session")
def bare_glass() -> Path:
    """A slide of 1200 x 1200 px without tissue."""
    path = Path(settings.VAR_DIR) / "test-slides" / "bare-glass.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_tiff(path, np.full((1200, 1200, 3), 244, np.uint8), mpp=(0.25, 0.25))


@pytest.fixture
def count_by(monkeypatch):
    """Has every case counted by the protocol that it is called with."""
    return partial(count_all_by, monkeypatch)
