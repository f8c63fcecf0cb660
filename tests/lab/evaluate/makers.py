"""Frames of made-up scores, small enough to count by hand, and slides of them."""

import numpy as np

from analysis.lab.evaluate import FrameScores

# 1 mm², so that counts are densities.
SIDE_UM = 1000.0


def frame(mitoses=(), points=(), margins=(), slide="H99", name="f.jpg", size_um=(300.0, 300.0), **more) -> FrameScores:
    """A frame with candidates where the points are; windows on one mitosis, one look-alike and one nucleus."""
    given = {"on_mitoses": [1.0], "on_look_alikes": [-1.0], "on_nuclei": [-1.0], "candidates": points} | more
    arrays = {key: as_array(key, value) for key, value in given.items()}
    return FrameScores(
        name, slide, size_um, mitoses=as_array("mitoses", mitoses), points=as_array("points", points),
        margins=np.array(margins, float), **arrays,
    )  # fmt: skip


def as_array(key: str, value):
    if isinstance(value, str | float | None):
        return value
    array = np.array(value, float)
    return array.reshape(-1, 2) if key in ("mitoses", "points", "candidates", "look_alikes") else array


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def row_of(count: int, y: float = 100.0) -> list[tuple[float, float]]:
    """Places that are too far from each other to be mistaken for one another."""
    return [(50.0 + 50 * i, y) for i in range(count)]


def slide_of_frames(slide: str, count: int, shift: float = 0.0, seed: int = 0) -> list[FrameScores]:
    """Frames of one slide whose mitoses mostly score high, all margins moved by `shift`. The same seed gives the same
    frames.
    """
    rng, made = np.random.default_rng(seed), []
    for number in range(count):
        points = np.array(row_of(15) + row_of(15, 300.0))
        is_mitosis = rng.random(30) < 0.2
        margins = rng.normal(np.where(is_mitosis, 1.5, -2.5), 1.5) + shift
        windows = {"on_mitoses": margins[is_mitosis], "on_nuclei": margins[~is_mitosis]}
        name = f"{slide}_{number:02}.jpg"
        made.append(
            frame(
                points[is_mitosis], points, margins, slide, name, (SIDE_UM, SIDE_UM / 2), **windows, scanner="Hamamatsu"
            )
        )
    return made
