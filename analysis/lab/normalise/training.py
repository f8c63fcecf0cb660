"""Profiles are taught here, on the slides of one scanner, and set beside nets fitted to each slide.

A source is `mitos14` (the training slides of MITOS-ATYPIA-14; never its validation slide), `midog21:SCANNER`, or a
folder of images, each taken for a slide of its own.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.lab.datasets import mitos14
from analysis.lab.datasets.crops import is_padded
from analysis.pipeline.errors import NormaliserFailed, PipelineRefused, meant
from analysis.pipeline.normalise.colournet import ColourNet
from analysis.pipeline.normalise.teaching import Taught, teach_net, teacher_of
from analysis.pipeline.stain import is_tissue

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
PIXELS_PER_IMAGE = 20_000
PIXELS_PER_SLIDE = 30_000
# Frames of one slide are alike; every eighth shows its colours.
FRAME_STEP = 8
# A slide of fewer says little about how well its stain is met.
MIN_COMPARED_PX = 20_000


@dataclass(frozen=True)
class Sample:
    """Tissue pixels of one source: slide → uint8 (n, 3) RGB; `images`: how many were read."""

    source: str
    slides: dict[str, np.ndarray]
    images: int

    @property
    def counts(self) -> dict:
        """What a profile's card says of what it was taught on."""
        taught_on = sum(min(len(pixels), PIXELS_PER_SLIDE) for pixels in self.slides.values())
        return {"source": self.source, "slides": len(self.slides), "images": self.images, "pixels": taught_on}


@dataclass(frozen=True)
class Row:
    """One slide in levels of 255, on pixels left out of every fit. unchanged, profile, fitted: mean absolute difference
    to the slide's own teacher, of the pixels as they are, a profile of the other slides, and a net fitted to the slide.
    means: the slide's mean colour (3,) under each, and under the teacher.
    """

    slide: str
    unchanged: float
    profile: float
    fitted: float
    means: dict[str, np.ndarray]


def sample_of(source: str, data: Path, seed: int = 0) -> Sample:
    """Reads tissue pixels of a source. Raises PipelineRefused for an unknown source or one without tissue."""
    rng = np.random.default_rng(seed)
    parts: dict[str, list[np.ndarray]] = {}
    images = 0
    for slide, path in _images_of(source, data):
        rgb = mitos14.read_rgb(path)
        if is_padded(rgb):
            continue
        # Every second pixel or so in each direction where the image is large: about 100,000.
        step = max(1, int((rgb.shape[0] * rgb.shape[1] / (5 * PIXELS_PER_IMAGE)) ** 0.5))
        pixels = rgb[::step, ::step].reshape(-1, 3)
        pixels = pixels[is_tissue(pixels)]
        parts.setdefault(slide, []).append(rng.permutation(pixels)[:PIXELS_PER_IMAGE])
        images += 1
    slides = {slide: rng.permutation(np.concatenate(found)) for slide, found in sorted(parts.items())}
    if not sum(len(pixels) for pixels in slides.values()):
        raise PipelineRefused(f"The source {source} shows no stained tissue to learn from.")
    return Sample(source, slides, images)


def teach_profile(sample: Sample, without: str | None = None) -> Taught:
    """A net taught on all slides of a sample but one, each slide having the same weight up to what it has.

    Raises NormaliserFailed when it cannot be taught.
    """
    used = [pixels[:PIXELS_PER_SLIDE] for slide, pixels in sample.slides.items() if slide != without]
    return teach_net(np.concatenate(used)[None])


def compare_profiles(sample: Sample, most: int, say: Callable[[str], object] = str) -> list[Row]:
    """Rows for the `most` slides with most pixels; each slide's profile is taught without that slide."""
    by_size = sorted(sample.slides, key=lambda slide: -len(sample.slides[slide]))
    chosen = [slide for slide in by_size if len(sample.slides[slide]) >= MIN_COMPARED_PX][:most]
    if len(sample.slides) < 2:
        raise PipelineRefused(f"The source {sample.source} has one slide only; a profile needs others to compare.")
    rows = []
    for slide in sorted(chosen):
        try:
            rows.append(_compare_slide(sample, slide))
        except NormaliserFailed as error:
            say(f"{slide}: left out: {error}")
    return rows


def _compare_slide(sample: Sample, slide: str) -> Row:
    fitted_on, left_out = np.array_split(sample.slides[slide], 2)
    wanted = teacher_of(fitted_on[None]).apply(left_out)
    profile = _apply_net(teach_profile(sample, without=slide).net, left_out)
    fitted = _apply_net(teach_net(fitted_on[None]).net, left_out)
    shown = {"unchanged": left_out, "profile": profile, "fitted": fitted, "teacher": wanted}
    errors = {name: float(np.abs(pixels.astype(int) - wanted).mean()) for name, pixels in shown.items()}
    means = {name: pixels.mean(axis=0) for name, pixels in shown.items()}
    return Row(slide, errors["unchanged"], errors["profile"], errors["fitted"], means)


def spread_between_slides(rows: list[Row], name: str) -> float:
    """How far slides lie apart in mean colour: the standard deviation between slides, mean of the channels, levels."""
    return float(np.std([row.means[name] for row in rows], axis=0).mean())


def _apply_net(net: ColourNet, pixels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(net(pixels), 0, 255)).astype(np.uint8)


def _images_of(source: str, data: Path) -> Iterator[tuple[str, Path]]:
    """(slide, file) for each image of a source."""
    kind, _, scanner = source.partition(":")
    if source == "mitos14":
        for slide in mitos14.TRAINING_SLIDES:
            yield from ((slide, frame.path) for frame in mitos14.labelled_frames(data, (slide,))[::FRAME_STEP])
    elif kind == "midog21":
        yield from _crops_of(scanner, data / "midog21")
    elif Path(source).is_dir():
        paths = [path for path in sorted(Path(source).iterdir()) if path.suffix.lower() in IMAGES]
        if any(path.name.startswith(mitos14.VALIDATION_SLIDE) for path in paths):
            raise PipelineRefused(f"Slide {mitos14.VALIDATION_SLIDE} is kept for the report; use the source mitos14.")
        yield from ((path.stem, path) for path in paths)
    else:
        raise PipelineRefused(f"There is no source {source}: mitos14, midog21:SCANNER or a folder of images.")


def _crops_of(scanner: str, folder: Path) -> Iterator[tuple[str, Path]]:
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    scanners = tuple(sorted({row["scanner"] for row in rows}))
    if scanner not in scanners:
        said = f"midog21 has no scanner {scanner or 'without a name'}; it has {', '.join(scanners)}."
        raise PipelineRefused(said + meant(scanner, scanners, " Did"))
    for row in rows:
        if row["scanner"] == scanner:
            yield row["slide"], folder / "patches" / row["file"]
