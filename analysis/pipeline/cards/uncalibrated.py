"""The card of a network that nobody has calibrated yet: what its training and its release start from."""

from analysis.pipeline.cards.card import Card
from analysis.pipeline.networks import find_network

LICENCE = "LICENSE-weights: trained on challenge data, research use only"
FLOOR = 0.05


def uncalibrated_card(network: str, stem_activation: str) -> Card:
    """The card of a registered network before any training."""
    entry = find_network(network)
    return Card(
        name="uncalibrated",
        sha256="",
        architecture=network,
        stem_activation=stem_activation,
        parameters=entry.parameters,
        mpp=entry.input.mpp,
        patch_px=entry.input.px,
        mean=entry.input.mean,
        std=entry.input.std,
        normaliser="none",
        threshold=0.5,
        floor=FLOOR,
        temperature=1.0,
        bias=0.0,
        target_layer=entry.target_layer or "",
        licence=LICENCE,
    )
