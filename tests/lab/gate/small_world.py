"""A world small enough to poison in seconds: drawn nuclei, a small network that is fine-tuned on readers' labels, and
locked frames in which both versions are compared.

A plate is a dark bar at any angle, some of them pale; a look-alike is a dark disc, a smudge, or a bar that is too
short. Pixels are noisy, so no network is perfect.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import nn

from analysis.lab.evaluate import FrameScores
from analysis.lab.gate.found import CHANGES, Found, judged
from analysis.lab.gate.locked_set_folder import LockedSet
from tests.lab.gate.makers import GRID_UM, SIDE_UM, whole_set

SIDE = 24
OTHERS_PER_MITOSIS = 4


@dataclass(frozen=True)
class Nuclei:
    """Pictures float32 (n, 1, 24, 24), whether each is a mitosis, bool (n,), and whether it is a pale one."""

    pixels: np.ndarray
    is_mitosis: np.ndarray
    is_pale: np.ndarray

    def __getitem__(self, which) -> "Nuclei":
        return Nuclei(self.pixels[which], self.is_mitosis[which], self.is_pale[which])


def draw_nuclei(is_mitosis: np.ndarray, rng: np.random.Generator) -> Nuclei:
    is_pale = rng.random(len(is_mitosis)) < 0.3
    pixels = np.stack([_draw(rng, *kind) for kind in zip(is_mitosis, is_pale, strict=True)])
    return Nuclei(pixels[:, None].astype(np.float32), is_mitosis, is_pale & is_mitosis)


def draw_mixed(count: int, rng: np.random.Generator, mitoses: float = 0.5) -> Nuclei:
    """Of which each is a mitosis with that probability."""
    return draw_nuclei(rng.random(count) < mitoses, rng)


def _draw(rng: np.random.Generator, is_mitosis: bool, is_pale: bool) -> np.ndarray:
    canvas = np.zeros((SIDE, SIDE), np.float32)
    dark = 0.45 if is_pale else 0.8
    middle = tuple(map(int, rng.integers(10, 14, 2)))
    if is_mitosis:
        cv2.ellipse(
            canvas, middle, (int(rng.integers(6, 9)), int(rng.integers(2, 4))), rng.uniform(0, 180), 0, 360, dark, -1
        )
    else:
        long = int(rng.integers(3, 7))
        cv2.ellipse(canvas, middle, (long, int(rng.integers(3, long + 1))), rng.uniform(0, 180), 0, 360, dark, -1)
    return cv2.GaussianBlur(canvas, (0, 0), 0.8) + rng.normal(0, 0.12, (SIDE, SIDE)).astype(np.float32)


def new_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()), nn.Flatten(), nn.Linear(256, 1)
    )


def train(network: nn.Module, nuclei: Nuclei, labels: np.ndarray, seed: int, steps: int, rate: float) -> nn.Module:
    """The network itself, after so many batches of 64."""
    rng, optimiser = np.random.default_rng(seed), torch.optim.Adam(network.parameters(), rate)
    pixels, wanted = torch.from_numpy(nuclei.pixels), torch.from_numpy(labels.astype(np.float32))
    for _ in range(steps):
        chosen = torch.from_numpy(rng.integers(len(labels), size=64))
        loss = nn.functional.binary_cross_entropy_with_logits(network(pixels[chosen])[:, 0], wanted[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network


def margins_of(network: nn.Module, nuclei: Nuclei) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(nuclei.pixels))[:, 0].double().numpy()


@dataclass(frozen=True)
class World:
    """A locked set with the nuclei of each of its frames, and more of the same kind that decide nothing."""

    locked: LockedSet
    nuclei: list[Nuclei]
    truth: Nuclei


def make_world(seed: int, cases: int = 6, mitoses: int = 15) -> World:
    rng, locked = np.random.default_rng(1000 + seed), whole_set(cases, mitoses)
    nuclei = []
    for frame in locked.frames:
        held, count = len(frame.mitoses_px), mitoses * (1 + OTHERS_PER_MITOSIS)
        nuclei.append(draw_nuclei(np.arange(count) < held, rng))
    return World(locked, nuclei, draw_mixed(1000, rng, 1 / (1 + OTHERS_PER_MITOSIS)))


def version_of(network: nn.Module, name: str, world: World) -> Found:
    """What the network finds in the locked frames; changed frames are the same, since nothing here is about them."""
    frames = []
    for frame, nuclei in zip(world.locked.frames, world.nuclei, strict=True):
        places, none = GRID_UM[: len(nuclei.is_mitosis)], np.zeros(0)
        scores = FrameScores(
            *(frame.file, frame.slide, (SIDE_UM, SIDE_UM), places[nuclei.is_mitosis]),
            *(places, places, margins_of(network, nuclei), none, none, none),
        )
        frames.append(judged(replace(scores), frame))
    return Found(name, f"sha of {name}", 3457, 0.5, frames, dict.fromkeys(CHANGES, frames))


def true_f1(network: nn.Module, world: World) -> float:
    """On nuclei that decide nothing."""
    called, truth = margins_of(network, world.truth) >= 0, world.truth.is_mitosis
    return float(2 * (called & truth).sum() / (called.sum() + truth.sum()))
