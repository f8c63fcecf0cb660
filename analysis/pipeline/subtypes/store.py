"""Heads on disk: safetensors with a card beside them, in a folder of their own below the networks'.

The card names the network by the hash of its weights; heads are never used with another one.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import WEIGHTS
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.subtypes import PHASES, SUBTYPES
from analysis.pipeline.subtypes.heads import Head

FOLDER = WEIGHTS / "subtypes"
CLASSES = {"subtype": SUBTYPES, "phase": PHASES}
TENSORS = ("mean", "scale", "weight", "bias")
MAX_FILE_BYTES = 4 << 20


@dataclass(frozen=True)
class Heads:
    """The two heads of one network. `features`: the kind they were fitted on; `metrics`: as measured on slides left
    out, by name of head; `training`: what they were fitted on.
    """

    name: str
    network_sha256: str
    features: str
    subtype: Head
    phase: Head
    metrics: dict[str, Any]
    licence: str
    training: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    sha256: str = ""


def save_heads(heads: Heads, folder: Path = FOLDER) -> Path:
    """Writes `folder/NAME.safetensors` and its card; returns the weights' path."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    named = {"subtype": heads.subtype, "phase": heads.phase}
    content = save(
        {
            f"{key}.{tensor}": np.ascontiguousarray(getattr(head, tensor), np.float32)
            for key, head in named.items()
            for tensor in TENSORS
        }
    )
    card = {
        "name": heads.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "network_sha256": heads.network_sha256,
        "features": heads.features,
        "classes": {key: list(head.classes) for key, head in named.items()},
        "temperature": {key: head.temperature for key, head in named.items()},
        "licence": heads.licence,
        "metrics": heads.metrics,
        "training": heads.training,
        "notes": heads.notes,
    }
    path = folder / f"{heads.name}.safetensors"
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())
    return path


def heads_for(network_sha256: str, folder: Path = FOLDER) -> Heads | None:
    """The heads that belong to the network with these weights; None where none were fitted. Raises ModelRefused for
    broken ones.
    """
    for path in sorted(folder.glob("*.json")):
        if _card(path).get("network_sha256") == network_sha256:
            return load_heads(path.with_suffix(".safetensors"), network_sha256)
    return None


def load_heads(path: Path, network_sha256: str) -> Heads:
    """Loads heads for the network with these weights. Raises ModelRefused with a sentence for anything not right,
    heads of another network included.
    """
    card = _card(path.with_suffix(".json"))
    try:
        if card["network_sha256"] != network_sha256:
            raise ModelRefused(f"{path.name} belongs to another network; fit one for this with mitosis subtypes fit.")
        content = _content(path)
        digest = hashlib.sha256(content).hexdigest()
        if digest != card["sha256"]:
            raise ModelRefused(f"{path.name} is not the file its card was written for: the SHA-256 differs.")
        heads = {key: _head(key, _tensors(content, path.name), card, path.name) for key in CLASSES}
        return Heads(
            name=card["name"],
            network_sha256=network_sha256,
            features=card["features"],
            metrics=card["metrics"],
            licence=card["licence"],
            training=card["training"],
            notes=card["notes"],
            sha256=digest,
            **heads,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelRefused(f"The card of {path.name} lacks {error}.") from error


def _card(path: Path) -> dict:
    try:
        card = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelRefused(f"The card {path.name} cannot be read; fit the heads again.") from error
    if not isinstance(card, dict):
        raise ModelRefused(f"The card {path.name} is no card.")
    return card


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelRefused(f"{path.name} is larger than heads can be.")
        return path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{path.name} cannot be read: {error.strerror}.") from error


def _tensors(content: bytes, name: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except SafetensorError as error:
        raise ModelRefused(f"{name} is a broken safetensors file: {error}.") from error


def _head(key: str, tensors: dict[str, np.ndarray], card: dict, name: str) -> Head:
    classes, temperature = CLASSES[key], card["temperature"][key]
    if tuple(card["classes"][key]) != classes:
        raise ModelRefused(f"{name} knows other classes than this program ({', '.join(card['classes'][key])}).")
    found = {tensor: tensors[f"{key}.{tensor}"] for tensor in TENSORS}
    length = found["mean"].shape[0]
    shapes = {"mean": (length,), "scale": (length,), "weight": (len(classes), length), "bias": (len(classes),)}
    for tensor, value in found.items():
        if value.shape != shapes[tensor] or not np.isfinite(value).all():
            raise ModelRefused(f"{name} has a wrong shape or values that are no numbers in {key}.{tensor}.")
    if not (isinstance(temperature, int | float) and temperature > 0 and found["scale"].min() > 0):
        raise ModelRefused(f"{name} has a temperature or a scale that is not above 0 in {key}.")
    return Head(classes, temperature=float(temperature), **found)
