"""The systems of Table 1 in Farooq et al. (doi 10.1177/20552076241255471), and how many parameters each has.

The paper does not say how it counts. Its numbers for EfficientNets are those with ImageNet's thousand classes, that of
ResNet-18 is without them, those of detectors fit two classes, mitosis and none. Where a system's own publication prints
no number, the paper's is an estimate of its authors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from analysis.lab.errors import ConfigRefused
from analysis.pipeline.errors import meant
from analysis.pipeline.networks import INSTALL, Network, find_network

THOUSAND, NO_HEAD, AS_BUILT = "with a head of 1,000 classes", "without its head", "with two classes"
# What may lie between our count and the paper's.
TOLERANCE = 0.05


@dataclass(frozen=True)
class System:
    """One row of the table. counted: how the paper seems to count; is_estimate: that its number is an estimate; why: of
    a difference of more than 5 %, or of an agreement that says nothing.
    """

    name: str
    paper_parameters: int
    counted: str = AS_BUILT
    is_estimate: bool = False
    why: str = ""

    @property
    def network(self) -> Network:
        return find_network(self.name.replace("-", "_"))


SYSTEMS = (
    System("hybrid", 3_100_000),
    System("efficientnet-b0", 5_300_000, THOUSAND),
    System("efficientnet-b2", 9_200_000, THOUSAND),
    System("efficientnet-b4", 19_000_000, THOUSAND),
    System("resnet18", 11_000_000, NO_HEAD),
    System("max", 23_000_000, NO_HEAD, is_estimate=True),
    System("retinanet", 36_400_000),
    System("efficientdet-d4", 20_700_000),
    System(
        "smdetector",
        61_000_000,
        is_estimate=True,
        why="Which layers are dilated is not printed; dilation changes no number.",
    ),
    System(
        "dhe-mit",
        56_000_000,
        is_estimate=True,
        why="Mask R-CNN has 44.0 M; the ensemble's five designs are not printed with their sizes, and the networks "
        "that stand for them were chosen small enough for the rest, so that the agreement says nothing of them.",
    ),
    System(
        "mdfs",
        88_000_000,
        THOUSAND,
        is_estimate=True,
        why="EfficientNet-B7 has 66.3 M with 1,000 classes and a U-Net on EfficientNet-B0 6.3 M, 72.6 M together; the "
        "decoder's widths that would hold the other 15.4 M are not printed.",
    ),
)


def pick_systems(only: Sequence[str] = ()) -> list[System]:
    """All systems, or those named. Raises ConfigRefused for a name that there is not, and for packages that lack."""
    known = [system.name for system in SYSTEMS]
    for name in only:
        if name not in known:
            raise ConfigRefused(f"There is no system {name}; there are {', '.join(known)}{meant(name, known) or '.'}")
    chosen = [system for system in SYSTEMS if not only or system.name in only]
    lacking = [system for system in chosen if system.network.missing_packages()]
    if lacking:
        missing = sorted({package for system in lacking for package in system.network.missing_packages()})
        raise ConfigRefused(
            f"{', '.join(system.name for system in lacking)} cannot be built, since {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not installed: {INSTALL}, or name others with --only."
        )
    return chosen


def counted_row(system: System) -> dict[str, Any]:
    """What is known of a system from building it; its metrics are None."""
    # Without memory for weights: nothing but their shapes is asked.
    with torch.device("meta"):
        network = system.network.build(_stem_of(system))
    parameters, counted = count_parameters(network), parameters_as_counted(network, system.counted)
    return {
        "name": system.name,
        "kind": system.network.kind,
        "parameters": parameters,
        "parameters_as_counted": counted,
        "counted": system.counted,
        "paper_parameters": system.paper_parameters,
        "paper_is_estimate": system.is_estimate,
        "difference": round(counted / system.paper_parameters - 1, 4),
        "why": system.why,
        "patch": None,
        "detection": None,
        "seconds_per_mm2": None,
        "gmac_per_mm2": None,
        "training": None,
    }


def _stem_of(system: System) -> str:
    """The stem as the paper has it, where there is a choice."""
    return "silu" if "silu" in system.network.stem_activations else ""


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def parameters_as_counted(network: nn.Module, counted: str) -> int:
    """The parameters by one of the ways of counting; the head is the last linear layer."""
    total = count_parameters(network)
    if counted == AS_BUILT:
        return total
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    return total - count_parameters(head) + (1000 * (head.in_features + 1) if counted == THOUSAND else 0)
