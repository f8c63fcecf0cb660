"""Profiles: nets taught once on many slides of one scanner, to be used on others of it without a fit.

Each is NAME.safetensors, with the names of StainNet's own weights (`rgb_trans.0.weight` and so on), and a card
NAME.json. Profiles shipped are in this package's folder `profiles`.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused, meant
from analysis.pipeline.normalise.colournet import PARAMETERS, WIDTHS, ColourNet
from analysis.pipeline.normalise.teaching import Quality, Taught

PROFILES = Path(__file__).with_name("profiles")
LAYERS = (0, 2, 4)
# `stainnet:` and a name fill the 20 characters in which a result keeps its normaliser.
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,10}")
MAX_BYTES = 1 << 16


@dataclass(frozen=True)
class ProfileCard:
    """What a profile was taught on, and how well. slides, images, pixels: counts, the pixels being tissue."""

    name: str
    sha256: str
    source: str
    slides: int
    images: int
    pixels: int
    teacher: str
    quality: Quality
    parameters: int = PARAMETERS


def profile_names(folder: Path = PROFILES) -> tuple[str, ...]:
    """Names of the profiles in a folder, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def read_profile(name: str, folder: Path = PROFILES) -> tuple[ColourNet, ProfileCard]:
    """A profile's net and card. Raises PipelineRefused for an unknown name or files that are not to be trusted."""
    known = profile_names(folder)
    if name not in known:
        said = f"There is no profile {name}; there are {', '.join(known) or 'none'}."
        raise PipelineRefused(said + meant(name, known, " Did"))
    weights, card_path = folder / f"{name}.safetensors", folder / f"{name}.json"
    if max(weights.stat().st_size if weights.is_file() else 0, card_path.stat().st_size) > MAX_BYTES:
        raise PipelineRefused(f"The profile {name} is larger than a profile can be.")
    try:
        raw, plain = weights.read_bytes(), json.loads(card_path.read_bytes())
        card = ProfileCard(**plain | {"quality": Quality(**plain["quality"])})
        net = _net_of(load(raw))
    except (OSError, ValueError, TypeError, KeyError, SafetensorError, RecursionError) as error:
        raise PipelineRefused(f"The profile {name} cannot be read: {error}.") from error
    if hashlib.sha256(raw).hexdigest() != card.sha256:
        raise PipelineRefused(f"The weights of the profile {name} are not those of its card; train it again.")
    return net, card


def write_profile(name: str, taught: Taught, counts: dict, folder: Path = PROFILES) -> ProfileCard:
    """Writes a taught net and its card; `counts` are source, slides, images and pixels. Raises PipelineRefused for a
    name that is none.
    """
    refuse_odd_name(name)
    tensors = {}
    for layer, weight, bias in zip(LAYERS, taught.net.weights, taught.net.biases, strict=True):
        tensors[f"rgb_trans.{layer}.weight"] = np.ascontiguousarray(weight[:, :, None, None])
        tensors[f"rgb_trans.{layer}.bias"] = bias
    raw = save(tensors)
    card = ProfileCard(name, hashlib.sha256(raw).hexdigest(), teacher=taught.teacher, quality=taught.quality, **counts)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.safetensors", raw)
    write_atomically(folder / f"{name}.json", (json.dumps(asdict(card), indent=2) + "\n").encode())
    return card


def refuse_odd_name(name: str) -> None:
    """Raises PipelineRefused unless `name` can name a profile."""
    if not NAME.fullmatch(name):
        raise PipelineRefused(
            f"A profile cannot be called {name}: up to eleven small letters, digits and hyphens, such as midog-s360."
        )


def _net_of(tensors: dict[str, np.ndarray]) -> ColourNet:
    """Raises KeyError or ValueError for weights of another network, or with values that are no numbers."""
    weights, biases = [], []
    for layer, before, after in zip(LAYERS, WIDTHS[:-1], WIDTHS[1:], strict=True):
        weights.append(tensors[f"rgb_trans.{layer}.weight"].reshape(after, before).astype(np.float32))
        biases.append(tensors[f"rgb_trans.{layer}.bias"].reshape(after).astype(np.float32))
    if not all(np.isfinite(value).all() for value in (*weights, *biases)):
        raise ValueError("it holds values that are no numbers")
    return ColourNet(tuple(weights), tuple(biases))
