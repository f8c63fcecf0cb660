"""The pointing game (Zhang et al. 2018): is a map's peak on the mitosis, when the mitosis is not in the middle?

Patches are centred on what is scored, so a map that always peaks in the middle would look right. Here each labelled
mitosis is put 20 to 30 px off the middle, and the peak must lie within 12 px of its label. Beside it stands what can be
had without the network: the middle (0 by construction), where the average map of the other windows peaks, the window's
darkest nucleus, and any of its nuclei drawn at random.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.lab.datasets import MODEL_MPP, nearest_distance
from analysis.lab.datasets.frames import TRAINING_SLIDES, labelled_frames, read_at_model_mpp
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.explain.cam import enlarge_maps, find_peaks, map_evidence
from analysis.pipeline.patches import cut_patches
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import HALF_MPP, half_scale

SHIFT_PX = (20.0, 30.0)
HIT_PX = 12.0
SEED = 14
SHOWN, FINE = "block 8, Grad-CAM", "block 4, LayerCAM"
# Layer and method by name; the first is what the product shows.
VARIANTS = {
    SHOWN: ("blocks.8", "grad_cam"),
    "block 4, Grad-CAM": ("blocks.4", "grad_cam"),
    FINE: ("blocks.4", "layer_cam"),
}
FUSED = "block 8, sharpened by block 4"
INTERVAL_DRAWS = 2000


@dataclass(frozen=True)
class Shifted:
    """Windows with one mitosis each, off the middle: patches uint8 (n, px, px, 3) RGB at 0.25 µm/px, figures float
    (n, 2) x, y in the window's pixels, slides (n,), and what was left out and why.
    """

    patches: np.ndarray
    figures: np.ndarray
    slides: np.ndarray
    left_out: dict[str, int]


def shifted_windows(
    data: Path, slides: tuple[str, ...], px: int, seed: int = SEED, progress: Callable = lambda frames: frames
) -> Shifted:
    """One window for each labelled mitosis of the named training slides, shifted in a random direction.

    Windows that would reach over the frame's edge or hold a second mitosis are left out and counted. Raises
    PipelineRefused for another slide (H05 is for the report alone) and where nothing is left.
    """
    wrong = [name for name in slides if name not in TRAINING_SLIDES]
    if wrong:
        raise PipelineRefused(
            f"{', '.join(wrong)} cannot be pointed at; choose among {', '.join(TRAINING_SLIDES)} (H05 is kept unseen)."
        )
    random = np.random.default_rng(seed)
    patches, figures, names = [], [], []
    left_out = {"over the frame's edge": 0, "second mitosis in the window": 0}
    for frame in progress(labelled_frames(data, slides)):
        rgb = read_at_model_mpp(frame)
        size = rgb.shape[1::-1]
        mitoses = frame.mitoses * frame.mpp / MODEL_MPP
        for index, mitosis in enumerate(mitoses):
            angle, length = random.uniform(0, 2 * np.pi), random.uniform(*SHIFT_PX)
            offset = length * np.array([np.cos(angle), np.sin(angle)])
            corner = np.floor(mitosis - offset - px / 2 + 0.5)
            others = np.delete(mitoses, index, 0) - corner
            if (corner < 0).any() or (corner + px > size).any():
                left_out["over the frame's edge"] += 1
            elif ((others > -HIT_PX) & (others < px + HIT_PX)).all(axis=1).any():
                left_out["second mitosis in the window"] += 1
            else:
                patches.append(cut_patches(rgb, (corner + px / 2)[None], px)[0])
                figures.append(mitosis - corner)
                names.append(frame.slide)
    if not patches:
        raise PipelineRefused(f"No mitosis of {', '.join(slides)} can be shifted within its frame.")
    return Shifted(np.stack(patches), np.array(figures), np.array(names), left_out)


@dataclass(frozen=True)
class Game:
    """What one network's maps and the priors hit: by name bool (n,), `any nucleus` as a share in [0, 1]; slides (n,);
    `called` bool (n,), whether the network alone calls the window a mitosis.
    """

    maps: dict[str, np.ndarray]
    priors: dict[str, np.ndarray]
    slides: np.ndarray
    called: np.ndarray
    left_out: dict[str, int]


def play_pointing(model: Model, windows: Shifted, variants: Sequence[str] = tuple(VARIANTS)) -> Game:
    """Points with the maps of the mitosis class, the shown ones among them. A window whose map has no positive evidence
    at all is a miss.
    """
    px = windows.patches.shape[1]
    maps = {}
    for name in variants:
        found = map_evidence(model.network, model.card, windows.patches, *VARIANTS[name])
        maps[name] = enlarge_maps(found.maps["mitosis"], px)
    if FINE in maps:
        maps[FUSED] = sharpen_maps(maps[SHOWN], maps[FINE])
    middle = np.full((len(windows.patches), 2), px / 2)
    darkest, any_one = np.array(
        [nucleus_hit(*pair) for pair in zip(windows.patches, windows.figures, strict=True)], float
    ).T
    # Of each map the peak of the average of all others, each scaled to its maximum.
    positive = np.maximum(maps[SHOWN], 0)
    scaled = positive / np.maximum(positive.max(axis=(1, 2), keepdims=True), 1e-12)
    average = find_peaks(scaled.sum(axis=0) - scaled) if len(scaled) > 1 else find_peaks(scaled)
    priors = {
        "middle of the window": is_on_mitosis(middle, windows.figures),
        "peak of the average map": is_on_mitosis(average, windows.figures),
        "darkest nucleus": darkest,
        "any nucleus": any_one,
    }
    chance = 1 / (1 + np.exp(-(found.margins / model.card.temperature + model.card.bias)))
    hits = {name: hits_of(heat, windows.figures) for name, heat in maps.items()}
    return Game(hits, priors, windows.slides, chance >= model.card.threshold, windows.left_out)


def report_pointing(games: Sequence[Game]) -> dict:
    """The scores of one network, or of several pooled, each on windows of its own: JSON-able."""
    slides, called = (np.concatenate([getattr(game, key) for game in games]) for key in ("slides", "called"))

    def pooled(group: str) -> dict:
        first = getattr(games[0], group)
        return {
            name: _hit_shares(np.concatenate([getattr(game, group)[name] for game in games]), slides, called)
            for name in first
        }

    return {
        "protocol": f"mitosis {SHIFT_PX[0]:g} to {SHIFT_PX[1]:g} px off the middle of the window at {MODEL_MPP} um/px; "
        f"a hit is a peak within {HIT_PX:g} px of the label",
        "windows": len(slides),
        "left_out": {key: sum(game.left_out[key] for game in games) for key in games[0].left_out},
        "called_mitosis": int(called.sum()),
        "maps": pooled("maps"),
        "priors": pooled("priors"),
    }


def hits_of(maps: np.ndarray, figures: np.ndarray) -> np.ndarray:
    """Whether each of float (n, px, px) maps peaks on its figure (n, 2): bool (n,). No positive evidence is a miss."""
    return is_on_mitosis(find_peaks(maps), figures) & (maps.max(axis=(1, 2)) > 0)


def is_on_mitosis(places: np.ndarray, figures: np.ndarray) -> np.ndarray:
    """Whether each of (n, 2) places lies within 12 px of its figure (n, 2): bool (n,)."""
    return np.linalg.norm(places - figures, axis=1) <= HIT_PX


def sharpen_maps(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """The positive part of coarse maps times that of fine ones, both float (n, px, px): where both speak."""
    return np.maximum(coarse, 0) * np.maximum(fine, 0)


def nucleus_hit(patch: np.ndarray, figure: np.ndarray) -> tuple[bool, float]:
    """Whether the darkest nucleus of a window lies on the figure, and the share of all its nuclei that do."""
    spots, darkness = darkest.dark_spots(half_scale(patch))
    if not len(spots):
        return False, 0.0
    near = nearest_distance(spots * (HALF_MPP / MODEL_MPP), figure[None]) <= HIT_PX
    return bool(near[darkness.argmax()]), float(near.mean())


def _hit_shares(hits: np.ndarray, slides: np.ndarray, called: np.ndarray) -> dict:
    """Shares of (n,) hits: all with a 95 % interval by bootstrap of windows, of called windows, and by slide."""
    random = np.random.default_rng(SEED)
    drawn = hits.astype(float)[random.integers(0, len(hits), (INTERVAL_DRAWS, len(hits)))].mean(axis=1)
    return {
        "share": round(float(hits.mean()), 4),
        "share_95_bootstrap_by_window": [round(float(v), 4) for v in np.quantile(drawn, (0.025, 0.975))],
        "of_those_called_mitosis": round(float(hits[called].mean()), 4) if called.any() else None,
        "by_slide": {str(name): round(float(hits[slides == name].mean()), 4) for name in np.unique(slides)},
    }


def pointing_table(found: dict) -> str:
    """The scores of `report_pointing` as lines for a terminal."""
    slides = list(next(iter(found["maps"].values()))["by_slide"])
    lines = [f"{'':34}{'share':>7}{'95 % windows':>14}{'called':>8}" + "".join(f"{name:>6}" for name in slides)]
    for name, row in (found["maps"] | found["priors"]).items():
        low, high = row["share_95_bootstrap_by_window"]
        called = "-" if row["of_those_called_mitosis"] is None else f"{row['of_those_called_mitosis']:.2f}"
        by_slide = "".join(f"{row['by_slide'][slide]:>6.2f}" for slide in slides)
        lines.append(f"{name:34}{row['share']:>7.3f}{f'{low:.2f}-{high:.2f}':>14}{called:>8}{by_slide}")
    return "\n".join(lines)
