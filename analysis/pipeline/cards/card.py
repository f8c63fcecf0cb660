"""A model's card: what must be known to use its weights, and what was measured with it. Imports no torch."""

import json
import math
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.calibration import Calibration
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.normalise import normaliser_names
from analysis.pipeline.tumour_words import words_of

MAX_CARD_BYTES = 1 << 20
NORMALISERS = normaliser_names()
MAX_NUCLEI_PER_TILE = 1024
PLACES = ("nucleus", "peak", "surer")
VIEWS = (2, 4, 8)
# Number formats of torch, which run whatever a card names: a GPU has no other, and what was begun in one goes on in it.
# Those of OpenVINO run where a card names them.
TORCH_FORMATS = ("float32", "bfloat16")
DECISIVE = (
    *("architecture", "stem_activation", "target_layer", "mpp", "patch_px", "mean", "std", "calibration", "finder"),
    *("standard", "views"),
)


def _without_usual(use: "FinderUse | StandardUse") -> dict[str, Any]:
    usual = {choice.name: choice.default for choice in fields(use)}
    return {name: value for name, value in asdict(use).items() if value != usual[name]}


@dataclass(frozen=True)
class FinderUse:
    """How the first stage in the same weights file is used.

    threshold: the logit from which a place is a candidate, set for recall; weight: of the finder's logit in the margin
    of a detection; parameters: of its network.

    place: where a peak of its map is looked at: moved to its `nucleus`, as it is (`peak`), or both, of which the
    `surer` one stays; peak_um: no higher logit so near; pair_um: of two peaks no farther apart the middle is looked at,
    too, for plates that part (0: none); least_per_mm2: where fewer places of a slide reach the threshold it is lowered
    for that slide until there are so many (0: never); scored_per_mm2: of the places that it is lowered for the network
    scores as many as fill these up, the likeliest first, and passes over the others (0: none are passed over);
    same_um: of the surer of both, a peak no farther from its nucleus is not looked at for itself.
    """

    threshold: float
    weight: float
    parameters: int
    place: str = "nucleus"
    peak_um: float = 5.0
    pair_um: float = 0.0
    least_per_mm2: float = 0.0
    scored_per_mm2: float = 0.0
    same_um: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """As cards hold it: those from before there was a choice stay as they were registered."""
        return _without_usual(self)


@dataclass(frozen=True)
class StandardUse:
    """That margins are told from each slide's own nuclei (`pipeline.score_level`).

    level: of the training slides' nuclei, in logits; worth: how many nuclei's worth it counts against a slide's own;
    per_tile: how many nuclei are looked at of each tile that is sampled, 32 where a card does not say it; share: how
    much of a slide's level is taken off its margins, 0 to 1.
    """

    level: float
    worth: float
    per_tile: int = 32
    share: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """As cards hold it: those from before there was a choice stay as they were registered."""
        return _without_usual(self)


@dataclass(frozen=True)
class ViewsUse:
    """That patches near a call are scored in several symmetric views (`pipeline.views`).

    count: of views, the patch itself included; low, high: margins in logits, the finder's part included and not told
    from the slide's nuclei, between which a patch is scored in all of them.
    """

    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Elsewhere:
    """What the networks were worth on a scanner that was left out of training.

    scanners: those of the training, each its maker and, where it is known, its model; f1: detection F1 on slides of one
    that none of the networks had seen, threshold carried over; least_f1: below it slides of other scanners are marked.
    """

    scanners: tuple[str, ...]
    f1: float
    least_f1: float

    def knows(self, scanner: str) -> bool:
        """Whether a scanner, as slides name theirs, is one of the training: same maker, and all words of the model."""
        words = scanner.lower().split()
        return bool(words) and any(set(known.lower().split()) <= set(words) for known in self.scanners)


@dataclass(frozen=True)
class Card:
    """The contract between weights and pipeline.

    mpp: µm per pixel of the patches, `patch_px` their side; mean, std: of RGB/255; threshold: calibrated probability
    from which a detection is called mitosis; floor: below it nothing is kept; temperature, bias: probability =
    sigmoid(margin / temperature + bias), margin being the mitosis logit less the other one, plus the finder's logit
    times its weight, above the slide's own nuclei where `standard` says so, and near a call the mean of symmetric
    `views`; finder: None where candidates come from haematoxylin alone; metrics: as measured, each named with its
    protocol; elsewhere: how good it is on a scanner that it has not seen; formats: number formats in which its
    detections were compared with those in float32; meant_for: tumours in whose slides it was measured, in the words
    that cases use, each in as few as tell it; none where the card does not say.
    """

    name: str
    sha256: str
    architecture: str
    stem_activation: str
    parameters: int
    mpp: float
    patch_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    normaliser: str
    threshold: float
    floor: float
    temperature: float
    bias: float
    target_layer: str
    licence: str
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    notes: str = ""
    finder: FinderUse | None = None
    standard: StandardUse | None = None
    views: ViewsUse | None = None
    elsewhere: Elsewhere | None = None
    formats: tuple[str, ...] = TORCH_FORMATS
    meant_for: tuple[str, ...] = ()

    @property
    def calibration(self) -> Calibration:
        return Calibration(self.temperature, self.bias)

    def as_json(self) -> dict[str, Any]:
        """The card as it is written beside the weights."""
        plain = dict(self.__dict__)
        plain["calibration"] = {"temperature": plain.pop("temperature"), "bias": plain.pop("bias")}
        # Cards from before these were there have no such entry, and stay as they were registered.
        finder, standard, views, formats = (plain.pop(name) for name in ("finder", "standard", "views", "formats"))
        elsewhere, meant_for = plain.pop("elsewhere"), plain.pop("meant_for")
        plain |= {} if elsewhere is None else {"elsewhere": asdict(elsewhere) | {"scanners": list(elsewhere.scanners)}}
        plain |= {} if formats == TORCH_FORMATS else {"formats": list(formats)}
        plain |= {} if finder is None else {"finder": finder.as_json()}
        plain |= {} if standard is None else {"standard": standard.as_json()}
        plain |= {} if views is None else {"views": asdict(views)}
        plain |= {"meant_for": list(meant_for)} if meant_for else {}
        return plain | {"mean": list(self.mean), "std": list(self.std)}


def read_card(path: Path) -> Card:
    """The card in a JSON file. Raises ModelRefused with a sentence that names what is missing or out of range."""
    if not path.is_file():
        raise ModelRefused(f"The card {path.name} is missing; weights are not used without their card.")
    if path.stat().st_size > MAX_CARD_BYTES:
        raise ModelRefused(f"The card {path.name} is larger than a card can be.")
    try:
        card = card_from_json(json.loads(path.read_bytes()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelRefused(f"The card {path.name} cannot be read: {error}.") from error
    _check(card, path.name)
    return card


def card_from_json(plain: dict[str, Any]) -> Card:
    """The card that `Card.as_json` wrote, in this version or an earlier one. Raises what its values raise."""
    raw = dict(plain)
    calibration = raw.pop("calibration")
    raw |= {"temperature": calibration["temperature"], "bias": calibration["bias"]}
    raw |= {"mean": tuple(raw["mean"]), "std": tuple(raw["std"])}
    raw["finder"] = FinderUse(**raw["finder"]) if raw.get("finder") else None
    raw["standard"] = StandardUse(**raw["standard"]) if raw.get("standard") else None
    raw["views"] = ViewsUse(**raw["views"]) if raw.get("views") else None
    if elsewhere := raw.get("elsewhere"):
        raw["elsewhere"] = Elsewhere(tuple(map(str, elsewhere["scanners"])), elsewhere["f1"], elsewhere["least_f1"])
    raw["formats"] = tuple(raw.get("formats") or TORCH_FORMATS)
    meant_for = raw.get("meant_for") or ()
    raw["meant_for"] = (meant_for,) if isinstance(meant_for, str) else tuple(meant_for)
    return Card(**raw)


def decisive_parts(plain: dict[str, Any]) -> dict[str, Any]:
    """What of a card in JSON decides results. Entries that an earlier version did not write have their defaults, so
    that a card says the same before and after an update that added one.
    """
    known = card_from_json(plain).as_json()
    return {name: known.get(name) for name in DECISIVE}


def write_card(card: Card, weights: Path) -> None:
    """Writes the card beside its weights."""
    write_atomically(weights.with_suffix(".json"), (json.dumps(card.as_json(), indent=1) + "\n").encode())


def _check(card: Card, name: str) -> None:
    """Refuses values with which results would be silently wrong."""
    finder = card.finder
    uses = (card.standard, card.views)
    of_uses = [value for use in uses if use for value in astuple(use)]
    of_uses += [finder.threshold, finder.weight, finder.peak_um, finder.pair_um] if finder else []
    of_uses += [finder.least_per_mm2, finder.scored_per_mm2, finder.same_um] if finder else []
    of_uses += [card.elsewhere.f1, card.elsewhere.least_f1] if card.elsewhere else []
    numbers = (card.mpp, card.threshold, card.floor, card.temperature, card.bias, *card.mean, *card.std, *of_uses)
    if not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        raise ModelRefused(f"The card {name} holds a number that is none.")
    standard = card.standard
    ranges = {
        "mpp": 0.05 <= card.mpp <= 2,
        "patch_px": isinstance(card.patch_px, int) and 32 <= card.patch_px <= 512,
        "mean": len(card.mean) == 3,
        "std": len(card.std) == 3 and min(card.std) > 0,
        "threshold": 0 <= card.threshold <= 1,
        "floor": 0 <= card.floor <= card.threshold,
        "calibration": card.temperature > 0,
        "normaliser": card.normaliser in NORMALISERS,
        "formats": all(isinstance(name, str) for name in card.formats),
        "meant_for": all(isinstance(name, str) and words_of(name) for name in card.meant_for),
        "views": card.views is None or (card.views.count in VIEWS and card.views.low <= card.views.high),
        "finder": finder is None
        or (
            finder.weight >= 0
            and finder.place in PLACES
            and 2 <= finder.peak_um <= 20
            and 0 <= finder.pair_um <= 20
            and finder.least_per_mm2 >= 0
            and finder.scored_per_mm2 >= 0
            and finder.same_um >= 0
        ),
        "standard": standard is None
        or (
            standard.worth >= 0
            and isinstance(standard.per_tile, int)
            and 1 <= standard.per_tile <= MAX_NUCLEI_PER_TILE
            and 0 <= standard.share <= 1
        ),
    }
    wrong = [key for key, fine in ranges.items() if not fine]
    if wrong:
        raise ModelRefused(f"The card {name} is out of range in {', '.join(wrong)}.")
