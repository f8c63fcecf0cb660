"""The check of one slide, from the open file to the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.pipeline.ood import limits, measures, verdict
from analysis.pipeline.ood.jpeg import quality_of
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.rules import pixel_size
from analysis.pipeline.ood.sample import MAX_PIECES, Sample, sample_of
from analysis.pipeline.plan import Settings, Work
from analysis.pipeline.slide_grid import Reader
from analysis.pipeline.spread import spread_evenly

if TYPE_CHECKING:
    from analysis.pipeline.run import Detector, TileResult

# Candidates whose features are looked at: enough for a share of one in five to be told from one in ten.
PLACES = 128
PLACES_AT_ONCE = 32  # whole batches on a CPU, so that what is looked at together does not change
UNSURE = (0.3, 0.7)


@dataclass(frozen=True)
class Found:
    """What a whole run in candidates mode found. `candidates`: places scored; `unsure`: detections with a probability
    of 0.3 to 0.7; `mitoses`: those called; `places_l0` float (n, 2): up to PLACES of the candidates, spread evenly.
    """

    candidates: int
    unsure: int
    mitoses: int
    places_l0: np.ndarray

    @classmethod
    def of(cls, results: Sequence["TileResult"]) -> "Found":
        """From all tiles of a run, in their order."""
        places_l0 = np.array([place for result in results for place in result.candidates_l0], float).reshape(-1, 2)
        detections = [found for result in results for found in result.detections]
        unsure = sum(UNSURE[0] < found.probability < UNSURE[1] for found in detections)
        mitoses = sum(found.mitosis for found in detections)
        return cls(len(places_l0), unsure, mitoses, places_l0[spread_evenly(len(places_l0), PLACES)])


def check_slide(
    reader: Reader,
    settings: Settings,
    work: Work,
    detector: "Detector | None" = None,
    found: Found | None = None,
    files: Sequence[Path] = (),
    against: tuple[SlideLimits, NetworkLimits] | None = None,
    tell: Callable[[int, int], object] = lambda done, of: None,
) -> verdict.Validity:
    """The verdict on a slide at the pixel size of `settings`. `files`: those of the slide, for what they say of their
    compression. `against`: other limits than the shipped ones. `tell` is told how far it is, of how much.

    With a detector and what its run found, the network is asked too, where its limits are known and it ran in
    candidates mode. The answer depends on the slide, the settings and what was found, not on how the run went.
    """
    slides = against[0] if against else limits.load_slide_limits()
    looks = MAX_PIECES + (len(found.places_l0) if found is not None else 0)
    measured = of_picture(sample_of(reader, settings, work, lambda pieces: tell(pieces, looks)), slides)
    measured |= {"mpp_x": settings.mpp_x, "mpp_y": settings.mpp_y, "area_mm2": work.area_mm2}
    measured["jpeg_quality"] = next((q for q in map(quality_of, files) if q is not None), None)
    network = None
    if detector is not None and found is not None and settings.mode == "candidates":
        network = against[1] if against else limits.load_network_limits(detector.model.sha256)
        if network is not None:
            measured |= of_run(reader, work, detector, found, network, lambda places: tell(MAX_PIECES + places, looks))
    return verdict.judge_measures(measured, slides, network)


def without_pixel_size() -> verdict.Validity:
    """The verdict on a slide that does not say its pixel size: nothing on it can be measured."""
    measured: measures.Measures = {"mpp_x": None, "mpp_y": None}
    return verdict.grade_reasons(list(pixel_size(measured)), measured)


def of_picture(sample: Sample, slides: SlideLimits) -> measures.Measures:
    """All that needs no network."""
    measured = measures.of_thumbnail(sample) | {"pieces": len(sample.pieces)}
    if not sample.pieces:
        return measured
    sharpness = measures.sharpness_of(sample.pieces)
    measured |= measures.of_pieces(sample.pieces) | stain_measures(sample.pieces, slides.stains)
    return measured | {
        "sharpness": float(np.median(sharpness)),
        "blurred_share": float((sharpness < slides.sharpness).mean()),
    }


def stain_measures(pieces: list[np.ndarray], trained: Sequence) -> measures.Measures:
    """Angle to the training slides' stains and strength of each; None where two stains cannot be told apart."""
    names = ("haematoxylin", "eosin")
    found = measures.stains_of(pieces)
    if found is None:
        return {f"{name}_{what}": None for name in names for what in ("angle", "strength")}
    measured: measures.Measures = {}
    for name, stain, strength, usual in zip(names, *found, trained, strict=True):
        measured[f"{name}_angle"] = measures.angle_deg(stain, np.asarray(usual))
        measured[f"{name}_strength"] = float(strength)
    return measured


def of_run(
    reader: Reader,
    work: Work,
    detector: "Detector",
    found: Found,
    network: NetworkLimits,
    tell: Callable[[int], object] = lambda places: None,
) -> measures.Measures:
    """What the network does on the slide. `tell` is told at how many places it was looked at."""
    measured: measures.Measures = {"candidates": found.candidates, "mitoses": found.mitoses}
    if work.area_mm2:
        measured["candidates_per_mm2"] = found.candidates / work.area_mm2
        measured["mitoses_per_mm2"] = found.mitoses / work.area_mm2
    if found.candidates:
        seen = []
        for first in range(0, len(found.places_l0), PLACES_AT_ONCE):
            tell(first)
            seen.append(detector.features_at(reader, work, found.places_l0[first : first + PLACES_AT_ONCE]))
        distances = network.features.distance(np.concatenate(seen))
        measured["unsure_share"] = found.unsure / found.candidates
        measured |= {"far_of": len(distances), "far_share": float((distances > network.far).mean())}
    return measured
