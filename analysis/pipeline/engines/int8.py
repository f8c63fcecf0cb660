"""Ranges for computing in int8: of each layer the values that go into it on training slides.

Written by `lab.int8` into `weights/int8/NAME.json`, and bound to its weights by their SHA-256.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import ModelRefused

FOLDER = Path(__file__).resolve().parents[2] / "weights" / "int8"


@dataclass(frozen=True)
class Int8Ranges:
    """ranges: lowest and highest value, by the layer's name in the weights file; slides: they were seen on; patches: on
    so many of the network.
    """

    sha256: str
    ranges: dict[str, tuple[float, float]]
    slides: list[str]
    patches: int


def load_ranges(sha256: str, folder: Path | None = None) -> Int8Ranges:
    """Those of weights, among the shipped ones where no folder is named.

    Raises ModelRefused where there are none, or where they cannot be read.
    """
    for path in sorted((folder or FOLDER).glob("*.json")):
        try:
            found = Int8Ranges(**json.loads(path.read_bytes()))
            ranges = {name: (float(low), float(high)) for name, (low, high) in found.ranges.items()}
        except (ValueError, TypeError, RecursionError) as error:
            raise ModelRefused(f"The int8 ranges {path.name} cannot be read: {error}.") from error
        if found.sha256 == sha256:
            if not all(low < high for low, high in ranges.values()):
                raise ModelRefused(f"The int8 ranges {path.name} hold an empty range.")
            return Int8Ranges(sha256, ranges, found.slides, found.patches)
    raise ModelRefused("There are no int8 ranges for these weights; choose another number format.")


def save_ranges(found: Int8Ranges, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(asdict(found), indent=1) + "\n").encode())
