"""`mitosis detect`: mitotic figures of slides and images, one JSON file each."""

import argparse
import json
import sys
import time
from argparse import Namespace
from pathlib import Path

from tqdm import tqdm

from analysis.commands.common import GivenSlide, add_picture, read_region, say, slides_at, warn_of_place
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.card import NORMALISERS
from analysis.pipeline.cards.store import Model, find_model, list_models, load_model
from analysis.pipeline.errors import PipelineRefused, PixelSizeRefused
from analysis.pipeline.ood import Found, check_slide
from analysis.pipeline.plan import Settings, Work, plan_work
from analysis.pipeline.proposers import MODES
from analysis.pipeline.run import Detector
from analysis.pipeline.subtypes import store as subtype_store
from analysis.pipeline.subtypes.hints import hints_at
from slides.wsi.doubts import OF_PIXEL_SIZE, describe_doubt
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import SlideReader, open_slide

AS_TOLD = "go on though what the file says of its pixel size or resolution is in doubt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE_OR_SLIDE", help="slide, JPEG or PNG, or a folder of such"
    )
    add_choices(parser)
    parser.add_argument(
        "--region", type=Path, metavar="GEOJSON", help="polygons in level-0 pixels; default: the whole slide"
    )
    parser.add_argument(
        "--subtypes", action="store_true", help="add a research hint to each mitosis: normal or atypical, and its phase"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where to write STEM.json; default: here"
    )


def add_choices(parser: argparse.ArgumentParser) -> None:
    """How an image is read and which detector runs, whatever becomes of what it finds."""
    add_picture(parser)
    parser.add_argument("--mpp", type=float, help="pixel size in µm, where the file does not say it or says it wrongly")
    parser.add_argument("--as-told", action="store_true", help=AS_TOLD)
    parser.add_argument("--mode", choices=MODES, default="candidates", help="default: %(default)s")
    parser.add_argument("--model", default=None, metavar="NAME_OR_PATH", help="default: the shipped one")
    parser.add_argument("--normaliser", choices=NORMALISERS, default=None, help="default: the model's own")
    parser.add_argument(
        "--threshold", type=float, help="probability from which a detection is called mitosis; default: the model's"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu or cuda, or cpu:NUMBER_FORMAT; default: %(default)s"
    )


def run(arguments: Namespace) -> int:
    """Analyses each image; one that cannot be read is named and the others go on."""
    given = [slide for path in arguments.images for slide in slides_at(path)]
    _refuse_equal_stems(given)
    arguments.out.mkdir(parents=True, exist_ok=True)
    region = None if arguments.region is None else read_region(arguments.region)
    model = load_model(chosen_model(arguments.model))
    if arguments.subtypes and subtype_store.heads_for(model.sha256) is None:
        raise PipelineRefused(
            f"There are no heads of type and phase for {model.name}; fit them with mitosis subtypes fit."
        )
    failed = 0
    for slide in given:
        path = slide.path
        try:
            result = detect_one(slide, model, arguments, region)
        except (SlideRefused, PipelineRefused, OSError) as error:
            # A slide's refusal names no file, since it is written for the web; here the file must be named.
            say(f"mitosis detect: {path}: {getattr(error, 'reason', error)}")
            failed += 1
            continue
        of_several = f"-{arguments.picture}" if arguments.picture > 1 else ""
        target = arguments.out / f"{slide.stem}{of_several}.json"
        write_atomically(target, json.dumps(result, allow_nan=False).encode())
        calls = sum(found["mitosis"] for found in result["detections"])
        area, seconds = result["area_mm2"], result["seconds"]
        say(f"{target}: {calls} mitoses, {len(result['candidates'])} candidates, {area:.3f} mm², {seconds} s")
        say_validity(path, result)
    return 1 if failed else 0


def say_validity(path: Path, result: dict) -> None:
    """Says so where the slide is unlike those of the training."""
    if result["validity"]["grade"] != "ok":
        say("\n  ".join([f"{path}: {result['validity']['grade']}", *result["validity"]["reasons"]]))


def detect_one(slide: GivenSlide, model: Model, arguments: Namespace, region: list | None) -> dict:
    """The contract of `mitosis detect`: one image's result, JSON-able. Seconds are without loading the model."""
    path = slide.path
    with open_slide(slide.files, scene=arguments.picture - 1) as reader:
        warn_of_place(path, reader.info, region)
        mpp_x, mpp_y, source = pixel_size(reader, arguments.mpp)
        doubts = refuse_doubts(reader, arguments.mpp, arguments.as_told)
        settings = Settings(
            mpp_x,
            mpp_y,
            mode=arguments.mode,
            normaliser=arguments.normaliser or model.card.normaliser,
            region_l0=region,
            threshold=arguments.threshold,
        )
        detector = Detector(model, settings, device=arguments.device)
        _warn_of_scale(path, (mpp_x + mpp_y) / 2, model.card.mpp)
        started = time.perf_counter()
        work = plan_work(reader, settings, model.card)
        tiles = tqdm(work.tiles, path.name, unit="tile", disable=not sys.stderr.isatty(), leave=False)
        results = list(detector.detect_tiles(reader, work, tiles))
        seconds = time.perf_counter() - started
        detections = [dict(found.__dict__) for result in results for found in result.detections]
        if getattr(arguments, "subtypes", False):
            _add_hints(detections, detector, reader, work)
        info, found = reader.info, Found.of(results)
        validity = check_slide(reader, settings, work, detector, found, slide.files, scanner=info.scanner)
    return {
        "image": str(path),
        "picture": arguments.picture,
        "width": info.width,
        "height": info.height,
        "mpp": (mpp_x + mpp_y) / 2,
        "mpp_x": mpp_x,
        "mpp_y": mpp_y,
        "mpp_source": source,
        "doubts": doubts,
        "model": model.name,
        "model_sha256": model.sha256,
        "mode": arguments.mode,
        "normaliser": settings.normaliser,
        "device": detector.device,
        "threshold": detector.threshold,
        "area_mm2": work.area_mm2,
        "seconds": round(seconds, 3),
        "candidates": [{"x_l0": x, "y_l0": y} for result in results for x, y in result.candidates_l0],
        "detections": detections,
        "validity": validity.as_json(),
        "meant_for": list(model.card.meant_for),
    }


def _add_hints(detections: list[dict], detector: Detector, reader: SlideReader, work: Work) -> None:
    """Adds `subtype_hint` to what was called mitosis."""
    called = [found for found in detections if found["mitosis"]]
    hints = hints_at(detector, reader, [(found["x_l0"], found["y_l0"]) for found in called], work) or []
    for found, hint in zip(called, hints, strict=True):
        found["subtype_hint"] = hint


def pixel_size(reader: SlideReader, given: float | None) -> tuple[float, float, str]:
    """mpp_x, mpp_y and where they come from: `given` on the command line, else `file`. Raises PixelSizeRefused."""
    if given is not None:
        return given, given, "given"
    if reader.info.mpp_x is None or reader.info.mpp_y is None:
        reason = " ".join(reader.info.hints)
        raise PixelSizeRefused(f"{reason} Give it in µm per pixel with --mpp.".strip())
    return reader.info.mpp_x, reader.info.mpp_y, "file"


def refuse_doubts(reader: SlideReader, given: float | None, as_told: bool) -> list[str]:
    """Codes of what is doubtful in what the file says, where a person wants it `as_told`. Raises PixelSizeRefused.

    given: the pixel size of the command line, which answers what is doubtful about the file's.
    """
    doubts = [code for code in reader.info.doubts if given is None or code not in OF_PIXEL_SIZE]
    if doubts and not as_told:
        reason = " ".join(describe_doubt(code, reader.info) for code in doubts)
        way = "Give the right one with --mpp, or go on" if set(doubts) & set(OF_PIXEL_SIZE) else "Go on"
        raise PixelSizeRefused(f"{reason} {way} with --as-told.")
    return doubts


def _warn_of_scale(path: Path, mpp: float, model_mpp: float) -> None:
    """Says so where the image is much finer or coarser than what the network was trained on."""
    if not 0.8 <= mpp / model_mpp <= 1.2:
        say(f"{path}: {mpp:.3g} µm/px is far from the model's {model_mpp:g}; it is resampled; results are less sure.")


def _refuse_equal_stems(given: list[GivenSlide]) -> None:
    """Two inputs that would write the same file: the second would replace the first's result without a word."""
    seen: dict[str, Path] = {}
    for slide in given:
        if slide.stem in seen:
            raise PipelineRefused(
                f"{seen[slide.stem]} and {slide.path} would both write {slide.stem}.json; analyse them into different "
                "folders."
            )
        seen[slide.stem] = slide.path


def chosen_model(name_or_path: str | None) -> Path:
    if name_or_path is not None:
        return find_model(name_or_path)
    shipped = list_models()
    if not shipped:
        raise PipelineRefused("No model is at hand; name one with --model.")
    return shipped[-1].path
