"""Small real things for pipeline tests: a picture of planted cells, a network with random weights and its card."""

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save

from analysis.pipeline.cards.card import FinderUse, write_card
from analysis.pipeline.cards.store import FINDER
from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.networks.finder import FinderNet
from analysis.pipeline.networks.hybrid import HybridNet
from slides.wsi.reader import open_slide

STROMA, NUCLEUS = (225, 165, 200), (70, 35, 110)


def planted_tissue(width: int, height: int, cells: list[tuple[float, float]], radius: float = 12) -> np.ndarray:
    """Pink tissue of fixed texture, dark round nuclei at `cells` (x, y), at 0.25 µm/px: uint8 (height, width, 3)."""
    noise = np.random.default_rng(5).normal(0, 6, (height, width, 1))
    picture = np.clip(np.array(STROMA) + cv2.GaussianBlur(noise, (0, 0), 3)[..., None] * 4, 0, 255).astype(np.uint8)
    for x, y in cells:
        cv2.circle(picture, (round(x), round(y)), round(radius), NUCLEUS, -1, cv2.LINE_AA)
    return picture


@contextmanager
def as_slide(picture: np.ndarray, folder: Path):
    """The picture as a one-level slide, opened by the real reader."""
    path = folder / f"{hashlib.sha256(picture.tobytes()).hexdigest()[:12]}.png"
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with open_slide(path) as reader:
        yield reader


def random_network(seed: int = 0) -> HybridNet:
    """A network that was not trained; its scores are arbitrary but its own."""
    torch.manual_seed(seed)
    return HybridNet().eval()


def random_finder(seed: int = 0) -> FinderNet:
    """A first stage that was not trained; its peaks are arbitrary but its own."""
    torch.manual_seed(seed)
    return FinderNet().eval()


def write_model(
    folder: Path,
    name: str = "random",
    network: HybridNet | None = None,
    finder: FinderNet | None = None,
    use: FinderUse | None = None,
    **card,
) -> Path:
    """A model file with a fitting card, as `mitosis release` writes them; returns the weights' path."""
    tensors = (network or random_network()).state_dict()
    if finder is not None:
        tensors |= {FINDER + key: tensor for key, tensor in finder.state_dict().items()}
    content = save(tensors)
    path = folder / f"{name}.safetensors"
    path.write_bytes(content)
    write_card(
        replace(
            uncalibrated_card("hybrid", "relu6"),
            name=name,
            sha256=hashlib.sha256(content).hexdigest(),
            finder=use,
            **card,
        ),
        path,
    )
    return path


def rewrite_card(weights: Path, **changes) -> None:
    """Changes entries of a card on disk; None takes one away."""
    path = weights.with_suffix(".json")
    raw = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in raw.items() if value is not None}))


def with_fitting_hash(weights: Path) -> Path:
    """Makes the card's hash that of the weights as they are now."""
    rewrite_card(weights, sha256=hashlib.sha256(weights.read_bytes()).hexdigest())
    return weights
