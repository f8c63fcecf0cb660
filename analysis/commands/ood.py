"""`mitosis ood`: whether slides are like those the network was trained on."""

import argparse
import json
from argparse import Namespace
from pathlib import Path

from analysis.commands.common import GivenSlide, add_data, add_picture, say, slides_at
from analysis.commands.detect import chosen_model, pixel_size
from analysis.lab.ood.fit import fit_network, fit_slides
from analysis.pipeline.cards.store import Model, list_models, load_model
from analysis.pipeline.errors import PipelineRefused, PixelSizeRefused
from analysis.pipeline.ood import Found, Validity, check_slide, limits
from analysis.pipeline.ood.check import without_pixel_size
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    check = tasks.add_parser("check", help="ok, caution or not valid for each slide, with reasons")
    check.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_SLIDE")
    add_picture(check)
    check.add_argument("--mpp", type=float, help="pixel size in µm, where the file does not say it")
    check.add_argument("--quick", action="store_true", help="look at the picture alone and run no network")
    check.add_argument("--json", action="store_true", help="print JSON, one line for each slide, with every measure")
    fit = tasks.add_parser("fit", help="fit the limits on the training slides; needs the data folder")
    fit.add_argument("--limits", type=Path, default=limits.FOLDER, metavar="DIR", help="default: the shipped ones")
    add_data(fit)
    for task in (check, fit):
        task.add_argument("--model", default=None, metavar="NAME_OR_PATH", help="default: the shipped one")


def run(arguments: Namespace) -> int:
    """Fits the limits, or checks slides against them."""
    if arguments.task == "fit":
        return fit_limits(arguments)
    return check_slides(arguments, load_model(chosen_model(arguments.model)))


def fit_limits(arguments: Namespace) -> int:
    """Both kinds of limits: of what a picture shows, and of what each network does."""
    paths = [chosen_model(arguments.model)]
    if arguments.model is None:
        # With the shipped one, older shipped ones that have no limits yet.
        older = [m.path for m in list_models() if not limits.load_network_limits(m.sha256, arguments.limits)]
        paths += [path for path in older if path != paths[0]]
    models = [load_model(path) for path in paths]
    _save_limits(fit_slides(models[0].card, arguments.data), arguments.limits)
    for model in models:
        _save_limits(fit_network(model, arguments.data, say), arguments.limits)
    return 0


def _save_limits(found: SlideLimits | NetworkLimits, folder: Path) -> None:
    path = limits.save_limits(found, folder)
    say(f"{path}: {found.fitted_on}")


def check_slides(arguments: Namespace, model: Model) -> int:
    """One verdict for each slide; one that cannot be read is named and the others go on."""
    failed = 0
    for slide in [slide for path in arguments.images for slide in slides_at(path)]:
        path = slide.path
        try:
            validity = _check_slide(slide, model, arguments)
        except (SlideRefused, PipelineRefused, OSError) as error:
            say(f"mitosis ood: {path}: {getattr(error, 'reason', error)}")
            failed += 1
            continue
        if arguments.json:
            print(json.dumps({"image": str(path)} | validity.as_json()))  # noqa: T201
        else:
            print("\n  ".join([f"{path}: {validity.grade}", *validity.reasons]))  # noqa: T201
    return 1 if failed else 0


def _check_slide(slide: GivenSlide, model: Model, arguments: Namespace) -> Validity:
    with open_slide(slide.files, scene=arguments.picture - 1) as reader:
        try:
            mpp_x, mpp_y, _ = pixel_size(reader, arguments.mpp)
        except PixelSizeRefused:
            return without_pixel_size()
        settings = Settings(mpp_x, mpp_y, normaliser=model.card.normaliser)
        work = plan_work(reader, settings, model.card)
        if arguments.quick or not work.tiles:
            return check_slide(reader, settings, work, files=slide.files)
        detector = Detector(model, settings)
        found = Found.of(list(detector.detect_tiles(reader, work, work.tiles)))
        return check_slide(reader, settings, work, detector, found, slide.files)
