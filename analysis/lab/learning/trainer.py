"""The training of a candidate: the second network's, from a base's weights or from none, on a data set's places."""

from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from analysis.lab.datasets import Source
from analysis.lab.datasets.sampler import Sampler, Shares
from analysis.lab.errors import TrainingRefused
from analysis.lab.hardness import finder_hardness
from analysis.lab.learning.recipe import BASE, Recipe
from analysis.lab.train.config import Stage, TrainConfig
from analysis.lab.train.distributed import World
from analysis.lab.train.runs import log
from analysis.lab.train.sampling import BatchSampler, MixedSampler
from analysis.lab.train.trainer import Trainer, patch_summary
from analysis.pipeline.cards.store import Model
from analysis.pipeline.networks import IMAGENET_MEAN, IMAGENET_STD, PATCH_CLASSIFIER, find_network

# Metrics of the base in the curves' first line, by those of the candidate.
BASE_PREFIX = "base_"


@dataclass(frozen=True, kw_only=True)
class CandidateConfig(TrainConfig):
    """A training run of a candidate: what a run's folder is bound to, and a checkpoint."""

    base_sha256: str
    data_set: str
    data_set_hash: str
    recipe_sha256: str
    replay_share: float
    held_out: tuple[str, ...]


def config_of_run(
    name: str, base: Model, data_set: tuple[str, str], recipe: Recipe, seed: int, replay_share: float,
    held_out: tuple[str, ...],
) -> CandidateConfig:  # fmt: skip
    """What decides the outcome of a run. `data_set`: its id and hash. Raises ConfigRefused for an impossible recipe."""
    card, original = base.card, recipe.original
    return CandidateConfig(
        name=name,
        slides=original.slides if replay_share else (),
        crops=original.crops if replay_share else (),
        tissue=original.tissue if replay_share else (),
        stages=(Stage(card.patch_px, recipe.steps),),
        start=f"version:{base.name}" if recipe.start == BASE else "random",
        network=card.architecture,
        stem_activation=card.stem_activation,
        batch=recipe.batch,
        optimiser=recipe.optimiser,
        lr=recipe.lr,
        schedule=recipe.schedule,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        weighted_loss=recipe.weighted_loss,
        label_smoothing=recipe.label_smoothing,
        ema=recipe.ema,
        shares=Shares(**asdict(recipe.shares)),
        colour=recipe.colour,
        soft_labels=True,
        validate_every=recipe.validate_every,
        bfloat16=recipe.bfloat16,
        seed=seed,
        checkpoint_every=recipe.checkpoint_every,
        base_sha256=base.sha256,
        data_set=data_set[0],
        data_set_hash=data_set[1],
        recipe_sha256=recipe.sha256,
        replay_share=replay_share,
        held_out=held_out,
    )


def refuse_base(base: Model) -> None:
    """Raises TrainingRefused for a base whose second network cannot be trained on patches as data sets hold them."""
    card, said = base.card, f"{base.name} cannot be the base of a training: "
    if find_network(card.architecture).kind != PATCH_CLASSIFIER:
        raise TrainingRefused(f"{said}it looks at whole images, and a data set holds patches.")
    if card.normaliser != "none":
        raise TrainingRefused(f"{said}it sees normalised patches ({card.normaliser}), and a data set holds plain ones.")
    if (card.mean, card.std) != (tuple(IMAGENET_MEAN), tuple(IMAGENET_STD)):
        raise TrainingRefused(f"{said}its pixels are scaled otherwise than in training.")


class CandidateTrainer(Trainer):
    """`patience` measurements without a better one end the run; it gives the weights of the best."""

    config: CandidateConfig

    def __init__(
        self,
        config: CandidateConfig,
        base: Model,
        own: Source,
        held_out: Source,
        original: list[Source],
        folder: Path,
        world: World,
        patience: int,
        parts: int = 1,
    ) -> None:
        self.base, self.patience, self.parts = base, patience, parts
        super().__init__(config, [own, *original], folder, world, held_out)

    def starting_network(self) -> nn.Module:
        if self.config.start == "random":
            return super().starting_network()
        net = find_network(self.config.network).build(self.config.stem_activation)
        net.load_state_dict(self.base.patch_network.state_dict())
        return net

    def make_sampler(self, sources: list[Source]) -> BatchSampler:
        """The data set's places, and with them the share that is replayed; of the original nuclei those more often that
        the finder takes for mitoses.
        """
        config, (own, *original) = self.config, sources
        drawn = Sampler([own], config.shares, config.seed, config.colour)
        if self.base.finder is not None:
            drawn.hardness = finder_hardness(self.base.finder, [own])
        if not original:
            return drawn
        replayed = Sampler(original, config.shares, config.seed + 1, config.colour)
        if self.base.finder is not None:
            replayed.hardness = finder_hardness(self.base.finder, original)
        return MixedSampler(drawn, replayed, config.replay_share, config.seed)

    def has_enough(self) -> bool:
        return self.progress.waited >= self.patience

    def note_base(self) -> None:
        """Begins the curves with what the base makes of the held-out places, once."""
        if any(line["step"] == 0 for line in self.curves.lines()):
            return
        assert self.validation is not None
        network = self.base.patch_network.to(self.world.device)
        found = patch_summary(network, self.validation, self.config.px_at(0), self.world.device)
        log.info("the base on the held-out places: %s", found)
        self.curves.add_line(0, **{BASE_PREFIX + key: value for key, value in found.items()})

    def final_weights(self) -> dict[str, Tensor]:
        return load_file(self.best_path)
