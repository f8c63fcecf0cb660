"""What the tile benchmark asks for: three slides, their tiles in two classes, and a viewer's way over a slide."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile

from slides.demo import cmu, frames
from slides.wsi.deepzoom import DeepZoom

GENERATED_PX, TILE_PX, STRIP_PX = 20_000, 256, 1024
APERIO = "Aperio Image Library v12.0.15\r\n{w}x{h} [0,0 {w}x{h}] (256x256) JPEG/RGB Q=80|AppMag = 40|MPP = 0.25"
SCREEN_PX = (1600, 900)
FINEST_LEVELS = 5  # the classes of tiles are taken from the finest levels; coarser ones are a handful of tiles
# A viewer's way, in seconds, Deep Zoom levels above the finest, and centre as a share of the slide: overview, zoom in
# by the wheel, pan along the tissue at full resolution, out, over to another place, in, pan, out.
WAY = [
    (0.0, 4, 0.50, 0.50), (1.5, 3, 0.47, 0.44), (2.0, 2, 0.44, 0.40), (2.6, 1, 0.42, 0.38), (3.4, 0, 0.41, 0.36),
    (4.6, 0, 0.43, 0.36), (5.7, 0, 0.45, 0.36), (6.9, 0, 0.47, 0.37), (8.0, 0, 0.49, 0.38), (9.3, 0, 0.50, 0.40),
    (10.5, 0, 0.50, 0.42), (12.0, 1, 0.50, 0.42), (12.8, 2, 0.52, 0.47), (13.7, 1, 0.57, 0.55), (14.6, 0, 0.60, 0.58),
    (15.9, 0, 0.60, 0.60), (17.0, 0, 0.60, 0.62), (18.2, 0, 0.58, 0.63), (19.3, 0, 0.56, 0.63), (20.6, 1, 0.55, 0.62),
    (21.5, 3, 0.50, 0.50), (22.8, 1, 0.30, 0.65), (23.6, 0, 0.28, 0.66), (25.0, 0, 0.30, 0.66), (26.2, 0, 0.32, 0.67),
    (27.5, 2, 0.40, 0.60), (29.0, 4, 0.50, 0.50),
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Grid:
    """How a server cuts the slide. form: its address of a tile, with {level}, {column} and {row}."""

    zoom: DeepZoom
    form: str

    def path(self, level: int, column: int, row: int) -> str:
        """The address of a tile."""
        return self.form.format(level=level, column=column, row=row)

    def all(self) -> Iterator[tuple[int, int, int]]:
        """(level, column, row) of every tile of the finest levels."""
        for level in range(max(0, len(self.zoom.levels) - FINEST_LEVELS), len(self.zoom.levels)):
            columns, rows = self.zoom.tiles(level)
            yield from ((level, column, row) for row in range(rows) for column in range(columns))

    def at(self, x_l0: float, y_l0: float, level: int) -> tuple[int, int, int]:
        """The tile of a level that shows a point."""
        step = self.zoom.tile_size * 2 ** (len(self.zoom.levels) - 1 - level)
        columns, rows = self.zoom.tiles(level)
        return level, min(columns - 1, int(x_l0 // step)), min(rows - 1, int(y_l0 // step))

    def view(self, coarser: int, x_share: float, y_share: float) -> list[str]:
        """Addresses of the tiles that fill the screen."""
        level = max(0, len(self.zoom.levels) - 1 - coarser)
        width, height = self.zoom.levels[level]
        first = [max(0, int(share * side - screen / 2)) for share, side, screen in
                 ((x_share, width, SCREEN_PX[0]), (y_share, height, SCREEN_PX[1]))]  # fmt: skip
        last = [min(side, at + screen) - 1 for at, side, screen in zip(first, (width, height), SCREEN_PX, strict=True)]
        (left, top), (right, bottom) = first, last
        size = self.zoom.tile_size
        return [
            self.path(level, column, row)
            for row in range(top // size, bottom // size + 1)
            for column in range(left // size, right // size + 1)
        ]

    def way(self, x_shift: float = 0.0, y_shift: float = 0.0) -> list[tuple[float, list[str]]]:
        """(second, tiles that are new on the screen) along WAY; a browser keeps what it had."""
        seen: set[str] = set()
        steps = []
        for second, coarser, x_share, y_share in WAY:
            wanted = self.view(coarser, min(0.95, x_share + x_shift), min(0.95, y_share + y_shift))
            steps.append((second, [path for path in wanted if path not in seen]))
            seen.update(wanted)
        return steps


def the_slides(folder: Path, data_dir: Path) -> dict[str, Path]:
    """CMU-1-Small-Region, H05_03 and the generated slide, those that can be had, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"CMU-1-Small-Region": cmu.fetch_cmu(folder)}
    field = frames.field_slide(data_dir / "mitos14")
    if field is not None:
        found["H05_03"] = frames.build_joined(field, data_dir / "mitos14", folder)[0]
    generated = folder / "generated_20000.svs"
    if not generated.is_file():
        write_generated(generated)
    return {name: path for name, path in (found | {"generated_20000": generated}).items() if path is not None}


def write_generated(path: Path) -> None:
    """A slide as an Aperio scanner lays it out: 20,000 px square, JPEG tiles of 256 px, levels at 1, 4 and 16."""
    part = path.with_name(f".{path.name}")
    texture = tissue(5000)
    with tifffile.TiffWriter(part, bigtiff=True) as tiff:
        for factor in (1, 4, 16):
            side = GENERATED_PX // factor
            level = cv2.resize(texture, (5000 // factor,) * 2, interpolation=cv2.INTER_AREA)
            tiff.write(
                tiles_of(level, side), shape=(side, side, 3), dtype=np.uint8, tile=(TILE_PX, TILE_PX),
                photometric="rgb", compression="jpeg", compressionargs={"level": 80}, subsampling=(2, 2),
                description=APERIO.format(w=side, h=side), metadata=None, software=False, maxworkers=1,
            )  # fmt: skip
            if factor == 1:  # the second page is a thumbnail, by which readers know the format
                small = cv2.resize(texture, (768, 768), interpolation=cv2.INTER_AREA)
                tiff.write(
                    small, photometric="rgb", compression="jpeg", rowsperstrip=768, metadata=None, software=False,
                    description=APERIO.format(w=768, h=768),
                )  # fmt: skip
    part.replace(path)


def tiles_of(texture: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """The tiles of a level made of this texture over and over."""
    for top in range(0, side, TILE_PX):
        rows = np.arange(top, top + TILE_PX) % len(texture)
        strip = texture[rows]
        for left in range(0, side, TILE_PX):
            yield strip[:, np.arange(left, left + TILE_PX) % len(texture)]


def tissue(side: int) -> np.ndarray:
    """(side, side, 3) uint8: pink ground of several grains, dark nuclei."""
    draw = np.random.default_rng(0)
    grey = np.zeros((side, side), np.float32)
    for grain, weight in ((1, 6), (4, 14), (32, 18), (256, 20)):
        noise = draw.normal(size=(side // grain + 1,) * 2).astype(np.float32)
        grey += weight * cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    image = np.clip(np.array([214, 150, 190], np.float32) + grey[..., None] * (0.6, 1.0, 0.7), 0, 255).astype(np.uint8)
    for x, y, radius in zip(*draw.integers(0, side, (2, side)), draw.integers(8, 22, side), strict=True):
        cv2.circle(image, (int(x), int(y)), int(radius), (92, 52, 130), -1, cv2.LINE_AA)
    return image


def shuffled(tiles: list) -> list:
    """In an order of chance that is always the same."""
    random.Random(0).shuffle(tiles)
    return tiles
