"""Whether places lie in their images: axes that are swapped, coordinates of another level or in millimetres.

Swapped axes are judged over a whole file, by the images' sizes and, where these fit both ways (square images), by how
dark the tissue at the places is. Only where the file as a whole is right is a place outside told on its own.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, MODEL_MPP
from analysis.lab.datasets.faults import ERROR, NOTE, WARNING, Fault, fault_at
from analysis.lab.datasets.records import KINDS, MPP_RANGE, LabelledImage
from analysis.lab.datasets.windows import WindowReader, open_windows
from analysis.pipeline.stain import haematoxylin
from slides.wsi.errors import SlideRefused

# Half a MIDOG box: a figure cut by the border can have its centre this far outside.
BORDER_PX = 25
# All labels in the first quarter of every image's sides say that they belong to a smaller level.
LEVEL_SHARE, LEVEL_MIN_LABELS, LEVEL_MIN_IMAGES = 0.25, 10, 2
# No image is this small, no field this large.
MILLIMETRES_BELOW = 30
# Swapping throws this many places outside at least: two, and a quarter of what evenly spread places would give. Fewer
# are slips of the pen.
SWAPPED_MIN, SWAPPED_OF_EXPECTED = 2, 0.25
SWAPPED_SHARE_OF_IMAGE = 0.2
UNCHECKED = "axes_unchecked"
SWAP_ADVICE = "Swap x and y in the whole file, and check it again"

# Seen on the 945 labels of the MITOS-ATYPIA-14 training slides that swapping moves by 50 px or more within their frame
# (H05 was not looked at): median mean density in 6 µm about the place 0.85 as read and 0.20 swapped, 3.8 to 6.2 times
# as much in the single slides. In 20,000 draws of 20 labels the ratio was never below 2.1. Of labels put on tissue at
# random at most 5 in 1,000 draws of 20 reach 1.7, and none in practice with 60.
DARKER, DARKER_MIN_LABELS, DARKER_LABELS = 1.7, 20, 60
WINDOW_PX = 24
MOVED_PX = 50


def places_off_image(images: list[LabelledImage], path: Path) -> list[Fault]:
    """Places outside their image, and what they say together: swapped axes, another level, millimetres."""
    labelled = [image for image in images if image.labels]
    known = [image for image in labelled if image.width and image.height]
    told = _wrong_scale(known, path) or _by_sizes(known, path)
    # Places would lie outside if they were swapped, and none lies outside as read alone.
    sizes_confirm = _outside_only(known, -1) > 0 == _outside_only(known, 1)
    if not told and not sizes_confirm:
        told = _by_darkness(labelled, path)
    if any(fault.severity != NOTE for fault in told):
        return told
    return [*told, *(fault for image in known for fault in _faults_outside(image))]


# Scale -------------------------------------------------------------------------------------------------------
def _wrong_scale(images: list[LabelledImage], path: Path) -> list[Fault]:
    """One fault where the coordinates of all images together are of another scale."""
    if not images:
        return []
    places = [image.places(*KINDS) for image in images]
    sizes = [_size_of(image) for image in images]
    count, largest = sum(map(len, places)), max(p.max() for p in places)
    if largest < MILLIMETRES_BELOW and count >= 3:
        what = f"all coordinates are below {MILLIMETRES_BELOW}: they look like millimetres"
        return [Fault(ERROR, "millimetres", path, what, "Write pixels: millimetres / (µm per pixel / 1000)")]
    share = max((p / size).max() for p, size in zip(places, sizes, strict=True))
    if share < LEVEL_SHARE and count >= LEVEL_MIN_LABELS:
        many = len(images) >= LEVEL_MIN_IMAGES
        what = f"all {count} places lie in the first quarter of their images: they look like pixels of a smaller level"
        advice = "Multiply them by that level's downsample, if so"
        return [Fault(ERROR if many else WARNING, "wrong_level", path, what, advice)]
    swapped = [(p[:, ::-1] > size).any(axis=1).sum() for p, size in zip(places, sizes, strict=True)]
    outside = sum((p > size).any(axis=1).sum() for p, size in zip(places, sizes, strict=True))
    if outside > count / 2 and sum(swapped) > count / 2 and count >= 3:
        what = f"{outside} of {count} places lie outside, up to {share:.1f} times the image's side away"
        advice = "They look like pixels of a larger image or level; divide them by its downsample"
        return [Fault(ERROR, "wrong_level", path, what, advice)]
    return []


# Axes, by the images' sizes ----------------------------------------------------------------------------------
def _by_sizes(images: list[LabelledImage], path: Path) -> list[Fault]:
    """One fault for the file where many places lie outside as read and none of them, nor any other, when swapped."""
    as_read, swapped = (_outside_only(images, way) for way in (1, -1))
    # What evenly spread places would give if axes were swapped, with room to spare.
    expected = sum(len(image.labels) * (1 - _size_of(image).min() / _size_of(image).max()) for image in images)
    if swapped or as_read < max(SWAPPED_MIN, SWAPPED_OF_EXPECTED * expected):
        return []
    count = sum(len(image.labels) for image in images)
    image = next(image for image in images if _far_out(image, 1).any())
    x, y = image.places(*KINDS)[int(np.argmax(_far_out(image, 1)))]
    example = f"such as {x:g}, {y:g} in {image.name} ({image.width} x {image.height} px)"
    what = f"axes look swapped: {as_read} of {count} places lie outside, {example}, and none with x and y swapped"
    return [Fault(ERROR, "swapped_axes", path, what, SWAP_ADVICE)]


def _outside_only(images: list[LabelledImage], way: int) -> int:
    """How many places lie clearly outside as read (1) or swapped (-1), and not the other way too."""
    return sum(int((_far_out(image, way) & ~_far_out(image, -way)).sum()) for image in images)


def _far_out(image: LabelledImage, way: int) -> np.ndarray:
    """bool (n,): which places lie more than the border's width outside as read (1) or swapped (-1)."""
    return _px_outside(image.places(*KINDS)[:, ::way], _size_of(image)) > BORDER_PX


# Axes, by the pixels -----------------------------------------------------------------------------------------
def _by_darkness(images: list[LabelledImage], path: Path) -> list[Fault]:
    """One fault where the tissue is clearly darker at the swapped places; a note where nothing tells."""
    if not images:
        return []
    pairs = np.array(list(_density_pairs(images))).reshape(-1, 2)
    if len(pairs) < DARKER_MIN_LABELS:
        return [_unchecked_note(images, f"only {len(pairs)} places have pixels that tell" if len(pairs) else "", path)]
    as_read, swapped = np.median(pairs, axis=0)
    told = f"median haematoxylin {swapped:.2f} against {as_read:.2f} as read, over {len(pairs)} places"
    if swapped >= DARKER * as_read:
        what = f"axes look swapped: the images are darker at the places with x and y swapped ({told})"
        return [Fault(ERROR, "swapped_axes", path, what, SWAP_ADVICE)]
    if as_read >= DARKER * swapped:
        return []
    return [_unchecked_note(images, f"the images are about as dark at the places either way ({told})", path)]


def _unchecked_note(images: list[LabelledImage], why: str, path: Path) -> Fault:
    """A note that nobody can say which axis is which, and why."""
    sized = all(image.width and image.height for image in images)
    sizes = "the sizes of the images allow both" if sized else "not all sizes of the images are known"
    what = f"whether x and y are swapped cannot be checked: {sizes}, and {why or 'no pixels are at hand'}"
    return Fault(NOTE, UNCHECKED, path, what, "Put the images beside the labels, or look at a few places")


def _density_pairs(images: list[LabelledImage]) -> Iterator[tuple[float, float]]:
    """Haematoxylin about places as read and swapped, of up to 60 labels: of the images with most labels first, so that
    few are opened. Images that cannot be decoded are left out here.
    """
    left = DARKER_LABELS
    for image in sorted(images, key=lambda image: -len(image.labels)):
        if left <= 0:
            return
        try:
            pairs = _density_pairs_of(image, image.path, left) if image.path and image.width and image.height else []
        except (SlideRefused, OSError):
            continue
        left -= len(pairs)
        yield from pairs


def _density_pairs_of(image: LabelledImage, path: Path, at_most: int) -> list[tuple[float, float]]:
    places = image.places(MITOSIS, LOOK_ALIKE)
    inside = (places >= 0).all(axis=1) & (places < _size_of(image).min()).all(axis=1)
    places = places[inside & (np.abs(places[:, 0] - places[:, 1]) >= MOVED_PX)][:at_most]
    if not len(places):
        return []
    mpp = image.mpp if image.mpp and MPP_RANGE[0] <= image.mpp <= MPP_RANGE[1] else MODEL_MPP
    with open_windows(path, mpp) as reader:
        scaled = places * mpp / MODEL_MPP
        return [(_density_at(reader, *place), _density_at(reader, *place[::-1])) for place in scaled]


def _density_at(reader: WindowReader, x_px: float, y_px: float) -> float:
    return float(haematoxylin(reader.read(x_px, y_px, WINDOW_PX)).mean())


# Single places -----------------------------------------------------------------------------------------------
def _faults_outside(image: LabelledImage) -> list[Fault]:
    """Swapped axes of this image alone as one fault; else each place outside on its own."""
    size = _size_of(image)
    places = image.places(*KINDS)
    is_out = _px_outside(places, size) > 0
    if not is_out.any():
        return []
    swapped_out = int((_px_outside(places[:, ::-1], size) > 0).sum())
    if swapped_out == 0 and is_out.sum() >= SWAPPED_MIN and is_out.mean() >= SWAPPED_SHARE_OF_IMAGE:
        what = (
            f"axes of {image.name} look swapped: {is_out.sum()} of {len(places)} places lie outside it "
            f"({size[0]} x {size[1]} px), and none with x and y swapped"
        )
        first = image.labels[int(np.argmax(is_out))]
        return [fault_at(ERROR, "swapped_axes", image, what, "Swap x and y of this image's labels, if so", first)]
    found = []
    for label, far in zip(image.labels, _px_outside(places, size), strict=True):
        if far > 0:
            where = f"{label.x_l0:g}, {label.y_l0:g} lies {far:g} px outside {image.name}"
            what = f"the centre {where} ({size[0]} x {size[1]} px)"
            severity = WARNING if far <= BORDER_PX else ERROR
            advice = "It is left out of patches" if severity == WARNING else "Correct it or take it out"
            if severity == ERROR and not _px_outside(np.array([[label.y_l0, label.x_l0]]), size).any():
                advice = "With x and y swapped it lies inside; swap them if so, else correct it or take it out"
            found.append(fault_at(severity, "centre_outside", image, what, advice, label))
    return found


def _size_of(image: LabelledImage) -> np.ndarray:
    return np.array([image.width, image.height])


def _px_outside(places: np.ndarray, size: np.ndarray) -> np.ndarray:
    """How far (n, 2) places lie outside an image of `size` (w, h), 0 for those inside: (n,) px, the larger axis."""
    return np.maximum(np.maximum(-places, places - size), 0).max(axis=1)
