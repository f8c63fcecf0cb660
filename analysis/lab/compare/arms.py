"""Which runs a comparison consists of: one configuration for each arm, its steps still those of the base recipe."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.lab.datasets.frames import TRAINING_SLIDES, scans_of
from analysis.lab.errors import ConfigRefused
from analysis.lab.train import Stage, TrainConfig

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
BATCHES = (16, 32, 64)
# Plain gradient descent stands still at Adam's rate; the paper does not say its own.
OPTIMISER_RATES = {"adam": 2e-4, "rmsprop": 2e-4, "sgd": 1e-2}
PATCH_SIZES_PX = (50, 100, 256, 512)
# Of all sizes alike, so that they differ in nothing else: the largest that a small machine holds at 512 px.
PATCH_SIZE_BATCH = 8
# As many networks as an ensemble that ships would have.
SEEDS = 3
NORMALISERS = ("none", "macenko", "reinhard", "stainnet")


@dataclass(frozen=True)
class Setup:
    """What all arms of a comparison share. `slides` and `crops` None: what the comparison is made for."""

    slides: tuple[str, ...] = ("H03", "H07", "H15")
    crops: tuple[str, ...] | None = None
    test: tuple[str, ...] = ("H04", "H14")
    seed: int = 1
    # Torchvision's weights where they are at hand; without them the baselines start from nothing.
    b0: str = ""
    resnet18: str = ""
    # A StainNet profile of the scanner, taught without the test slides.
    profile: str = ""

    def __post_init__(self) -> None:
        wrong = [name for name in (*self.slides, *self.test) if name not in TRAINING_SLIDES]
        if wrong:
            raise ConfigRefused(f"{', '.join(wrong)} is not compared on; there are {', '.join(TRAINING_SLIDES)}.")
        both = sorted(scans_of(self.slides) & set(self.test))
        if both or not self.test:
            what = f"{', '.join(both)} is trained on" if both else "There is no test slide"
            raise ConfigRefused(f"{what}; a comparison needs slides left out.")


def base_config(recipe: str, setup: Setup, crops: tuple[str, ...] = ("midog21", "midogpp")) -> TrainConfig:
    """A recipe of the project's configurations with the slides of a setup, without mining."""
    config = TrainConfig.from_toml(CONFIGS / f"{recipe}.toml")
    return replace(
        config,
        name=recipe,
        slides=setup.slides,
        crops=crops if setup.crops is None else setup.crops,
        mine_at=(),
        finder="",
        tissue=(),
        normalise="none",
        normalised=0.0,
        validation="",
        patience=0,
        seed=setup.seed,
    )


def optimiser_arms(setup: Setup) -> list[TrainConfig]:
    paper = base_config("paper", setup)
    return [
        replace(paper, name=f"{optimiser}-{batch}", optimiser=optimiser, lr=lr, batch=batch)
        for optimiser, lr in OPTIMISER_RATES.items()
        for batch in BATCHES
    ]


def patch_size_arms(setup: Setup) -> list[TrainConfig]:
    # Crops are smaller than the larger windows.
    paper = base_config("paper", setup, crops=())
    return [replace(paper, name=f"{px}-px", batch=PATCH_SIZE_BATCH, stages=(Stage(px, 1),)) for px in PATCH_SIZES_PX]


def baseline_arms(setup: Setup) -> list[TrainConfig]:
    paper = replace(base_config("paper", setup), start="random")
    b0 = f"b0:{setup.b0}" if setup.b0 else paper.start
    resnet18 = f"resnet18:{setup.resnet18}" if setup.resnet18 else paper.start
    return [
        replace(paper, name="hybrid", stem_activation="silu", start=b0),
        replace(paper, name="resnet18", network="resnet18", start=resnet18),
        replace(paper, name="efficientnet-b0", network="efficientnet_b0", start=b0),
    ]


def start_arms(setup: Setup) -> list[TrainConfig]:
    improved = base_config("base", setup)
    arms = [replace(improved, name="lite0", start="lite0"), replace(improved, name="random", start="random")]
    if setup.b0:
        arms.append(replace(improved, name="b0", start=f"b0:{setup.b0}", stem_activation="silu"))
    return arms


def recipe_arms(setup: Setup) -> list[TrainConfig]:
    """The paper's recipe and the project's own, from one start, on the same slides, crops and windows of one size."""
    paper, improved = base_config("paper", setup), base_config("base", setup)
    return [paper, replace(improved, name="improved", stages=(Stage(paper.stages[-1].px, 1),))]


def normaliser_arms(setup: Setup) -> list[TrainConfig]:
    # Frames alone: they come from one scanner, so one profile is right for all of them.
    improved = base_config("base", setup, crops=())
    names = NORMALISERS + ((f"stainnet:{setup.profile}",) if setup.profile else ())
    return [
        replace(
            improved,
            name=f"{name.replace(':', '-')}-{'with' if colour else 'no'}-colour",
            normalise=name,
            normalised=float(name != "none"),
            colour=colour,
        )
        for name in names
        for colour in (improved.colour, 0.0)
    ]


def seed_arms(setup: Setup) -> list[TrainConfig]:
    improved = base_config("base", setup)
    return [replace(improved, name=f"seed-{seed}", seed=seed) for seed in range(setup.seed, setup.seed + SEEDS)]


COMPARISONS: dict[str, Callable[[Setup], list[TrainConfig]]] = {
    "optimisers": optimiser_arms,
    "patch-size": patch_size_arms,
    "baselines": baseline_arms,
    "start": start_arms,
    "recipes": recipe_arms,
    "normalisers": normaliser_arms,
    "seeds": seed_arms,
}
# Comparisons whose arms are also measured as one network, the mean of their logits.
ENSEMBLED = frozenset({"seeds"})


def with_windows(config: TrainConfig, windows: int) -> TrainConfig:
    """The configuration with as many steps as see about that many windows, its stages in proportion."""
    total, wanted = config.steps, max(2, windows // config.batch)
    stages, left = [], wanted
    for stage in config.stages[:-1]:
        steps = min(left - 1, round(wanted * stage.steps / total))
        stages += [Stage(stage.px, steps)] if steps > 0 else []
        left -= max(0, steps)
    stages.append(Stage(config.stages[-1].px, left))
    return replace(
        config,
        stages=tuple(stages),
        warmup_steps=min(config.warmup_steps, wanted // 10),
        checkpoint_every=max(10, wanted // 5),
    )
