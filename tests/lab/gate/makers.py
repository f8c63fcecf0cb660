"""Locked sets small enough to count by hand, and what two made-up versions find in them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.lab.evaluate import FrameScores
from analysis.lab.gate.found import CHANGES, Found, judged
from analysis.lab.gate.locked_set_folder import LockedFrame, LockedSet, hash_of_frames
from analysis.lab.systems.measuring import Cost

SIDE_PX = 2000
SIDE_UM = SIDE_PX / 4
# 40 µm apart, so that none is taken for another.
GRID_UM = np.array([(x, y) for y in range(20, 500, 40) for x in range(20, 500, 40)], float)
CALLED, DOUBTED = 3.0, -2.0


def points(*places) -> np.ndarray:
    return np.array(places, float).reshape(-1, 2)


def picture(seed: int = 0, width: int = 320, height: int = 240) -> np.ndarray:
    """Noise: no two seeds give the same pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def locked_frame(case="a", slide="a1", mitoses=(), others=(), disputed=(), **more) -> LockedFrame:
    given = {"scanner": "S360", "tumour": "breast", "area_mm2": 320 * 240 * 0.25**2 * 1e-6} | more
    places = {"mitoses_px": points(*mitoses), "others_px": points(*others), "disputed_px": points(*disputed)}
    return LockedFrame(case, slide, **places, **given)


def whole_set(cases: int = 6, mitoses=15, rich: int = 2, poor: int = 2, **more) -> LockedSet:
    """A set of `cases` of one slide each, with so many frames that hold `mitoses` (a number, or of a case's number) and
    that hold none; no picture. Every second case is of another scanner, and its frames lie side by side on a slide
    whose pixels are not square.
    """
    frames = []
    for number in range(cases):
        held = mitoses(number) if callable(mitoses) else mitoses
        for at in range(rich + poor):
            frames.append(
                LockedFrame(
                    f"case{number}",
                    f"slide{number}",
                    "CS2" if number % 2 else "S360",
                    "breast",
                    GRID_UM[: held if at < rich else 0] * 4,
                    *(points(), points(), SIDE_UM**2 * 1e-6),
                    corner_l0=(1000.0 + at * SIDE_PX, 500.0) if number % 2 else None,
                    step_l0=(1.0, 1.25) if number % 2 else None,
                    file=f"frames/{len(frames) + 1:04}.png",
                    size_px=(SIDE_PX, SIDE_PX),
                )
            )
    frames = [replace(frame, **more) for frame in frames]
    return LockedSet(Path("locked"), hash_of_frames(frames), tuple(frames))


def found_in_frame(frame: LockedFrame, missed: int = 0, false: int = 1, proposed: int | None = None, **more):
    """A version's detections: all mitoses but the last `missed` called, so many false ones, the rest doubted."""
    mitoses = frame.mitoses_px / 4
    spare = GRID_UM[::-1][: false + 8]
    margins = np.full(len(mitoses) + len(spare), CALLED)
    margins[len(mitoses) - missed : len(mitoses)] = DOUBTED
    margins[len(mitoses) + false :] = DOUBTED
    places = np.concatenate([mitoses, spare])
    none = np.zeros(0)
    scores = FrameScores(
        *(frame.file, frame.slide, (SIDE_UM, SIDE_UM), mitoses),
        *(places if proposed is None else places[:proposed], places, margins, none, none, none),
    )
    return judged(replace(scores, **more), frame)


def version(
    locked: LockedSet, name: str = "new", changed: dict | None = None, cost: Cost | None = None, **how
) -> Found:
    """What a version finds: `how` as of `found_in_frame`, or a function of a frame that gives it."""
    frames = [found_in_frame(frame, **_of(how, frame)) for frame in locked.frames]
    others = {
        key: [found_in_frame(frame, **_of((changed or {}).get(key, how), frame)) for frame in locked.frames]
        for key in CHANGES
    }
    return Found(name, f"sha of {name}", 3_000_000, 0.5, frames, others, cost or Cost(2.0, 30.0, "cpu"))


def _of(how: dict, frame: LockedFrame) -> dict:
    told = {key: value(frame) if callable(value) else value for key, value in how.items()}
    held = len(frame.mitoses_px)
    return told | {"missed": min(told.get("missed", 0), held)}
