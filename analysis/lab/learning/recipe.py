"""How a candidate is trained: one file for each recipe under `configs/learning`. Imports no torch: pages list them."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from analysis.lab.errors import ConfigRefused
from analysis.lab.toml_config import read_toml
from analysis.pipeline.errors import meant

RECIPES = Path(__file__).resolve().parents[1] / "configs" / "learning"
BASE, SCRATCH = STARTS = ("base", "scratch")


@dataclass(frozen=True)
class Original:
    """What the base was trained on, by the names that training configurations have for it."""

    slides: tuple[str, ...] = ()
    crops: tuple[str, ...] = ()
    tissue: tuple[str, ...] = ()


@dataclass(frozen=True)
class DrawShares:
    """How batches are put together, as `datasets.sampler.Shares` has it."""

    frames: float = 0.7
    positives: float = 0.45
    look_alikes: float = 0.7
    hard: float = 0.6
    tissue: float = 0.1
    case_at_most: float = 0.2
    rare: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """All choices of a training run but its base, its data set, its seed and how much is replayed.

    about: a sentence for people; start: `base`, from its weights, or `scratch`; held_out: the share of the places that
    are not trained on, whole cases of them; replay: the share of each batch that is drawn from the original data where
    they are at hand, replay_at_most: the most that a run may ask for; least_places: of each class, below which nothing
    is trained; worth: of how many held-out places of each class the base's threshold and calibration are worth.
    """

    name: str
    about: str
    start: str
    steps: int
    lr: float
    batch: int = 64
    optimiser: str = "adamw"
    schedule: str = "cosine"
    warmup_steps: int = 30
    weight_decay: float = 0.02
    ema: float = 0.98
    label_smoothing: float = 0.02
    weighted_loss: bool = True
    colour: float = 1.0
    bfloat16: bool = True
    held_out: float = 0.2
    validate_every: int = 25
    patience: int = 8
    checkpoint_every: int = 25
    replay: float = 0.5
    replay_at_most: float = 0.8
    least_places: int = 10
    worth: float = 50.0
    shares: DrawShares = DrawShares()
    original: Original = Original()

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ConfigRefused(
                f"start is {self.start!r}, but there are {', '.join(STARTS)}{meant(self.start, STARTS)}"
            )
        if self.steps < 1 or self.least_places < 2:
            raise ConfigRefused("steps must be at least 1 and least_places at least 2")
        if not 0 < self.held_out <= 0.5:
            raise ConfigRefused(f"held_out is {self.held_out}; it must be above 0 and at most a half")
        if not 0 <= self.replay <= self.replay_at_most < 1:
            raise ConfigRefused(
                f"replay is {self.replay} and replay_at_most {self.replay_at_most}; 0 ≤ replay ≤ replay_at_most < 1"
            )
        if not (math.isfinite(self.worth) and self.worth >= 0):
            raise ConfigRefused(f"worth is {self.worth}; it must be 0 or more")
        if not self.patience:
            raise ConfigRefused("patience is 0, but a candidate has the weights of its best measurement: 1 or more")

    @property
    def sha256(self) -> str:
        """Of its content, however its file is laid out."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe's file. Raises ConfigRefused naming what is unknown, missing or impossible."""
    return read_toml(Recipe, path, "training recipe")


def list_recipes(folder: Path = RECIPES) -> list[Recipe]:
    """The recipes of a folder, by name. Raises ConfigRefused for one that cannot be used."""
    return sorted(map(read_recipe, folder.glob("*.toml")), key=lambda recipe: recipe.name)


def find_recipe(name_or_path: str, folder: Path = RECIPES) -> Recipe:
    """The recipe of a name, or in a file. Raises ConfigRefused naming what there is."""
    known = {recipe.name: recipe for recipe in list_recipes(folder)}
    if name_or_path in known:
        return known[name_or_path]
    if name_or_path.endswith(".toml") and Path(name_or_path).is_file():
        return read_recipe(Path(name_or_path))
    raise ConfigRefused(
        f"There is no recipe {name_or_path}, but {', '.join(known) or 'none at all'}{meant(name_or_path, list(known))}"
    )


def choose_replay_share(recipe: Recipe, asked: float | None, has_original: bool) -> float:
    """The share of each batch that is drawn from the original data: as asked for, else the recipe's where they are at
    hand. Raises ConfigRefused for a share that the recipe does not allow, or without the data.
    """
    if asked is None:
        return recipe.replay if has_original else 0.0
    if not 0 <= asked <= recipe.replay_at_most:
        raise ConfigRefused(
            f"A replay share of {asked:g} is outside what {recipe.name} allows: 0 to {recipe.replay_at_most:g}."
        )
    if asked and not has_original:
        raise ConfigRefused("The original data are not at hand, so nothing can be replayed: a share of 0 is possible.")
    return float(asked)
