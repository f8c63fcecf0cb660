"""`mitosis container`: the interface of the MIDOG challenge on grand-challenge.org, one image a job.

It hands in `inputs.json`, a list of the sockets of the job, and each socket's files in a folder; it takes away
`mitotic-figures.json`, points in millimetres from the image's top left corner: pixels of level 0 times their size.
Source: DeepMicroscopy/MIDOG25_T1_reference_docker (inference.py, test/input/interf0). The evaluation takes points of
both names, those called mitosis and those below the threshold, with their probability.
"""

import argparse
import json
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import GivenSlide, say
from analysis.commands.detect import add_choices, chosen_model, detect_one, say_validity
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.errors import PipelineRefused
from slides.wsi.errors import SlideRefused
from slides.wsi.sets import SINGLE_SUFFIXES

INPUTS, OUTPUT = "inputs.json", "mitotic-figures.json"
MAX_INPUTS_BYTES = 1 << 20
MITOSIS, NOT_MITOSIS = "mitotic figure", "non-mitotic figure"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input", type=Path, default=Path("/input"), metavar="DIR", help=f"holds {INPUTS}; default: %(default)s"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("/output"), metavar="DIR", help=f"gets {OUTPUT}; default: %(default)s"
    )
    add_choices(parser)


def run(arguments: Namespace) -> int:
    """Writes DIR/mitotic-figures.json; of several images each gets a folder of its name. 1 where one cannot be read."""
    images = find_images(arguments.input)
    model = load_model(chosen_model(arguments.model))
    failed = 0
    for path in images:
        try:
            result = detect_one(GivenSlide(path.stem, path, [path]), model, arguments, None)
        except (SlideRefused, PipelineRefused, OSError) as error:
            say(f"mitosis container: {path}: {getattr(error, 'reason', error)}")
            failed += 1
            continue
        folder = arguments.output if len(images) == 1 else arguments.output / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        points = as_points(result)
        write_atomically(folder / OUTPUT, json.dumps(points, allow_nan=False).encode())
        calls = sum(point["name"] == MITOSIS for point in points["points"])
        say(f"{folder / OUTPUT}: {calls} mitotic figures, {len(points['points'])} points, {result['seconds']} s")
        say_validity(path, result)
    return 1 if failed else 0


def as_points(result: dict) -> dict:
    """The challenge's "Multiple points" of a result of `mitosis detect`; x and y in mm."""
    mm_x, mm_y = result["mpp_x"] / 1000, result["mpp_y"] / 1000
    points = [
        {
            "name": MITOSIS if found["mitosis"] else NOT_MITOSIS,
            "point": [found["x_l0"] * mm_x, found["y_l0"] * mm_y, 0],
            "probability": found["probability"],
        }
        for found in result["detections"]
    ]
    return {"name": "mitotic figures", "type": "Multiple points", "points": points, "version": {"major": 1, "minor": 0}}


def find_images(folder: Path) -> list[Path]:
    """The images of a job, in the order of its sockets. Raises PipelineRefused where there is none, or not just one
    of a name.
    """
    found: list[Path] = []
    for socket in _image_sockets(_read_inputs(folder / INPUTS)):
        found += [path for path in _images_of(socket, folder) if path not in found]
    if not found:
        raise PipelineRefused(f"{folder / INPUTS} names no image; a socket of kind Image is needed.")
    stems = [path.stem for path in found]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise PipelineRefused(f"Two images of the job are called {twice}; their results would have one name.")
    return found


def _read_inputs(path: Path) -> list[dict]:
    if not path.is_file():
        raise PipelineRefused(f"{path} is not there; name the job's folder with --input.")
    if path.stat().st_size > MAX_INPUTS_BYTES:
        raise PipelineRefused(f"{path} is larger than 1 MB; a job's list of inputs is not.")
    try:
        sockets = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PipelineRefused(f"{path} is no JSON ({getattr(error, 'msg', 'it cannot be read')}).") from None
    if not isinstance(sockets, list) or not all(isinstance(socket, dict) for socket in sockets):
        raise PipelineRefused(f"{path} holds no list of inputs, each with its interface.")
    return sockets


def _image_sockets(inputs: list[dict]) -> list[dict]:
    """Of the job's inputs those that are images; a value or another file beside them is none of ours. Newer jobs call
    the interface a socket.
    """
    found = []
    for given in inputs:
        about = given.get("interface") or given.get("socket")
        about = about if isinstance(about, dict) else {}
        if "image" in (str(about.get(key, "")).lower() for key in ("super_kind", "kind")) or given.get("image"):
            found.append(given | {"about": about})
    return found


def _images_of(socket: dict, folder: Path) -> list[Path]:
    """The files of a socket: the one that it names, else all images in its folder, which lies in the job's folder."""
    place = socket["about"].get("relative_path")
    if not isinstance(place, str) or not place:
        raise PipelineRefused(f"{folder / INPUTS}: an image has no relative_path.")
    home = folder / place
    if not home.resolve().is_relative_to(folder.resolve()):
        raise PipelineRefused(f"{folder / INPUTS}: {place} lies outside {folder}.")
    if home.is_file():
        return [home]
    files = sorted(path for path in home.glob("*") if path.is_file() and not path.name.startswith("."))
    images = [path for path in files if path.suffix.lower() in SINGLE_SUFFIXES]
    if not images:
        others = f" There is {', '.join(path.name for path in files[:5])}." if files else ""
        raise PipelineRefused(f"{home} holds no image that can be read, such as a TIFF.{others}")
    image = socket.get("image")
    name = image.get("name") if isinstance(image, dict) else None
    return [path for path in images if path.name == name] or images
