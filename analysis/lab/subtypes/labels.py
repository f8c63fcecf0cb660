"""The labelled figures of MIDOG 2021: type and phase of each, and the slide it is from."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.lab.augment import cut_window
from analysis.lab.datasets.crops import CENTRE_PX, SCANNER_MPP, UNKNOWN_MPP, is_padded
from analysis.lab.datasets.mitos14 import read_rgb
from analysis.pipeline.cards.card import Card
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.subtypes import PHASES, SUBTYPES

MANIFEST = Path("midog21") / "manifest.csv"
COLUMNS = ("file", "slide", "scanner", "subtype", "phase_expert1")
PHASE_OF_WORDS = {
    "NMF prometaphase": "prometaphase",
    "NMF metaphase": "metaphase",
    "NMF anaphase-telophase": "anaphase_telophase",
}
NONE = -1


@dataclass(frozen=True)
class LabelledMitoses:
    """Labelled mitoses: `patches` uint8 (n, px, px, 3) RGB at the model's pixel size, centred on the mitosis; `slides`
    (n,) str; `subtypes` and `phases` int (n,), indices into SUBTYPES and PHASES, -1 where there is no label.
    """

    patches: np.ndarray
    slides: np.ndarray
    subtypes: np.ndarray
    phases: np.ndarray


def load_mitoses(data: Path, card: Card) -> LabelledMitoses:
    """The mitoses of `data/midog21`; crops padded black at a slide's border are left out.

    Raises PipelineRefused for a manifest that lacks a column, holds an unknown type, or cannot be learned from.
    """
    rows, patches = [], []
    for row in read_rows(data / MANIFEST):
        rgb = read_rgb(data / MANIFEST.parent / "patches" / row["file"])
        if not is_padded(rgb):
            scale = card.mpp / SCANNER_MPP.get(row["scanner"], UNKNOWN_MPP)
            rows.append(row)
            patches.append(cut_window(rgb, CENTRE_PX, CENTRE_PX, card.patch_px, scale))
    slides = np.array([row["slide"] for row in rows])
    subtypes = np.array([SUBTYPES.index(row["subtype"]) for row in rows], int)
    words = [PHASE_OF_WORDS.get(row["phase_expert1"]) for row in rows]
    phases = np.array([PHASES.index(phase) if phase else NONE for phase in words], int)
    for labels, classes in ((subtypes, SUBTYPES), (phases, PHASES)):
        refuse_unlearnable(labels, slides, classes)
    return LabelledMitoses(np.stack(patches), slides, subtypes, phases)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The manifest's rows in order of their files. Raises PipelineRefused, naming what is wrong with it and where."""
    if not path.is_file():
        raise PipelineRefused(f"{path} is missing; name the data folder with --data.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise PipelineRefused(f"{path} lacks the column {missing[0]}; it needs {', '.join(COLUMNS)}.")
        rows = list(reader)
    for line, row in enumerate(rows, 2):
        if row["subtype"] not in SUBTYPES:
            raise PipelineRefused(
                f"{path}, line {line}: the subtype {row['subtype']!r} is none of {_in_words(SUBTYPES)}."
            )
    return sorted(rows, key=lambda row: row["file"])


def refuse_unlearnable(labels: np.ndarray, slides: np.ndarray, classes: Sequence[str]) -> None:
    """Refuses labels int (n,), -1 for none, that cannot be learned on some slides and tested on others.

    Raises PipelineRefused: a class without figures, one slide only, a class on one slide only.
    """
    counts = Counter(labels[labels >= 0].tolist())
    for index, name in enumerate(classes):
        if not counts[index]:
            raise PipelineRefused(f"No figure is labelled {name}; figures of {_in_words(classes)} are needed.")
    if len(set(slides[labels >= 0])) < 2:
        raise PipelineRefused("All figures are from one slide; testing on slides left out needs two at least.")
    for index, name in enumerate(classes):
        if len(set(slides[labels == index])) < 2:
            raise PipelineRefused(
                f"All figures labelled {name} are from one slide; testing on slides left out needs two at least."
            )


def _in_words(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1]))
