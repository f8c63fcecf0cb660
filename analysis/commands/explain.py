"""`mitosis explain`: the red and blue map of a region, and checks of what the maps are worth."""

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from analysis.commands.common import add_data, add_runs, read_region, say, slides_at, warn_of_place
from analysis.commands.detect import AS_TOLD, chosen_model, pixel_size, refuse_doubts
from analysis.lab import provenance
from analysis.lab import release as releasing
from analysis.lab.datasets.frames import TRAINING_SLIDES, scans_of
from analysis.lab.explain import plots, pointing, sanity
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.cards.store import Model, load_model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.explain import map_evidence, region
from analysis.pipeline.plan import Settings
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide

CHECKS = ("pointing", "sanity")
PLACES = ("grid", "candidates")
SHEET_PATCHES = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--region", type=Path, metavar="SLIDE", help="draw what speaks for and against mitosis where")
    task.add_argument(
        "--check",
        choices=CHECKS,
        help="pointing: do maps peak on mitoses off the middle; sanity: do they change with weights and class",
    )
    parser.add_argument(
        "--model",
        nargs="+",
        default=None,
        metavar="NAME",
        help="a shipped model, a path to weights or a finished run; several runs are pooled by --check pointing, each "
        "on the slides it was not trained on; default: the newest shipped one",
    )
    parser.add_argument(
        "--out", type=Path, default=None, metavar="DIR", help="where files go; for --region: default here"
    )
    region = parser.add_argument_group("for --region")
    where = region.add_mutually_exclusive_group()
    where.add_argument("--region-geojson", type=Path, metavar="FILE", help="polygons in level-0 pixels")
    where.add_argument("--box", type=float, nargs=4, metavar=("X", "Y", "W", "H"), help="a box in level-0 pixels")
    region.add_argument("--as-told", action="store_true", help=AS_TOLD)
    region.add_argument("--mpp", type=float, help="pixel size in µm, where the file does not say it or says it wrongly")
    region.add_argument(
        "--places", choices=PLACES, default="grid", help="which patches; default: the paper's %(default)s"
    )
    region.add_argument(
        "--step", type=int, metavar="PX", help="of the grid, in model pixels: 100 as in the paper, or 50"
    )
    region.add_argument(
        "--scale", type=float, metavar="LOGITS", help="evidence per cell at full colour; default: 0.5, for all"
    )
    region.add_argument("--device", default="auto", help="of the detector: auto, cpu or cuda; default: %(default)s")
    check = parser.add_argument_group("for --check")
    check.add_argument(
        "--slides", nargs="+", metavar="NAME", help="for pointing; default: those a run was not trained on"
    )
    check.add_argument("--json", action="store_true", help="print JSON and no table")
    add_data(check)
    add_runs(check)


def run(arguments: Namespace) -> int:
    if arguments.region:
        return draw_region(arguments)
    return {"pointing": check_pointing, "sanity": check_sanity}[arguments.check](arguments)


def _the_slide(path: Path) -> list[Path]:
    """The files of the one slide there."""
    slides = slides_at(path)
    if len(slides) > 1:
        raise PipelineRefused(f"{path} holds {len(slides)} slides; name the files of one.")
    return slides[0].files


def draw_region(arguments: Namespace) -> int:
    """Writes STEM-evidence.png, and STEM-evidence.json beside it."""
    full = plots.FULL_SCALE if arguments.scale is None else arguments.scale
    if not 0 < full < float("inf"):
        raise PipelineRefused(f"A scale of {full:g} logits is none; it is a number above 0.")
    polygons = None if arguments.region_geojson is None else read_region(arguments.region_geojson)
    if arguments.box:
        polygons = region.box_polygon(*arguments.box)
    model = _one_model(arguments)
    try:
        with open_slide(_the_slide(arguments.region)) as reader:
            warn_of_place(arguments.region, reader.info, polygons)
            refuse_doubts(reader, arguments.mpp, arguments.as_told)
            settings = Settings(
                *pixel_size(reader, arguments.mpp)[:2], normaliser=model.card.normaliser, region_l0=polygons
            )
            found = region.map_region(
                reader, model, settings, arguments.places, arguments.step, arguments.device, _with_progress
            )
    except SlideRefused as error:
        raise PipelineRefused(f"{arguments.region}: {error.reason}") from error
    title = f"{arguments.region.name}   {model.name}   research use only"
    target = (arguments.out or Path()) / f"{arguments.region.stem}-evidence.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, plots.encode_png(plots.draw_region(found, title, full)))
    facts = {"image": str(arguments.region), "model": model.name, "model_sha256": model.sha256}
    content = facts | {"full_colour_logits_per_cell": full} | region.map_facts(found)
    write_atomically(target.with_suffix(".json"), json.dumps(content, indent=1, allow_nan=False).encode())
    calls = sum(detection.mitosis for detection in found.detections)
    say(f"{target}: {found.patches} patches, {calls} mitoses, colours full at {full:g} calibrated logits per cell")
    return 0


def check_pointing(arguments: Namespace) -> int:
    """Plays the pointing game; prints a table or JSON, and writes both and a sheet of windows into --out."""
    games, notes = [], []
    for name in arguments.model or [None]:
        model, trained_on = _model_named(name, arguments.runs)
        seen = scans_of(trained_on)
        slides = arguments.slides or [slide for slide in TRAINING_SLIDES if slide not in seen] or TRAINING_SLIDES
        known = sorted(seen & set(slides))
        notes.append({"model": model.name, "slides": list(slides), "trained_on": known})
        if known:
            say(f"{model.name} was trained on {', '.join(known)}: these figures are not of unseen slides.")
        windows = pointing.shifted_windows(
            arguments.data, tuple(slides), model.card.patch_px, progress=lambda frames: _with_progress(frames, "frames")
        )
        games.append(pointing.play_pointing(model, windows))
    return _tell_findings(
        arguments, "pointing", {"networks": notes} | pointing.report_pointing(games), pointing.pointing_table, {}
    )


def check_sanity(arguments: Namespace) -> int:
    """Makes the network random from its head down, and swaps the class, on figures of the teaching sheet (CC0)."""
    model = _one_model(arguments)
    patches = sanity.sheet_patches(model.card.patch_px, SHEET_PATCHES)
    stages = sanity.randomise_cascade(
        model.network, model.card, patches, progress=lambda parts: _with_progress(parts, "random from the head down")
    )
    found = {"model": model.name, "model_sha256": model.sha256} | sanity.check_sanity(model, patches, stages)
    other = map_evidence(model.network, model.card, patches).maps["other"]
    pictures = {"sanity.png": plots.encode_png(plots.sanity_sheet(patches, stages, other))}
    _tell_findings(arguments, "sanity", found, sanity.sanity_table, pictures)
    return 0 if all(found["passed"].values()) else 1


def _tell_findings(
    arguments: Namespace, name: str, found: dict, table: Callable[[dict], str], pictures: dict[str, bytes]
) -> int:
    content = json.dumps(found, indent=1, allow_nan=False)
    print(content if arguments.json else table(found))  # noqa: T201
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for file, data in ({f"{name}.json": content.encode()} | pictures).items():
            write_atomically(arguments.out / file, data)
            say(str(arguments.out / file))
    return 0


def _one_model(arguments: Namespace) -> Model:
    names = arguments.model or [None]
    if len(names) > 1:
        raise PipelineRefused("Only --check pointing takes several models; name one.")
    return _model_named(names[0], arguments.runs)[0]


def _model_named(name: str | None, runs: Path) -> tuple[Model, set[str]]:
    """A run's network, or a model's, and the slides that it has seen as far as is known."""
    if name is not None and (runs / name / "weights.safetensors").is_file():
        return releasing.model_of_run(runs / name), set(provenance.provenance_of_run(runs / name).slides)
    model = load_model(chosen_model(name))
    return model, set(provenance.provenance_of_card(model.card).slides)


def _with_progress(items: Sequence[Any], name: str) -> Any:
    return tqdm(items, name, disable=not sys.stderr.isatty(), leave=False)
