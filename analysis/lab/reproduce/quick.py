"""The same chain on a few real frames and crops with tiny budgets: whether it runs, not how good the model is."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from analysis.lab.datasets import crops, mitos12a, tissue
from analysis.lab.datasets.mitos14 import read_rgb
from analysis.lab.finder.training import FinderConfig
from analysis.lab.reproduce.plan import Fold, Plan
from analysis.lab.train import Stage, TrainConfig
from analysis.pipeline.atomic_files import write_atomically

SLIDES = ("H14", "H15")
FRAMES_PER_SLIDE = 2
CROPS = 40
# The teaching sheet's crops come first in MIDOG++ and are left out when crops are loaded.
SKIPPED_CROPS = 60
STEPS = 4
# A finder of four steps puts nothing above a threshold worth the name: each slide gives its highest peaks.
NO_PEAK = 100.0
PEAKS_PER_MM2 = 3000.0
# A piece of a frame with labels of both classes: 116 µm.
PIECE_PX = 512
# Each further scanner or hospital is a source of its own, whose stain is fitted in every run.
SOURCES = ("Aperio CS2", "UMC Utrecht")
TILES = 1
LEFT_OUT = "A02"


def quick_plan(plan: Plan) -> Plan:
    """The plan with two folds of one slide each, a few steps everywhere and one patch size."""
    folds = []
    with_slide = [fold for slide in SLIDES for fold in plan.folds if slide in fold.slides]
    for fold, slide in zip(with_slide, SLIDES, strict=True):
        others = tuple(name for name in SLIDES if name != slide)
        finder = replace(_small_finder(plan.finder), name=f"finder-{slide.lower()}", slides=others)
        hybrid = replace(_trained_on(_small_hybrid(fold.hybrid), others, finder.name), name=f"fold-{slide.lower()}")
        folds.append(Fold(hybrid, finder, (slide,)))
    return replace(
        plan,
        name="quick",
        base=replace(_small_hybrid(plan.base), mine_at=(2,)),
        final=_trained_on(_small_hybrid(plan.final), SLIDES, plan.finder.name),
        finder=replace(_small_finder(plan.finder), slides=SLIDES),
        use=replace(plan.use, threshold=NO_PEAK, least_per_mm2=PEAKS_PER_MM2, scored_per_mm2=PEAKS_PER_MM2),
        folds=tuple(folds),
        patch_sizes_px=(100,),
        normaliser_slides=1,
        systems_minutes=0.0,
        scanner=Fold(
            replace(folds[0].hybrid, name="scanner", finder="finder-scanner" if plan.final.finder else ""),
            replace(folds[0].finder, name="finder-scanner"),
            (LEFT_OUT,),
        ),
        least_fit=0.0,
        colour_changes=2,
    )


def _trained_on(config: TrainConfig, slides: tuple[str, ...], finder: str) -> TrainConfig:
    return replace(config, slides=slides, finder=finder if config.finder else "")


def _small_hybrid(config: TrainConfig) -> TrainConfig:
    stages = tuple(Stage(stage.px, STEPS if stage is config.stages[0] else 1) for stage in config.stages)
    return replace(config, stages=stages, batch=8, warmup_steps=1, checkpoint_every=STEPS, mine_at=())


def _small_finder(config: FinderConfig) -> FinderConfig:
    return replace(config, steps=STEPS, batch=4, warmup_steps=1, checkpoint_every=STEPS)


def make_small_data(data: Path, folder: Path) -> Path:
    """A data folder with pieces of a few frames and links to a few crops, and their labels. Returns it."""
    _cut_frames(data / "mitos14", folder / "mitos14")
    _cut_aperio_frame(mitos12a.labels_file(data), mitos12a.labels_file(folder))
    for name, layout in crops.LAYOUTS.items():
        rows = [
            row for row in read_csv(crops.labels_file(data, name)) if row.get(layout.source) in (None, "", *SOURCES)
        ]
        rows.sort(key=lambda row: row[layout.column])
        # The skipped ones stay in front, or loading would skip others in their place.
        skipped = SKIPPED_CROPS if name == crops.MIDOGPP else 0
        rest = rows[skipped:]
        rows = rows[:skipped] + rest[:: max(1, len(rest) // CROPS)][:CROPS]
        link_images(data, folder, crops.labels_file(data, name), layout.images, layout.column, rows)
    for name in tissue.FOLDERS:
        tiles = [tile.path.name for half in tissue.HALVES for tile in tissue.tiles_of(data, name, half)[:TILES]]
        rows = [row for row in read_csv(tissue.frames_file(data, name)) if row["image"] in tiles]
        link_images(data, folder, tissue.frames_file(data, name), "images", "image", rows)
    _link_file(data / "formats", folder / "formats")
    return folder


def link_images(data: Path, folder: Path, table: Path, images: str, column: str, rows: list[dict]) -> None:
    """Some rows of a table of images, and links to those images, in the same places of another folder."""
    at = table.parent.relative_to(data)
    (folder / at / images).mkdir(parents=True, exist_ok=True)
    for row in rows:
        _link_file(table.parent / images / row[column], folder / at / images / row[column])
    _write_csv(folder / at / table.name, rows)


def _cut_frames(data: Path, folder: Path) -> None:
    """A piece of the first frames of each slide that show both classes near each other."""
    (folder / "frames").mkdir(parents=True, exist_ok=True)
    by_frame: dict[str, list[dict]] = {}
    for row in read_csv(data / "annotations.csv"):
        by_frame.setdefault(row["frame"], []).append(row)
    kept, taken = [], dict.fromkeys(SLIDES, 0)
    for frame, rows in sorted(by_frame.items()):
        slide = rows[0]["slide"]
        if taken.get(slide, FRAMES_PER_SLIDE) >= FRAMES_PER_SLIDE:
            continue
        image = cv2.cvtColor(read_rgb(data / "frames" / frame), cv2.COLOR_RGB2BGR)
        x, y, inside = _best_piece(rows, image.shape[1], image.shape[0])
        if len({row["label"] for row in inside}) < 2:
            continue
        piece = image[y : y + PIECE_PX, x : x + PIECE_PX]
        cv2.imwrite(str(folder / "frames" / frame), piece, [cv2.IMWRITE_JPEG_QUALITY, 90])
        kept += [row | {"x": str(float(row["x"]) - x), "y": str(float(row["y"]) - y)} for row in inside]
        taken[slide] += 1
    _write_csv(folder / "annotations.csv", kept)


def _cut_aperio_frame(labels: Path, small: Path) -> None:
    """A piece about the first mitosis of the scanner that the chain leaves out."""
    mitoses = [row for row in read_csv(labels) if row["label"] == "mitosis"]
    first = next(row for row in mitoses if mitos12a.slide_of(row["image"]) == LEFT_OUT)
    image = cv2.cvtColor(read_rgb(labels.parent / "images" / first["image"]), cv2.COLOR_RGB2BGR)
    x, y = (int(np.clip(float(first[key]) - PIECE_PX / 2, 0, image.shape[0] - PIECE_PX)) for key in ("x", "y"))
    (small.parent / "images").mkdir(parents=True, exist_ok=True)
    piece = image[y : y + PIECE_PX, x : x + PIECE_PX]
    cv2.imwrite(str(small.parent / "images" / first["image"]), piece, [cv2.IMWRITE_JPEG_QUALITY, 90])
    moved = first | {"x": str(float(first["x"]) - x), "y": str(float(first["y"]) - y)}
    _write_csv(small, [moved])


def _best_piece(rows: list[dict], width: int, height: int) -> tuple[int, int, list[dict]]:
    """The left and upper edge of the piece about a mitosis that holds most labels of the rarer class, and its rows."""
    best: tuple[int, int, list[dict]] = 0, 0, []
    for row in rows:
        if row["label"] != "mitosis":
            continue
        x = int(np.clip(float(row["x"]) - PIECE_PX / 2, 0, width - PIECE_PX))
        y = int(np.clip(float(row["y"]) - PIECE_PX / 2, 0, height - PIECE_PX))
        inside = [r for r in rows if x < float(r["x"]) < x + PIECE_PX and y < float(r["y"]) < y + PIECE_PX]
        best = max(best, (x, y, inside), key=lambda found: _rarer_count(found[2]))
    return best


def _rarer_count(rows: list[dict]) -> int:
    mitoses = sum(row["label"] == "mitosis" for row in rows)
    return min(mitoses, len(rows) - mitoses)


def read_csv(path: Path) -> list[dict]:
    """The rows of a table with a head."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write_csv(path: Path, rows: list[dict]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def _link_file(source: Path, target: Path) -> None:
    if not target.exists():
        target.symlink_to(source.resolve())
