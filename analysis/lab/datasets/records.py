"""The common record that every reader of labels makes: an image, what is known of it, and the places labelled in it.

Places are level-0 pixels of the image, x to the right and y down, origin top left, as the label file has them; lists of
member pixels become the mean of the pixels' centres (whole numbers + 0.5).
"""

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS

OTHER = "other"
KINDS = (MITOSIS, LOOK_ALIKE, OTHER)
# µm per pixel of a microscope; anything else is absurd.
MPP_RANGE = (0.05, 2.0)

# Patients of one collection whose glass another scanned again: seen by looking for the same fields in both.
SAME_PATIENT = {
    "icpr2012/03": "mitos-atypia-14/03",
    "icpr2012/04": "mitos-atypia-14/04",
    "mitos12a/MITOS12-A04": "mitos-atypia-14/04",
    "mitos12a/A04": "mitos-atypia-14/04",
}

# Names found in MIDOG, MIDOG++, CCMCT, CMC, TUPAC_AL, OMG-Octo, this product and QuPath, spelt as `_plain` leaves them.
_MITOSIS_NAMES = {
    "mitosis", "mitoses", "mitotic figure", "mitotic figures", "mitotic cell", "mitotic", "mf", "mitosis figure",
    "atypical mitosis", "atypical mitotic figure", "normal mitotic figure", "atypical", "amf",
}  # fmt: skip
_LOOK_ALIKE_NAMES = {
    "hard negative", "hard negative look alike", "hard negative lookalike", "imposter", "impostor", "look alike",
    "lookalike", "mitosis like", "mitotic like", "mitosislike", "mitosis look alike", "mimic", "mitosis mimic",
    "mitotic figure look alike", "false positive",
}  # fmt: skip
# "mitosys" is as near to "mitosis"; "apoptosis" and "mitochondrion" are not.
_MISSPELT = 0.8
_DENIED = re.compile(r"(not|non|no)(?: a| an)? (.+)")


@dataclass(frozen=True)
class Label:
    """One labelled place. `x_l0`, `y_l0` float pixels; `kind` one of KINDS; `votes` each reader's kind, in the file's
    order; `class_name` as the file says it; `line` of the file, counted from 1, None where it tells nothing (a JSON
    on one line, a database); `source` is that file where it is not the image's; `annotation` is the file's own name of
    the label, its id or uid, "" where lines tell it.
    """

    x_l0: float
    y_l0: float
    kind: str
    votes: tuple[str, ...] = ()
    class_name: str = ""
    line: int | None = None
    source: Path | None = None
    annotation: str = ""


@dataclass(frozen=True)
class LabelledImage:
    """An image and its labels.

    `labelled` is False for an image that nobody has labelled: it is no negative. `collection` names the data set and
    `patient` the patient within it (the slide where patients are not told). `path` is None where the pixels are not at
    hand; `width`, `height` in pixels and `mpp` in µm/px are None where unknown; `mpp_source` is "file", "given" (in the
    label file or by a person), "nominal" (what the data set's makers say of the scanner) or "". `split` is the file's
    own, "" without one. `source`, `line`: the file that says all this, and where the image stands in it.
    """

    name: str
    slide: str
    patient: str
    collection: str
    source: Path
    labels: tuple[Label, ...] = ()
    labelled: bool = True
    path: Path | None = None
    width: int | None = None
    height: int | None = None
    mpp: float | None = None
    mpp_source: str = ""
    tumour: str = ""
    scanner: str = ""
    split: str = ""
    licence: str = ""
    line: int | None = None

    @property
    def case(self) -> str:
        """The patient's name among all collections: what splits are made by."""
        name = f"{self.collection}/{self.patient}"
        return SAME_PATIENT.get(name, name)

    def places(self, *kinds: str) -> np.ndarray:
        """The labelled places of these kinds: float64 (n, 2) x, y in level-0 px, in the file's order."""
        rows = [(label.x_l0, label.y_l0) for label in self.labels if label.kind in kinds]
        return np.array(rows, np.float64).reshape(-1, 2)


@lru_cache(maxsize=1024)
def kind_of(class_name: str) -> str:
    """The kind that a class name stands for, by its name and synonyms; OTHER for all that is not known.

    "not", "non" or "no" before a name of mitosis makes it a look-alike ("non-mitotic figure", "not_mitosis").
    """
    name = _plain_name(class_name)
    if name in _LOOK_ALIKE_NAMES or name.removesuffix("s") in _LOOK_ALIKE_NAMES:
        return LOOK_ALIKE
    if name in _MITOSIS_NAMES:
        return MITOSIS
    denied = _DENIED.fullmatch(name)
    return LOOK_ALIKE if denied and denied[2] in _MITOSIS_NAMES else OTHER


def meant_class(class_name: str) -> str:
    """The known name that an unknown one is nearly spelt as, "" where there is none."""
    denied = {f"{no} {name}" for no in ("not", "non") for name in _MITOSIS_NAMES}
    known = sorted(_MITOSIS_NAMES | _LOOK_ALIKE_NAMES | denied)
    return next(iter(difflib.get_close_matches(_plain_name(class_name), known, 1, _MISSPELT)), "")


def _plain_name(class_name: str) -> str:
    """Lower case, with single spaces for all that is no letter or digit; "nonmitosis" parted."""
    words = re.sub(r"[^a-z0-9]+", " ", class_name.lower()).strip()
    return re.sub(r"^(not|non)(mito)", r"\1 \2", words)


def count_kinds(images: list[LabelledImage]) -> dict[str, int]:
    """Labels of each kind over all images."""
    return {kind: sum(label.kind == kind for image in images for label in image.labels) for kind in KINDS}
