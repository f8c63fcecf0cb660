"""The paper's patches: windows centred on mitoses, on look-alikes and on random places, at the model's pixel size.

    manifest = extract_patches(read_labels(path), PatchRecipe(sizes_px=(50, 100, 256, 512)), out)
    windows, labels, rows = load(out, 100)

The paper takes 2,293 mitoses, 2,617 look-alikes and 3,000 random negatives, and says that its random windows might
contain mitoses. Here no random window touches one: a mitosis, 25 px about its centre, stays outside the largest window.
Further negatives are off centre: 30 to 60 px from a mitosis, on another nucleus, so that a network learns what is in
the middle; a look-alike within 30 px of a mitosis is neither class and left out. The same places are cut
in all sizes, so that sizes can be compared.

A patch is a PNG under `<size>px/<group>/`, to be looked at; `manifest.json` says where each comes from, with the hash
of its pixels and of the whole.
"""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np

from analysis.lab.datasets import EDGE_PX, IGNORE_OUTER_PX, LOOK_ALIKE, MITOSIS, MODEL_MPP, nearest_distance
from analysis.lab.datasets.mitos14 import read_rgb
from analysis.lab.datasets.records import OTHER, LabelledImage
from analysis.lab.datasets.splits import (
    RESERVED_CASES,
    RESERVED_REASON,
    image_key,
    label_sources,
    read_hashed,
    write_hashed,
)
from analysis.lab.datasets.windows import WindowReader, open_windows
from analysis.lab.errors import DatasetRefused
from analysis.pipeline.proposers import darkest
from analysis.pipeline.slide_grid import half_scale
from slides.wsi.errors import SlideRefused

FORMAT = "mitoweb patches 1"
MANIFEST = "manifest.json"
RANDOM, OFF_CENTRE = "random", "off_centre"
GROUPS = (MITOSIS, LOOK_ALIKE, RANDOM, OFF_CENTRE)
SIZES_PX = (50, 100, 256, 512)
PAPER_RANDOM_PER_MITOSIS = 3000 / 2293
# Half the box that the MIDOG challenges draw about a mitosis.
MITOSIS_HALF_PX = 25
OFF_CENTRE_MAX_PX = 60
# A window on plain glass teaches nothing; its mean is nearly white.
GLASS_ABOVE = 225
TRIES_PER_RANDOM = 40
BROKEN_SHARE = 0.01


@dataclass(frozen=True)
class PatchRecipe:
    """What to cut. `sizes_px` in model pixels; random and off-centre windows per mitosis (0 for none: the paper has no
    off-centre ones); `mpp` for images that do not say theirs, None to leave those out.
    """

    sizes_px: tuple[int, ...] = (100,)
    random_per_mitosis: float = PAPER_RANDOM_PER_MITOSIS
    off_centre_per_mitosis: float = 1.0
    mpp: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        wrong = [size for size in self.sizes_px if not 16 <= size <= 2048]
        if wrong or not self.sizes_px:
            raise DatasetRefused(f"Patches of {self.sizes_px} px cannot be cut; sizes lie between 16 and 2048.")
        if self.random_per_mitosis < 0 or not 0 <= self.off_centre_per_mitosis <= 5:
            raise DatasetRefused("Windows per mitosis are 0 or more, off-centre ones 5 at most.")

    @property
    def keep_away_px(self) -> float:
        """How far a random window's centre stays from every mitosis, along the nearer axis: 75 px for 100 px."""
        return max(75, max(self.sizes_px) / 2 + MITOSIS_HALF_PX)


@dataclass(frozen=True)
class Place:
    """The middle of a patch in model pixels, and its group."""

    x_px: float
    y_px: float
    group: str


@dataclass(frozen=True)
class Job:
    """An image to cut from, its file and µm per pixel, its part of the split and how many random windows it gives."""

    image: LabelledImage
    path: Path
    mpp: float
    part: str
    random: int = 0


def extract_patches(
    images: list[LabelledImage],
    recipe: PatchRecipe,
    out: Path,
    parts: dict[str, str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Cuts all patches into the new folder `out` and returns the manifest. The same input gives the same pixels.

    `parts`: image key → part of a split; images in none are left out. Without it the labels' own split is kept.
    Raises DatasetRefused where the folder exists, where there is no mitosis to cut, and where more than 1 % of the
    images cannot be decoded; fewer are left out and named in the manifest.
    """
    if out.exists():
        raise DatasetRefused(f"{out} is already there; name a new folder, or remove it first.")
    left_out: Counter[str] = Counter()
    jobs = _make_jobs(images, recipe, parts, left_out)
    unfinished = out.with_name(f".{out.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    rows, broken = [], []
    try:
        for number, job in enumerate(jobs):
            try:
                rows += _cut_image(job, recipe, unfinished, left_out)
            except (SlideRefused, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                broken.append(f"{job.image.name}: {error}")
            progress(number + 1, len(jobs))
        if len(broken) > BROKEN_SHARE * len(jobs):
            raise DatasetRefused(f"{len(broken)} of {len(jobs)} images cannot be decoded, such as {broken[0]}")
        document = _make_manifest(jobs, recipe, rows, left_out, broken)
        digest = write_hashed(document, unfinished / MANIFEST)
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return document | {"sha256": digest}


def _make_jobs(
    images: list[LabelledImage], recipe: PatchRecipe, parts: dict[str, str] | None, left_out: Counter
) -> list[Job]:
    """The images that can be cut, with random windows shared out by area over all of them."""
    usable: list[Job] = []
    areas: list[float] = []
    for image in images:
        image = image if image.mpp or not recipe.mpp else replace(image, mpp=recipe.mpp, mpp_source="given")
        part = image.split if parts is None else parts.get(image_key(image), "")
        if reason := _reason_against(image, part, parts):
            left_out[f"images: {reason}"] += 1
        elif image.path and image.width and image.height and image.mpp:
            usable.append(Job(image, image.path, image.mpp, part))
            areas.append(image.width * image.height * image.mpp**2)
    mitoses = sum(len(job.image.places(MITOSIS)) for job in usable)
    if not mitoses:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise DatasetRefused(f"There is no mitosis to cut ({why or 'no image'}); `mitosis data check` says more.")
    ends = np.round(np.cumsum(areas) / np.sum(areas) * recipe.random_per_mitosis * mitoses).astype(int)
    quotas = np.diff(ends, prepend=0)
    return [replace(job, random=int(quota)) for job, quota in zip(usable, quotas, strict=True)]


def _reason_against(image: LabelledImage, part: str, parts: dict[str, str] | None) -> str:
    """Why an image cannot be cut from, or ""."""
    if not image.labelled:
        return "unlabelled"
    if image.case in RESERVED_CASES:
        return RESERVED_REASON
    if parts is not None and not part:
        return "in no part of the split"
    if image.path is None or not image.width:
        return "pixels not at hand"
    return "" if image.mpp else "without a pixel size"


def _cut_image(job: Job, recipe: PatchRecipe, folder: Path, left_out: Counter) -> list[dict]:
    """Writes one image's patches and gives their rows; nothing is kept or counted of an image that breaks half way."""
    counted: Counter[str] = Counter()
    cut = []
    rng = np.random.default_rng([recipe.seed, crc32(image_key(job.image).encode())])
    with open_windows(job.path, job.mpp) as reader:
        for place in places_of(job, recipe, reader, rng, counted):
            for size in recipe.sizes_px:
                pixels = reader.read(place.x_px, place.y_px, size)
                _, png = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
                cut.append((_manifest_row(pixels, place, size, job), png.tobytes()))
    left_out.update(counted)
    for row, coded in cut:
        (folder / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / row["file"]).write_bytes(coded)
    return [row for row, _ in cut]


def places_of(
    job: Job, recipe: PatchRecipe, reader: WindowReader, rng: np.random.Generator, left_out: Counter
) -> list[Place]:
    """The places of one image in a fixed order: mitoses, look-alikes, random and off-centre ones."""
    scale = job.mpp / MODEL_MPP
    size = np.array([reader.width_px, reader.height_px])
    labelled = {kind: job.image.places(kind) * scale for kind in (MITOSIS, LOOK_ALIKE, OTHER)}
    found = []
    for kind in (MITOSIS, LOOK_ALIKE):
        inside = ((labelled[kind] >= 0) & (labelled[kind] < size)).all(axis=1)
        left_out[f"{kind}: centre outside"] += int((~inside).sum())
        labelled[kind] = labelled[kind][inside]
    # What may be a mitosis keeps negatives away as a mitosis does.
    suspect = np.vstack([labelled[MITOSIS], labelled[OTHER]])
    near = nearest_distance(labelled[LOOK_ALIKE], suspect) <= IGNORE_OUTER_PX
    left_out["look_alike: within 30 px of a mitosis"] += int(near.sum())
    found += [Place(x, y, MITOSIS) for x, y in labelled[MITOSIS]]
    found += [Place(x, y, LOOK_ALIKE) for x, y in labelled[LOOK_ALIKE][~near]]
    random = random_places(job.random, suspect, recipe.keep_away_px, reader, rng)
    left_out["random: no room"] += job.random - len(random)
    found += [Place(x, y, RANDOM) for x, y in random]
    wanted = round(recipe.off_centre_per_mitosis * len(labelled[MITOSIS]))
    off_centre = off_centre_places(wanted, labelled[MITOSIS], suspect, reader, rng)
    left_out["off_centre: no nucleus"] += wanted - len(off_centre)
    return found + [Place(x, y, OFF_CENTRE) for x, y in off_centre]


def random_places(
    count: int, mitoses: np.ndarray, keep_away_px: float, reader: WindowReader, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Up to `count` places on tissue, from which every mitosis is at least `keep_away_px` away along x or y.

    At the image's edge they are as frequent as mitoses are, 25 px excepted where a figure may be cut and unlabelled:
    mirrored borders would otherwise tell the class.
    """
    high = np.array([reader.width_px, reader.height_px]) - EDGE_PX
    found: list[tuple[float, float]] = []
    if (high <= EDGE_PX).any():
        return found
    for _ in range(count * TRIES_PER_RANDOM):
        if len(found) == count:
            break
        x, y = rng.uniform(EDGE_PX, high)
        if len(mitoses) and np.abs(mitoses - (x, y)).max(axis=1).min() < keep_away_px:
            continue
        if reader.read(x, y, 100).mean() < GLASS_ABOVE:
            found.append((float(x), float(y)))
    return found


def off_centre_places(
    count: int, mitoses: np.ndarray, suspect: np.ndarray, reader: WindowReader, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Up to `count` dark nuclei, each 30 to 60 px from one of the mitoses and more than 30 from all that may be one."""
    near: list[np.ndarray] = []
    px = 2 * (OFF_CENTRE_MAX_PX + darkest.MAXIMUM_RADIUS_PX * 2)
    for x, y in mitoses:
        spots, _ = darkest.dark_spots(half_scale(reader.read(x, y, px)))
        spots = spots * 2 + reader.corner_of(x, y, px)
        apart = np.hypot(*(spots - (x, y)).T)
        near.append(spots[(apart > IGNORE_OUTER_PX) & (apart <= OFF_CENTRE_MAX_PX)])
    spots = np.unique(np.vstack(near), axis=0) if near else np.zeros((0, 2))
    high = np.array([reader.width_px, reader.height_px]) - EDGE_PX
    inside = ((spots >= EDGE_PX) & (spots <= high)).all(axis=1)
    spots = spots[inside & (nearest_distance(spots, suspect) > IGNORE_OUTER_PX)]
    kept = np.sort(rng.permutation(len(spots))[:count])
    return [(float(x), float(y)) for x, y in spots[kept]]


def _manifest_row(pixels: np.ndarray, place: Place, size: int, job: Job) -> dict:
    """One patch's row of the manifest."""
    image, scale = job.image, job.mpp / MODEL_MPP
    x_l0, y_l0 = place.x_px / scale, place.y_px / scale
    # The name tells image and place, so that it stays the same whatever else is cut.
    name = re.sub(r"[^A-Za-z0-9-]+", "_", str(Path(image_key(image)).with_suffix("")))
    file = Path(f"{size}px") / place.group / f"{name}_{x_l0:.1f}_{y_l0:.1f}.png"
    mitoses = image.places(MITOSIS) * scale
    return {
        "file": file.as_posix(),
        "size_px": size,
        "group": place.group,
        "label": int(place.group == MITOSIS),
        "image": image_key(image),
        "case": image.case,
        "slide": image.slide,
        "part": job.part,
        "x_l0": round(x_l0, 2),
        "y_l0": round(y_l0, 2),
        "mitoses_in_window": int((np.abs(mitoses - (place.x_px, place.y_px)) < size / 2).all(axis=1).sum()),
        "pixels_sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }


def _make_manifest(
    jobs: list[Job], recipe: PatchRecipe, rows: list[dict], left_out: Counter, broken: list[str]
) -> dict:
    images = [job.image for job in jobs]
    at_first_size = [row for row in rows if row["size_px"] == recipe.sizes_px[0]]
    groups = Counter(row["group"] for row in at_first_size)
    return {
        "format": FORMAT,
        "mpp": MODEL_MPP,
        "recipe": asdict(recipe) | {"sizes_px": list(recipe.sizes_px)},
        "sources": label_sources(images),
        "pixel_sizes": {image_key(image): [image.mpp, image.mpp_source] for image in images},
        "counts": {group: groups[group] for group in GROUPS},
        "prevalence": round(groups[MITOSIS] / max(1, len(at_first_size)), 4),
        "left_out": {reason: count for reason, count in sorted(left_out.items()) if count},
        "broken_images": broken,
        "patches": rows,
    }


def load_patches(
    folder: Path, size_px: int, part: str | None = None, groups: tuple[str, ...] = GROUPS
) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """Patches of one size: windows uint8 (n, px, px, 3) RGB, labels int64 (n,), 1 for mitosis, and their rows.

    `part` None takes all parts. Raises SplitRefused for a manifest that was changed, DatasetRefused where there is no
    such patch or one is not what the manifest says.
    """
    document = read_hashed(folder / MANIFEST, FORMAT)
    rows = [
        row
        for row in document["patches"]
        if row["size_px"] == size_px and row["group"] in groups and part in (None, row["part"])
    ]
    if not rows:
        raise DatasetRefused(f"{folder.name} has no patches of {size_px} px" + (f" in part {part}." if part else "."))
    windows = np.empty((len(rows), size_px, size_px, 3), np.uint8)
    for window, row in zip(windows, rows, strict=True):
        window[:] = read_rgb(folder / row["file"])
        if hashlib.sha256(window.tobytes()).hexdigest() != row["pixels_sha256"]:
            raise DatasetRefused(f"{row['file']} is not the patch that the manifest names; cut the patches again.")
    return windows, np.array([row["label"] for row in rows], np.int64), rows
