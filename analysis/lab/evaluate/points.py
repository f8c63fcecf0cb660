"""Labels of any known format against the files that `mitosis detect` wrote: evaluation without the network.

An image of the labels and a file of detections belong together when the image's name is the end of the path that the
file names: `01.tiff`, or `23/01` where cases are folders. Each patient is a case. Detections below the model's floor
were not written, so what lies below it is not judged. Frames of the slide that is only reported on are judged where the
look is counted, and alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, mitos12a
from analysis.lab.datasets.mitos14 import VALIDATION_SLIDE
from analysis.lab.datasets.readers import mitos_atypia, read_labels
from analysis.lab.datasets.records import LabelledImage
from analysis.lab.evaluate.frames import FrameScores, check_frame
from analysis.pipeline.errors import PipelineRefused

_KEYS = ("image", "width", "height", "mpp_x", "mpp_y", "threshold", "candidates", "detections")
_MODEL = ("model", "model_sha256")
_SUFFIXES = {".tif", ".tiff", ".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".png", ".jpg", ".jpeg", ".dcm", ".bmp"}


@dataclass(frozen=True)
class Joined:
    """Frames with margins that are calibrated already, the threshold they were called at, the model's name and hash,
    and the labelled images that no detections were given for: they are left out, as in the official evaluation.
    `slides` are those of mitos14 that the frames are of.
    """

    frames: list[FrameScores]
    threshold: float
    model: str
    model_sha256: str
    without_detections: list[str]
    slides: list[str]


def join_detections(labels: Path, detections: Sequence[Path], counted: bool = False) -> Joined:
    """Joins a label file or folder with files of detections. `counted`: whether the look is noted in the model's card.

    Raises PipelineRefused for a file that is none, detections of an image that nobody labelled, the same image twice,
    files of different models or thresholds, and frames that are for reporting only where the look is not counted.
    """
    images = read_labels(labels)
    results = {path: _read_result(path) for path in detections}
    kinds = {(result["threshold"], *(str(result.get(key, "")) for key in _MODEL)) for result in results.values()}
    if len(kinds) > 1:
        raise PipelineRefused("The files of detections are of different models or thresholds; evaluate each alone.")
    found = {path: _image_of(result, images, path) for path, result in results.items()}
    names = [image.name for image in found.values()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PipelineRefused(f"There are two files of detections of {twice}; give one for each image.")
    refuse_idle_looks(list(found.values()), counted)
    frames = [check_frame(_make_frame(found[path], results[path], path)) for path in results]
    without = [image.name for image in images if image.labelled and image.name not in names]
    slides = sorted({slide_of(image) for image in found.values()} - {""})
    threshold, model, model_sha256 = kinds.pop()
    return Joined(frames, threshold, model, model_sha256, without, slides)


def slide_of(image: LabelledImage) -> str:
    """The slide ("H05", "A00") that an image is of, by its name or its case, "" for data that nothing is trained on by
    slide. Other scans of a glass are the same slide: A05 is H05.
    """
    if frame := mitos_atypia.facts_of_frame(image.name):
        return f"H{frame['patient']}"
    collection, _, patient = image.case.rpartition("/")
    letter = {mitos_atypia.COLLECTION: "H", "icpr2012": "A", mitos12a.FOLDER: "A"}.get(collection)
    return f"{letter}{patient[-2:]}" if letter else ""


def refuse_idle_looks(images: Sequence[LabelledImage], counted: bool) -> None:
    """Raises PipelineRefused for images of the validation slide among others, or where the look is not counted."""
    held_back = [image.name for image in images if slide_of(image) == VALIDATION_SLIDE]
    if held_back and not counted:
        raise PipelineRefused(
            f"{held_back[0]} is of {VALIDATION_SLIDE}, which is for reporting only. A slide that is looked at again "
            "and again stops being unseen, so looks at its figures are counted in the model's card; add --into-card "
            "NAME."
        )
    if held_back and len(held_back) < len(images):
        raise PipelineRefused(
            f"{VALIDATION_SLIDE} is reported alone; evaluate the detections of other slides by themselves."
        )


def _read_result(path: Path) -> dict:
    try:
        result = json.loads(path.read_bytes())
        missing = [key for key in _KEYS if key not in result]
    except OSError as error:
        raise PipelineRefused(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise PipelineRefused(f"{path} is no JSON file of `mitosis detect`.") from error
    if missing:
        raise PipelineRefused(f"{path} is no file of `mitosis detect`: it has no {missing[0]}.")
    return result


def _image_of(result: dict, images: Sequence[LabelledImage], path: Path) -> LabelledImage:
    parts = _path_parts(result["image"])
    fitting = [image for image in images if parts[-len(_path_parts(image.name)) :] == _path_parts(image.name)]
    if not fitting:
        raise PipelineRefused(f"{path} is about {result['image']}, which the labels do not name.")
    if len(fitting) > 1:
        raise PipelineRefused(f"{path} is about {result['image']}, which the labels name more than once.")
    if not fitting[0].labelled:
        raise PipelineRefused(f"{path} is about {result['image']}, which nobody labelled; it is no negative.")
    return fitting[0]


def _path_parts(name: str) -> tuple[str, ...]:
    path = PurePath(name)
    return (path.with_suffix("") if path.suffix.lower() in _SUFFIXES else path).parts


def _make_frame(image: LabelledImage, result: dict, path: Path) -> FrameScores:
    try:
        mpp = np.array([result["mpp_x"], result["mpp_y"]], float)
        size_um = (float(result["width"] * mpp[0]), float(result["height"] * mpp[1]))
        places = {
            key: np.array([(row["x_l0"], row["y_l0"]) for row in result[key]], float).reshape(-1, 2) * mpp
            for key in ("candidates", "detections")
        }
        probabilities = np.array([found["probability"] for found in result["detections"]], float).clip(1e-12, 1 - 1e-12)
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineRefused(f"{path} is no file of `mitosis detect`: {type(error).__name__} in {error}.") from error
    none = np.zeros(0)
    return FrameScores(
        image.name,
        image.case,
        size_um,
        image.places(MITOSIS) * mpp,
        places["candidates"],
        places["detections"],
        np.log(probabilities / (1 - probabilities)),
        none,
        none,
        none,
        scanner=image.scanner,
        tumour=image.tumour,
        look_alikes=image.places(LOOK_ALIKE) * mpp,
    )
