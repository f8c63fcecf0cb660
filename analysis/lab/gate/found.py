"""What a version finds in the frames of a locked set: as they are, and changed as other laboratories would.

The detector runs as in `lab.evaluate`: whole frames, a slide's scores told from the nuclei of all its frames. What lies
outside the reviewed area counts neither way, nor does a detection where readers differ.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from analysis.lab import augment
from analysis.lab.calibrate import UNCALIBRATED
from analysis.lab.datasets import MODEL_MPP, nearest_distance
from analysis.lab.datasets.mitos14 import Frame, read_rgb
from analysis.lab.evaluate.frames import FrameScores, score_labelled
from analysis.lab.gate.locked_set_folder import LockedFrame, LockedSet
from analysis.lab.matching import RADIUS_UM
from analysis.lab.systems.measuring import Cost, counted_macs
from analysis.pipeline.cards.store import Model
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.score_level import PLAIN
from slides.wsi.reader import open_slide

BLUR_PX = 1.0
JPEG_QUALITY = 70
# In torch's float32, whose arithmetic can be counted, and which every version has.
COUNTED_ON = "cpu:float32"

Alteration = Callable[[np.ndarray, int], np.ndarray]
Tell = Callable[[str], object]


def _jitter_stains(rgb: np.ndarray, seed: int) -> np.ndarray:
    jittered: np.ndarray = augment.stain_jitter(rgb[None], np.random.default_rng(seed))[0]
    return jittered


# What is done to each frame, uint8 (h, w, 3) and its number → the same: as far as training goes, so none is unfair.
CHANGES: dict[str, Alteration] = {
    "stains stronger and weaker": _jitter_stains,
    "blur": lambda rgb, _: augment.blur_patch(rgb, BLUR_PX),
    "JPEG quality 70": lambda rgb, _: augment.recode_jpeg(rgb, JPEG_QUALITY),
}


@dataclass(frozen=True)
class Found:
    """What one version finds. frames: in the order of the locked set, their margins calibrated, `slide` being the case;
    threshold: of its calls, a probability; changed: the same frames by the name of their change; cost: None where it
    was not measured; repeats: whether a second look at a frame gave the very same.
    """

    name: str
    sha256: str
    parameters: int
    threshold: float
    frames: list[FrameScores]
    changed: dict[str, list[FrameScores]] = field(default_factory=dict)
    cost: Cost | None = None
    repeats: bool = True

    @property
    def probabilities(self) -> list[np.ndarray]:
        return probabilities_of(self.frames)

    @property
    def kept(self) -> list[np.ndarray]:
        """Which detections of each frame are calls: bool (n,) each."""
        return [probability >= self.threshold for probability in self.probabilities]


def probabilities_of(frames: Sequence[FrameScores]) -> list[np.ndarray]:
    """Of frames whose margins are calibrated."""
    return [UNCALIBRATED(frame.margins) for frame in frames]


def find_in(model: Model, locked: LockedSet, tell: Tell = lambda said: None) -> Found:
    """Runs a version over a locked set. `tell` hears what is being done. Raises PipelineRefused for a score that is no
    number.
    """
    busiest = max(locked.frames, key=lambda frame: len(frame.mitoses_px))
    tell(f"counting the arithmetic of {model.name}")
    gmac = _count_arithmetic(model, locked.path_of(busiest))
    tell(f"{model.name} over {len(locked.frames)} frames")
    started = perf_counter()
    frames = _score(model, locked, locked.folder)
    seconds = round((perf_counter() - started) / locked.area_mm2, 3)
    changed = {}
    for name, change in CHANGES.items():
        tell(f"{model.name} over the frames with {name}")
        with tempfile.TemporaryDirectory() as folder:
            _write_changed(locked, Path(folder), change)
            changed[name] = _score(model, locked, Path(folder))
    again = [_as_labelled(locked.folder, busiest)]
    looks = [score_labelled(model, again, model.card.normaliser, windows=False)[0] for _ in range(2)]
    return Found(
        *(model.name, model.sha256, model.card.parameters, model.card.threshold, frames, changed),
        cost=Cost(seconds, gmac, COUNTED_ON),
        repeats=all(np.array_equal(getattr(looks[0], part), getattr(looks[1], part)) for part in ("points", "margins")),
    )


def _count_arithmetic(model: Model, path: Path) -> float:
    """Billions of multiply-adds per mm² of tissue of one frame."""
    settings = Settings(MODEL_MPP, MODEL_MPP)
    with open_slide(path) as reader, counted_macs(model.network, model.finder) as macs:
        work = plan_work(reader, settings, model.card)
        detector = Detector(model, settings, COUNTED_ON, standard=PLAIN)
        deque(detector.detect_tiles(reader, work, work.tiles), maxlen=0)
        return round(macs() * 1e-9 / max(work.area_mm2, 1e-9), 2)


def _score(model: Model, locked: LockedSet, folder: Path) -> list[FrameScores]:
    labelled = [_as_labelled(folder, frame) for frame in locked.frames]
    scored = score_labelled(model, labelled, model.card.normaliser, windows=False)
    card = model.card
    calibrated = [replace(found, margins=found.margins / card.temperature + card.bias) for found in scored]
    return [judged(found, frame) for found, frame in zip(calibrated, locked.frames, strict=True)]


def _as_labelled(folder: Path, frame: LockedFrame) -> Frame:
    labels = frame.mitoses_px, frame.others_px
    return Frame(folder / frame.file, frame.slide, *labels, mpp=MODEL_MPP, scanner=frame.scanner)


def judged(found: FrameScores, frame: LockedFrame) -> FrameScores:
    """What was found, under the labels that count: without detections outside the reviewed area and without those where
    readers differ, unless they lie at an agreed mitosis. `slide` is the case then, which is what is drawn.
    """
    near_mitosis = nearest_distance(found.points, found.mitoses) <= RADIUS_UM
    disputed = nearest_distance(found.points, frame.disputed_px * MODEL_MPP) <= RADIUS_UM
    counts = near_mitosis | (frame.reviewed(found.points / MODEL_MPP) & ~disputed)
    return replace(
        found,
        slide=frame.case,
        scanner=frame.scanner,
        tumour=frame.tumour,
        points=found.points[counts],
        margins=found.margins[counts],
        labelled_mm2=frame.area_mm2,
    )


def _write_changed(locked: LockedSet, folder: Path, change: Alteration) -> None:
    (folder / "frames").mkdir()
    for number, frame in enumerate(locked.frames):
        rgb = change(read_rgb(locked.path_of(frame)), number)
        cv2.imwrite(str(folder / frame.file), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
