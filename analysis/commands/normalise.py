"""`mitosis normalise`: what a stain normaliser does to a picture; and the profiles of StainNet, taught and compared."""

import argparse
from argparse import Namespace
from pathlib import Path

import cv2

from analysis.commands.common import GivenSlide, add_data, say, slides_at
from analysis.lab.normalise.before_after import piece_of, side_by_side
from analysis.lab.normalise.training import Row, compare_profiles, sample_of, spread_between_slides, teach_profile
from analysis.pipeline.atomic_files import write_atomically
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.normalise import make_normaliser, normaliser_names
from analysis.pipeline.normalise.profiles import PROFILES, profile_names, refuse_odd_name, write_profile
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide

FOR_PROFILES = "for profiles; SOURCE is mitos14, midog21:SCANNER or a folder of images, each of them a slide"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="slide, JPEG or PNG to show")
    parser.add_argument(
        "--to", metavar="NORMALISER", help=f"a profile ({', '.join(profile_names())}), macenko, reinhard or stainnet"
    )
    parser.add_argument("--out", type=Path, default=None, metavar="DIR", help="where to write; default: here")
    group = parser.add_argument_group("profiles", FOR_PROFILES)
    group.add_argument("--train-profile", metavar="NAME", help="teach a profile on --source")
    group.add_argument("--compare", action="store_true", help="set a profile of --source beside nets fitted per slide")
    group.add_argument("--source", metavar="SOURCE", help="slides of one scanner")
    group.add_argument("--slides", type=int, default=8, metavar="N", help="slides to compare; default: %(default)s")
    add_data(group)


def run(arguments: Namespace) -> int:
    """Shows images, or teaches or compares a profile."""
    if arguments.train_profile or arguments.compare:
        if arguments.images or not arguments.source:
            raise PipelineRefused("To teach or compare a profile name its --source, and no images.")
        if not arguments.compare:
            return _train_profile(arguments)
        rows = compare_profiles(sample_of(arguments.source, arguments.data), arguments.slides, say)
        print(profile_table(rows))  # noqa: T201
        return 0
    if not arguments.images or not arguments.to:
        raise PipelineRefused(f"Name an image, and --to one of {', '.join(normaliser_names())}.")
    # A profile may be named by itself.
    name = f"stainnet:{arguments.to}" if arguments.to in profile_names() else arguments.to
    make_normaliser(name)
    failed = 0
    for slide in [slide for path in arguments.images for slide in slides_at(path)]:
        try:
            say(f"{_show_image(slide, name, arguments.out or Path())}")
        except (SlideRefused, PipelineRefused, OSError) as error:
            say(f"mitosis normalise: {slide.path}: {getattr(error, 'reason', error)}")
            failed += 1
    return 1 if failed else 0


def _show_image(slide: GivenSlide, name: str, folder: Path) -> Path:
    """Writes one before/after picture and returns where."""
    with open_slide(slide.files) as reader:
        piece = piece_of(reader)
    normaliser = make_normaliser(name)
    normaliser.fit(piece.tissue)
    after = "after: " + (f"profile {name.partition(':')[2]}" if ":" in name else name)
    picture = side_by_side(piece.rgb, normaliser.apply(piece.rgb), ("before", after))
    _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{slide.stem}-{name.replace(':', '-')}.png"
    if target.resolve() == slide.path.resolve():
        raise PipelineRefused(f"{target} would replace the image itself; write into another folder with --out.")
    write_atomically(target, png.tobytes())
    return target


def _train_profile(arguments: Namespace) -> int:
    refuse_odd_name(arguments.train_profile)
    sample = sample_of(arguments.source, arguments.data)
    taught, folder = teach_profile(sample), arguments.out or PROFILES
    card = write_profile(arguments.train_profile, taught, sample.counts, folder)
    quality = card.quality
    say(
        f"{folder / card.name}.safetensors: {card.slides} slides, {card.pixels} pixels, taught by {card.teacher}; "
        f"{quality.error:.2f} levels from its teacher, white moves by {quality.white_shift:.2f}, "
        f"{quality.clipped:.2%} clipped"
    )
    return 0


def profile_table(rows: list[Row]) -> str:
    """Differences to each slide's own teacher, and how far slides lie apart in colour, as Markdown."""
    lines = ["| slide | unchanged | profile of the others | fitted to the slide |", "|---|---|---|---|"]
    lines += [f"| {row.slide} | {row.unchanged:.2f} | {row.profile:.2f} | {row.fitted:.2f} |" for row in rows]
    spread = [spread_between_slides(rows, name) for name in ("unchanged", "profile", "fitted")]
    lines.append(f"| slides apart by | {spread[0]:.2f} | {spread[1]:.2f} | {spread[2]:.2f} |")
    return "\n".join(lines)
