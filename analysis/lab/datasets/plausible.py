"""Whether labels can be right: what is wrong with them though every line could be read.

The limits are what a careful data set keeps: MIDOG++, which three readers went over, has no two labels of a kind within
10 px and no contradictory ones within 25.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from analysis.lab.datasets import MITOSIS
from analysis.lab.datasets.axes import places_off_image
from analysis.lab.datasets.faults import ERROR, NOTE, WARNING, Fault, fault_at
from analysis.lab.datasets.records import KINDS, MPP_RANGE, OTHER, Label, LabelledImage
from analysis.pipeline.detection_files.class_names import meant_class

DUPLICATE_PX, CONTRADICTION_PX = 10, 25


def faults_of(images: list[LabelledImage], path: Path) -> list[Fault]:
    """All implausibilities of one label file or folder but leaks, in a fixed order."""
    checks: tuple[Callable[[list[LabelledImage], Path], list[Fault]], ...] = (
        places_off_image, close_pairs, counted_from_one, pixel_size_faults, unlabelled_faults, licence_faults,
        class_faults,
    )  # fmt: skip
    return [fault for check in checks for fault in check(images, path)]


def close_pairs(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Labels of one kind within 10 px, and mitosis beside look-alike within 25 px."""
    found = []
    for image in images:
        labels = [label for label in image.labels if label.kind != OTHER]
        if len(labels) < 2:
            continue
        places = np.array([(label.x_l0, label.y_l0) for label in labels])
        for first, second in sorted(cKDTree(places).query_pairs(CONTRADICTION_PX)):
            one, two = labels[first], labels[second]
            apart = float(np.hypot(*(places[first] - places[second])))
            inside = "" if two.annotation else f" in {image.name}"
            where = (
                f"at {two.x_l0:g}, {two.y_l0:g}{inside} lies {apart:.0f} px from the {one.kind} {_label_in_words(one)}"
            )
            if one.kind != two.kind:
                what = f"the {two.kind} {where}"
                advice = "One place has one class: look at it and keep one"
                found.append(fault_at(WARNING, "contradiction", image, what, advice, two))
            elif apart < DUPLICATE_PX:
                advice = "It counts twice: keep one"
                found.append(fault_at(WARNING, "duplicate", image, f"the {two.kind} {where}", advice, two))
    return found


def _label_in_words(label: Label) -> str:
    """Which label it is: by its annotation where it has one, else by its line."""
    if label.annotation:
        return f"of annotation {label.annotation}"
    return "before it" if label.line is None else f"of line {label.line}"


def counted_from_one(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Whole coordinates that reach the image's far side and never 0 are counted from 1, half a pixel off at most."""
    known = [(image.places(*KINDS), image) for image in images if image.width and image.height and image.labels]
    if not known or not all((p == np.round(p)).all() and p.min() > 0 for p, _ in known):
        return []
    if not any((p[:, 0] == image.width).any() or (p[:, 1] == image.height).any() for p, image in known):
        return []
    what = "coordinates reach the far side of their image and never 0, so they seem to count from 1"
    return [Fault(NOTE, "counted_from_one", path, what, "They are read as they are: half a pixel does not matter here")]


def pixel_size_faults(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Images without a pixel size, together, and absurd ones."""
    found = []
    lacking = [image for image in images if image.mpp is None]
    if lacking:
        what = f"{len(lacking)} of {len(images)} images have no pixel size ({_some_names(lacking)})"
        advice = "Patches need µm per pixel: add a column mpp, put the image files there, or say --mpp"
        found.append(Fault(WARNING, "no_pixel_size", path, what, advice))
    for image in images:
        if image.mpp is not None and not MPP_RANGE[0] <= image.mpp <= MPP_RANGE[1]:
            what = f"{image.name} has {image.mpp:g} µm per pixel, which is absurd for a microscope"
            found.append(fault_at(ERROR, "absurd_pixel_size", image, what, "Correct it; at 40x it is about 0.25"))
    nominal = [image for image in images if image.mpp_source == "nominal"]
    if nominal:
        sizes = ", ".join(f"{mpp:g}" for mpp in sorted({image.mpp for image in nominal if image.mpp}))
        what = (
            f"{len(nominal)} of {len(images)} images have the pixel size that their data set's makers name ({sizes} µm)"
        )
        found.append(Fault(NOTE, "nominal_pixel_size", path, what, "The image files' own goes before it"))
    return found


def unlabelled_faults(images: list[LabelledImage], path: Path) -> list[Fault]:
    lacking = [image for image in images if not image.labelled]
    if not lacking:
        return []
    what = f"{len(lacking)} of {len(images)} images are unlabelled ({_some_names(lacking)})"
    advice = "They are no negatives and are left out of splits and patches"
    return [Fault(WARNING, "unlabelled", path, what, advice)]


def licence_faults(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Licences that forbid commercial use."""
    found = []
    for licence, count in sorted(Counter(image.licence for image in images if image.licence).items()):
        words = licence.upper().replace("-", " ").replace("_", " ").split()
        if "NC" in words or "NONCOMMERCIAL" in words:
            what = f"{count} images are under {licence}, which forbids commercial use"
            found.append(Fault(WARNING, "non_commercial", path, what, "A network trained on them may fall under it"))
    return found


def class_faults(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Class names that stand for neither mitosis nor look-alike, perhaps misspelt, and labels without any mitosis."""
    found = []
    names = Counter(label.class_name for i in images for label in i.labels if label.kind == OTHER and label.class_name)
    for name, count in sorted(names.items()):
        labels = "1 label" if count == 1 else f"{count} labels"
        what = f"{labels} of class {name!r} {'is' if count == 1 else 'are'} neither mitosis nor look-alike"
        meant = meant_class(name)
        if meant:
            advice = f"Did you mean {meant}? As it is spelt they are not used"
            found.append(Fault(WARNING, "misspelt_class", path, what, advice))
        else:
            found.append(Fault(NOTE, "other_class", path, what, "They are kept but not used"))
    if images and not any(label.kind == MITOSIS for image in images for label in image.labels):
        what = "no mitosis is labelled"
        found.append(
            Fault(WARNING, "no_mitosis", path, what, "Nothing can be trained or scored with these labels alone")
        )
    return found


def _some_names(images: list[LabelledImage]) -> str:
    """The first three names and how many more."""
    names = ", ".join(image.name for image in images[:3])
    return names if len(images) <= 3 else f"{names} and {len(images) - 3} more"
