"""What the tile benchmark asks for: three slides, their tiles in two classes, and a viewer's way over a slide."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile

from benchmarks import bench_tiles_way
from slides.demo import cmu, frames
from slides.wsi.deepzoom import DeepZoom

GENERATED_PX, TILE_PX, STRIP_PX = 20_000, 256, 1024
APERIO = "Aperio Image Library v12.0.15\r\n{w}x{h} [0,0 {w}x{h}] (256x256) JPEG/RGB Q=80|AppMag = 40|MPP = 0.25"
FINEST_LEVELS = 5  # the classes of tiles are taken from the finest levels; coarser ones are a handful of tiles


@dataclasses.dataclass(frozen=True)
class Grid:
    """How a server cuts the slide. form: its address of a tile, with {level}, {column} and {row}."""

    zoom: DeepZoom
    form: str

    def tile_path(self, level: int, column: int, row: int) -> str:
        """The address of a tile."""
        return self.form.format(level=level, column=column, row=row)

    def list_tiles(self) -> Iterator[tuple[int, int, int]]:
        """(level, column, row) of every tile of the finest levels."""
        for level in range(max(0, len(self.zoom.levels) - FINEST_LEVELS), len(self.zoom.levels)):
            columns, rows = self.zoom.tiles(level)
            yield from ((level, column, row) for row in range(rows) for column in range(columns))

    def find_tile(self, x_l0: float, y_l0: float, level: int) -> tuple[int, int, int]:
        """The tile of a level that shows a point."""
        step = self.zoom.tile_size * 2 ** (len(self.zoom.levels) - 1 - level)
        columns, rows = self.zoom.tiles(level)
        return level, min(columns - 1, int(x_l0 // step)), min(rows - 1, int(y_l0 // step))

    def replay_way(self, x_shift: float = 0.0, y_shift: float = 0.0) -> list[tuple[float, list[str]]]:
        """(second, tiles that are new on the screen) along the recorded way; a viewer keeps what it had."""
        return [
            (second, self._tile_paths(tiles))
            for second, tiles in bench_tiles_way.replay_way(self.zoom, x_shift, y_shift)
        ]

    def list_looks(self) -> list[list[str]]:
        """The tiles of that way, by the views that the reader stopped at."""
        return [self._tile_paths(tiles) for tiles in bench_tiles_way.group_looks(bench_tiles_way.replay_way(self.zoom))]

    def _tile_paths(self, tiles: list[tuple[int, int, int]]) -> list[str]:
        return [self.tile_path(*tile) for tile in tiles]


def gather_slides(folder: Path, data_dir: Path) -> dict[str, Path]:
    """CMU-1-Small-Region, H05_03 and the generated slide, those that can be had, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"CMU-1-Small-Region": cmu.fetch_cmu(folder)}
    field = frames.field_slide(data_dir / "mitos14")
    if field is not None:
        found["H05_03"] = frames.build_joined(field, data_dir / "mitos14", folder)[0]
    found["generated_20000"] = make_generated_slide(folder)
    return {name: path for name, path in found.items() if path is not None}


def make_generated_slide(folder: Path) -> Path:
    """The generated slide in `folder`, made where it is not there yet."""
    path = folder / "generated_20000.svs"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_generated(path)
    return path


def write_generated(path: Path) -> None:
    """A slide as an Aperio scanner lays it out: 20,000 px square, JPEG tiles of 256 px, levels at 1, 4 and 16."""
    part = path.with_name(f".{path.name}")
    texture = draw_tissue(5000)
    with tifffile.TiffWriter(part, bigtiff=True) as tiff:
        for factor in (1, 4, 16):
            side = GENERATED_PX // factor
            level = cv2.resize(texture, (5000 // factor,) * 2, interpolation=cv2.INTER_AREA)
            tiff.write(
                cut_tiles(level, side), shape=(side, side, 3), dtype=np.uint8, tile=(TILE_PX, TILE_PX),
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


def cut_tiles(texture: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """The tiles of a level made of this texture over and over."""
    for top in range(0, side, TILE_PX):
        rows = np.arange(top, top + TILE_PX) % len(texture)
        strip = texture[rows]
        for left in range(0, side, TILE_PX):
            yield strip[:, np.arange(left, left + TILE_PX) % len(texture)]


def draw_tissue(side: int) -> np.ndarray:
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


def shuffle_tiles(tiles: list) -> list:
    """In an order of chance that is always the same."""
    random.Random(0).shuffle(tiles)
    return tiles
