"""All runs of the chain, from one TOML file that names their configurations."""

from dataclasses import dataclass
from pathlib import Path

from analysis.lab.datasets.frames import TRAINING_SLIDES, scans_of
from analysis.lab.datasets.patchset import SIZES_PX
from analysis.lab.errors import ConfigRefused
from analysis.lab.finder.training import FinderConfig
from analysis.lab.release import LEAST_FIT
from analysis.lab.toml_config import read_toml
from analysis.lab.train import TrainConfig
from analysis.pipeline.cards.card import FinderUse, ViewsUse
from analysis.pipeline.networks import find_network

KIND = "configuration of a reproduction"


@dataclass(frozen=True)
class FoldFiles:
    """A fold as its table in the file: configuration files, and the slides that both networks leave out."""

    hybrid: str
    finder: str
    slides: tuple[str, ...]


@dataclass(frozen=True)
class ReproduceConfig:
    """The file itself. Paths are relative to it; `name` is the model version that comes out."""

    name: str
    base: str
    final: str
    finder: str
    folds: tuple[FoldFiles, ...]
    # One more pair of networks, which has seen nothing of one scanner; it is measured on the slides named here.
    scanner: FoldFiles | None = None
    # How the first stage is used: the logit of a candidate, and the weight of its logit in a detection's margin.
    finder_threshold: float = -1.1
    finder_weight: float = 0.0
    finder_place: str = FinderUse.place
    finder_peak_um: float = FinderUse.peak_um
    finder_pair_um: float = FinderUse.pair_um
    finder_least_per_mm2: float = FinderUse.least_per_mm2
    finder_scored_per_mm2: float = FinderUse.scored_per_mm2
    finder_same_um: float = FinderUse.same_um
    # How much of the level of each slide's own nuclei margins are told from, and which are the mean of symmetric views.
    nuclei_share: float = 1.0
    views: ViewsUse | None = None
    normaliser: str = "stainnet"
    patch_sizes_px: tuple[int, ...] = SIZES_PX
    # Slides whose fitted StainNet is set beside a profile of the others.
    normaliser_slides: int = 5
    # Of training, shared by all systems of the paper's Table 1; 0 leaves them out.
    systems_minutes: float = 0.0
    notes: str = ""


@dataclass(frozen=True)
class Fold:
    """Two networks that have not seen `slides`."""

    hybrid: TrainConfig
    finder: FinderConfig
    slides: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Every configuration, read. The folds' slides are all training slides, each once."""

    name: str
    base: TrainConfig
    final: TrainConfig
    finder: FinderConfig
    folds: tuple[Fold, ...]
    use: FinderUse
    nuclei_share: float
    views: ViewsUse | None
    normaliser: str
    patch_sizes_px: tuple[int, ...]
    normaliser_slides: int
    systems_minutes: float
    notes: str
    # Of colours.CHANGES, in their order; all where it is None.
    colour_changes: int | None = None
    scanner: Fold | None = None
    # Below this share of its own mitoses above the more likely class a network is not released.
    least_fit: float = LEAST_FIT

    @property
    def uses(self) -> tuple[FinderUse, float, ViewsUse | None, str]:
        """What decides the scores of trained networks."""
        return self.use, self.nuclei_share, self.views, self.normaliser

    @property
    def finders(self) -> list[FinderConfig]:
        """Each finder once, those of the folds first."""
        finders = (*(fold.finder for fold in self.all_folds), self.finder)
        return list({config.name: config for config in finders}.values())

    @property
    def hybrids(self) -> list[TrainConfig]:
        """In the order in which they can be trained: the base is what the others start from."""
        return [self.base, *(fold.hybrid for fold in self.all_folds), self.final]

    @property
    def all_folds(self) -> list[Fold]:
        """The folds, and the run that leaves a whole scanner out, which sets neither threshold nor calibration."""
        return [*self.folds, *([self.scanner] if self.scanner else [])]


def read_plan(path: Path) -> Plan:
    """Reads the file and every configuration that it names.

    Raises ConfigRefused for unknown keys, for a fold whose networks see a slide that it leaves out, and for slides that
    are left out never or twice; FileNotFoundError for a configuration that is not there.
    """
    config = read_toml(ReproduceConfig, path, KIND)
    at = path.parent
    folds = tuple(_read_fold(at, files) for files in config.folds)
    plan = Plan(
        config.name,
        TrainConfig.from_toml(at / config.base),
        TrainConfig.from_toml(at / config.final),
        FinderConfig.from_toml(at / config.finder),
        folds,
        FinderUse(
            config.finder_threshold,
            config.finder_weight,
            find_network("finder").parameters,
            config.finder_place,
            config.finder_peak_um,
            config.finder_pair_um,
            config.finder_least_per_mm2,
            config.finder_scored_per_mm2,
            config.finder_same_um,
        ),
        config.nuclei_share,
        config.views,
        config.normaliser,
        config.patch_sizes_px,
        config.normaliser_slides,
        config.systems_minutes,
        config.notes,
        scanner=_read_fold(at, config.scanner) if config.scanner else None,
    )
    wrong = fault_of_plan(plan)
    if wrong:
        raise ConfigRefused(f"{path.name} is no {KIND}: {wrong}")
    return plan


def _read_fold(at: Path, files: FoldFiles) -> Fold:
    hybrid, finder = TrainConfig.from_toml(at / files.hybrid), FinderConfig.from_toml(at / files.finder)
    return Fold(hybrid, finder, files.slides)


def fault_of_plan(plan: Plan) -> str:
    """The first thing that would make left-out metrics untrue, or nothing."""
    for fold in plan.all_folds:
        for config in (fold.hybrid, fold.finder, plan.base):
            if overlap := sorted(scans_of(fold.slides) & set(config.slides)):
                return f"{config.name} is trained on {', '.join(overlap)}, which the fold {fold.hybrid.name} leaves out"
    for hybrid, finder in ((plan.final, plan.finder), *((fold.hybrid, fold.finder) for fold in plan.all_folds)):
        if hybrid.finder not in ("", finder.name):
            return f"{hybrid.name} takes its hard negatives from {hybrid.finder}, but its first stage is {finder.name}"
    left_out = sorted(slide for fold in plan.folds for slide in fold.slides)
    if left_out != sorted(set(left_out)):
        return "a slide is left out by two folds"
    missing = sorted(set(plan.final.slides) - set(left_out))
    if missing or not set(left_out) <= set(TRAINING_SLIDES):
        return f"the folds leave out {', '.join(left_out) or 'nothing'}, but the final network trains on others too"
    names = [config.name for config in plan.hybrids] + [config.name for config in plan.finders]
    if len(names) != len(set(names)):
        return "two runs have one name"
    return ""
