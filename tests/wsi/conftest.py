"""One small file of every format, made once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.wsi import makers


@dataclasses.dataclass(frozen=True)
class Sample:
    """A made slide. expected: the picture it shows, white where not scanned. lossy: the coding changes values."""

    path: Path
    format: str
    expected: np.ndarray
    mpp: float | None = makers.MPP
    objective: float | None = None
    lossy: bool = True
    source: str = "TiffSource"

    @property
    def tolerance(self) -> int:
        return 12 if self.lossy else 0


def _grey() -> np.ndarray:
    return np.repeat(makers.picture()[..., 1:2], 3, axis=2)


def _half_scanned() -> np.ndarray:
    return np.concatenate([makers.picture(), np.full_like(makers.picture(), 255)], axis=1)


KINDS = {
    "svs": {"format": "Aperio SVS", "objective": 40.0},
    "tiff_jpeg": {"format": "Tiled TIFF"},
    "tiff_zstd": {"format": "Tiled TIFF", "lossy": False},
    "tiff_png": {"format": "Tiled TIFF", "lossy": False},
    "tiff_grey": {"format": "Tiled TIFF", "lossy": False, "expected": _grey},
    "tiff_planar": {"format": "Tiled TIFF", "lossy": False, "source": "OpenSlideSource"},
    "ome": {"format": "OME-TIFF"},
    "tiff_strips": {"format": "TIFF", "lossy": False, "source": "PlainSource"},
    "jpeg": {"format": "JPEG", "mpp": None, "source": "PlainSource"},
    "png": {"format": "PNG", "mpp": None, "lossy": False, "source": "PlainSource"},
    "png_grey": {"format": "PNG", "mpp": None, "lossy": False, "source": "PlainSource", "expected": _grey},
    "scn": {"format": "Leica SCN", "objective": 40.0, "source": "OpenSlideSource", "expected": _half_scanned},
    "ndpi": {"format": "Hamamatsu NDPI", "objective": 40.0, "source": "OpenSlideSource"},
    "dicom": {"format": "DICOM", "objective": 40.0, "source": "OpenSlideSource"},
    "dicom_jpegls": {"format": "DICOM", "objective": 40.0, "lossy": False, "source": "FramesSource"},
}


@pytest.fixture(scope="session", params=KINDS)
def sample(request, tmp_path_factory) -> Sample:
    """Each format in turn."""
    facts = dict(KINDS[request.param])
    expected = facts.pop("expected", makers.picture)()
    path = getattr(makers, request.param)(tmp_path_factory.mktemp(request.param))
    return Sample(path, expected=expected, **facts)


@pytest.fixture(scope="session")
def svs_path(tmp_path_factory) -> Path:
    return makers.svs(tmp_path_factory.mktemp("svs"))
