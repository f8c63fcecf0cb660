"""Other detectors' output, read for review: one record of whatever program wrote it, then laid on a slide.

    file = read_detections(path.read_bytes(), "slide 3")
    fitted = fit_to_slide(file, Frame(width, height, mpp_x, mpp_y))

Formats are told by what is in the file, never by its name.
"""

import json
from collections.abc import Callable

from analysis.pipeline.detection_files.documents import read_boxes, read_detect, read_nuclei, read_points
from analysis.pipeline.detection_files.fit import Fitted, Frame, Laid, fit_to_slide
from analysis.pipeline.detection_files.geojson import features_of, read_features
from analysis.pipeline.detection_files.places import DetectionFile, DetectionsRefused, Place
from analysis.pipeline.detection_files.tables import read_table

__all__ = [
    "FORMATS", "DetectionFile", "DetectionsRefused", "Fitted", "Frame", "Laid", "Place", "fit_to_slide",
    "read_detections",
]  # fmt: skip

FORMATS = "a file of mitosis detect, a MIDOG submission or MIDOG JSON, GeoJSON, CSV, HoVer-Net or CellViT"
# Lists that tell a document's format, and its reader; the first that is all there.
DOCUMENTS: tuple[tuple[tuple[str, ...], Callable[[dict, str], DetectionFile]], ...] = (
    (("detections",), read_detect),
    (("points",), read_points),
    (("annotations", "categories", "images"), read_boxes),
    (("nuc",), read_nuclei),
    (("cells",), read_nuclei),
)


def read_detections(content: bytes, image: str) -> DetectionFile:
    """What a file says, in its own unit. image: what the slide is called, for files of several images.

    Raises DetectionsRefused.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DetectionsRefused(f"This is no text file; it reads {FORMATS}.")
    if text.lstrip()[:1] not in ("{", "["):
        return read_table(text, image)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise DetectionsRefused(f"The JSON breaks off ({line}).") from None
    return _read_document(document, image)


def _read_document(document: object, image: str) -> DetectionFile:
    features = features_of(document)
    if features is not None:
        return read_features(features, image)
    if isinstance(document, list) and len(document) == 1:
        document = document[0]  # a container's answers come as a list, one for each image
    if isinstance(document, dict):
        for keys, read in DOCUMENTS:
            if all(isinstance(document.get(key), list | dict) for key in keys):
                return read(document, image)
    raise DetectionsRefused(f"Nothing in it is known as detections; it reads {FORMATS}.")
