"""What was found on the training slides, as files beside this module: `slides.json` for what a picture shows, and one
file per network, found by the hash of its weights.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.ood.features import Gaussian

FOLDER = Path(__file__).resolve().parent / "limits"
SLIDES = "slides.json"
# Digits kept in files: more would say more than a fit on these slides can.
DIGITS = 4

Range = tuple[float, float]


@dataclass(frozen=True)
class SlideLimits:
    """`ranges`: 1st and 99th percentile of each measure; `stains`: unit vectors of haematoxylin and eosin, mean over
    the slides; `sharpness`: the 1st percentile over pieces.
    """

    fitted_on: str
    ranges: dict[str, Range]
    stains: tuple[tuple[float, ...], ...]
    sharpness: float


@dataclass(frozen=True)
class NetworkLimits:
    """What one network does on training slides: `ranges` as above; `unsure` the share of candidates with a probability
    of 0.3 to 0.7; `features` of its candidates, and the distance `far` that one in a hundred of them exceeds.
    """

    model: str
    sha256: str
    fitted_on: str
    ranges: dict[str, Range]
    unsure: float
    features: Gaussian
    far: float


def load_slide_limits(folder: Path | None = None) -> SlideLimits:
    """Raises PipelineRefused when there are none."""
    raw = _read((folder or FOLDER) / SLIDES)
    return SlideLimits(**raw | {"ranges": _ranges(raw), "stains": tuple(map(tuple, raw["stains"]))})


def load_network_limits(sha256: str, folder: Path | None = None) -> NetworkLimits | None:
    """Those of the network with these weights, None where it was never fitted."""
    for path in sorted((folder or FOLDER).glob("*.json")):
        raw = _read(path)
        if raw.get("sha256") == sha256:
            mean, axes, variances, rest = (np.array(raw["features"][field.name]) for field in fields(Gaussian))
            features = Gaussian(mean, axes, variances, float(rest))
            return NetworkLimits(**raw | {"ranges": _ranges(raw), "features": features})
    return None


def save_limits(limits: SlideLimits | NetworkLimits, folder: Path | None = None) -> Path:
    """Writes limits under their own name, replacing earlier ones."""
    folder = folder or FOLDER
    path = folder / (SLIDES if isinstance(limits, SlideLimits) else f"{limits.model}.json")
    folder.mkdir(parents=True, exist_ok=True)
    # One line for each entry: a change shows where it is, and a matrix does not fill a thousand lines.
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in _plain(asdict(limits)).items()]
    write_atomically(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PipelineRefused(f"The limits in {path.name} cannot be read; make them with mitosis ood fit.") from error


def _ranges(raw: dict) -> dict[str, Range]:
    return {name: (low, high) for name, (low, high) in raw["ranges"].items()}


def _plain(value: Any) -> Any:
    """Arrays as lists and numbers with few digits, all the way down."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(inner) for inner in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float | np.floating) else value
