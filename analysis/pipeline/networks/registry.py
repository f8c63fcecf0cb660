"""What is known of each network before it is made: so cards, refusals and web processes need no torch.

    @register("toy", kind=PATCH_CLASSIFIER, parameters=152, licence="Apache-2.0")
    def make_toy() -> "nn.Module":
        from … import ToyNet

        return ToyNet()

That is all, where ToyNet is a PatchClassifier (`patch_classifier`): the store then loads it with its card, a run can
train it, `mitosis release` makes a version of the run, and the detector scores with it.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.pipeline.errors import PipelineRefused, meant

if TYPE_CHECKING:
    from torch import nn

    from analysis.pipeline.networks.graphs import Make as MakeGraph

    Make = Callable[..., nn.Module]

# Scores a patch; finds places in a whole image; does one after the other.
PATCH_CLASSIFIER, DETECTOR, CASCADE = "patch classifier", "detector", "cascade"
INSTALL = "install them with .venv/bin/pip install -r requirements-systems.txt"
# What a patch classifier's two logits are of.
CLASSES = ("other", "mitosis")
MITOSIS = 1
# Of RGB/255: what every network here is fed with, since it started from weights that were.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Input:
    """What a network is fed with: patches of `px` (of no less than `least_px`) at `mpp` µm, by mean and std of RGB/255.
    A version's card may name another size. For one that looks at whole images `px` is how far around itself a place is
    read.
    """

    px: int = 100
    mpp: float = 0.25
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    least_px: int = 32


@dataclass(frozen=True)
class Network:
    """One network of the registry.

    make: the network with random weights; stem_activations: what `make` can be given, none where it takes nothing;
    parameters: how many; licence: of its code and of the weights it can start from; target_layer: whose map Grad-CAM
    weighs, by its name in the network, None where there is none; layers: all that Grad-CAM may be asked for;
    fine_layers: whose maps the heads of type and phase look at, none where it can have no such heads; starts: what its
    training may begin from, besides nothing and the weights of another run; graph: gives OpenVINO's graph of it for a
    stem activation, None where OpenVINO does not run it; is_stage: that it is a part of others and no version by
    itself; packages: modules of requirements-systems.txt that it is built from.
    """

    name: str
    kind: str  # PATCH_CLASSIFIER, DETECTOR or CASCADE
    make: "Callable[..., nn.Module]"
    parameters: int
    licence: str
    input: Input = Input()
    target_layer: str | None = None
    layers: tuple[str, ...] = ()
    fine_layers: tuple[str, ...] = ()
    stem_activations: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    graph: "Callable[[str], MakeGraph] | None" = None
    is_stage: bool = False
    packages: tuple[str, ...] = ()

    def build(self, stem_activation: str = "") -> "nn.Module":
        """The network with random weights; `stem_activation` is for those alone that have a choice of it.

        Raises PipelineRefused where its packages are not installed.
        """
        if missing := self.missing_packages():
            raise PipelineRefused(f"{self.name} needs {' and '.join(missing)}: {INSTALL}.")
        return self.make(stem_activation) if self.stem_activations else self.make()

    def missing_packages(self) -> tuple[str, ...]:
        """Those of its packages that are not installed; nothing is imported."""
        return tuple(name for name in self.packages if importlib.util.find_spec(name) is None)

    @property
    def is_releasable(self) -> bool:
        """Whether a version can be made of its run: what is released calls each place by itself."""
        return not self.is_stage


_NETWORKS: dict[str, Network] = {}


def register(name: str, **facts: Any) -> "Callable[[Make], Make]":
    """Enters the function that makes a network; `facts` are the fields of Network. Raises ValueError for a name that is
    taken.
    """

    def enter(make: "Make") -> "Make":
        if name in _NETWORKS:
            raise ValueError(f"There is a network {name} already.")
        _NETWORKS[name] = Network(name, make=make, **facts)
        return make

    return enter


def network_names(kind: str = PATCH_CLASSIFIER) -> tuple[str, ...]:
    """Names of all networks of a kind, in the order in which they were registered."""
    return tuple(network.name for network in _NETWORKS.values() if network.kind == kind)


def releasable_networks() -> tuple[str, ...]:
    """Names of all networks that a version can hold."""
    return tuple(network.name for network in _NETWORKS.values() if network.is_releasable)


def kind_of_version(architecture: str, has_finder: bool) -> str:
    """The kind of a model version: with a finder in its weights file it is a cascade, else what its network is."""
    return CASCADE if has_finder else find_network(architecture).kind


def find_network(name: str) -> Network:
    """A network by name. Raises PipelineRefused, naming those there are."""
    if name not in _NETWORKS:
        known = tuple(_NETWORKS)
        raise PipelineRefused(f"There is no network {name}; there are {', '.join(known)}{meant(name, known) or '.'}")
    return _NETWORKS[name]
