"""The common record that every reader of labels makes: an image, what is known of it, and the places labelled in it.

Places are level-0 pixels of the image, x to the right and y down, origin top left, as the label file has them; lists of
member pixels become the mean of the pixels' centres (whole numbers + 0.5).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS
from analysis.pipeline.detection_files.class_names import OTHER

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


def count_kinds(images: list[LabelledImage]) -> dict[str, int]:
    """Labels of each kind over all images."""
    return {kind: sum(label.kind == kind for image in images for label in image.labels) for kind in KINDS}
