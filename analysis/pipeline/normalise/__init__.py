"""Stain normalisers: one interface, fitted once per slide on a sample of its tissue, then applied to every patch.

`none` changes nothing; `macenko` and `reinhard` move a slide's colours to those of the training slides; `stainnet` is a
small network taught to do as Macenko's method does, and to leave white alone; `stainnet:PROFILE` is one taught once on
many slides of a scanner. A normaliser is never fitted on a tile: fitted field by field, Macenko's method took the
detection F1 of another hospital from 0.61 to 0.55; fitted on slides it took a scanner's from 0.44 to 0.52.
The shipped network was trained without normalisation: use one to compare, or with a network trained with it.
"""

from typing import Protocol

import numpy as np

from analysis.pipeline.errors import NormaliserFailed, PipelineRefused, meant
from analysis.pipeline.normalise.macenko import Macenko
from analysis.pipeline.normalise.pixels import refuse_odd
from analysis.pipeline.normalise.profiles import profile_names
from analysis.pipeline.normalise.reinhard import Reinhard
from analysis.pipeline.normalise.stainnet import StainNet

__all__ = [
    "Identity",
    "Macenko",
    "Normaliser",
    "NormaliserFailed",
    "Reinhard",
    "StainNet",
    "make_normaliser",
    "normaliser_names",
]


class Normaliser(Protocol):
    """`fit` takes tissue of one slide, uint8 (h, w, 3) RGB, and may raise NormaliserFailed; `apply` keeps shape and
    dtype.
    """

    name: str

    def fit(self, tissue: np.ndarray) -> None: ...

    def apply(self, rgb: np.ndarray) -> np.ndarray: ...


class Identity:
    """No normalisation."""

    name = "none"

    def fit(self, tissue: np.ndarray) -> None:
        """Nothing to learn."""
        refuse_odd(tissue)

    def apply(self, rgb: np.ndarray) -> np.ndarray:
        refuse_odd(rgb)
        return rgb


NORMALISERS = {kind.name: kind for kind in (Identity, Macenko, Reinhard, StainNet)}


def normaliser_names() -> tuple[str, ...]:
    """Every name that `make_normaliser` takes: each method and `stainnet:PROFILE` for each profile shipped."""
    return (*NORMALISERS, *(f"{StainNet.name}:{profile}" for profile in profile_names()))


def make_normaliser(name: str) -> Normaliser:
    """A normaliser by name, not fitted. Raises PipelineRefused for an unknown name."""
    method, _, profile = name.partition(":")
    if profile and method == StainNet.name:
        return StainNet.from_profile(profile)
    if name not in NORMALISERS:
        known = normaliser_names()
        raise PipelineRefused(
            f"There is no normaliser {name}; there are {', '.join(known)}.{meant(name, known, ' Did')}"
        )
    return NORMALISERS[name]()
