"""How often the check warns where it should not, and where it should: each training slide against the others' limits.

The features come from a network that was trained on all of them, so its part looks a little better here than it is.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from analysis.lab import augment
from analysis.lab.datasets import frames as labelled
from analysis.lab.ood import fit
from analysis.pipeline.cards.store import Model
from analysis.pipeline.ood.check import Found, check_slide
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.rules import GRADES
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide

AS_IS = "as it is"
# What a check should notice, and the first that it should not.
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    AS_IS: lambda rgb: rgb,
    "out of focus, blurred by 4 px": partial(augment.blur_patch, sigma=4.0),
    "pale, stains at 0.4": partial(augment.change_stains, haematoxylin=0.4, eosin=0.4),
    "hues turned by 40 degrees": partial(augment.turn_hues, degrees=40),
    "JPEG quality 10": partial(augment.recode_jpeg, quality=10),
}


def ood_metrics(model: Model, data: Path, say: Callable[[str], object] = str) -> dict:
    """Grades of frames of each left-out training slide under each change: JSON-able."""
    names = labelled.TRAINING_SLIDES
    crops, units = (
        list(fit.crop_pieces(data)),
        {name: list(fit.frame_pieces(model.card, data, (name,))) for name in names},
    )
    frames = {name: fit.chosen_frames(data, fit.SCORED_FRAMES_PER_SLIDE, (name,)) for name in names}
    scored = {name: [fit.score_frame(frame, model) for frame in frames[name]] for name in names}
    of_crops = fit.join_features(fit.crop_features(model, data))
    grades: dict[str, Counter] = {change: Counter() for change in CHANGES}
    for left_out in names:
        others = labelled.of_other_glasses(names, left_out)
        features = fit.join_features({name: [found for _, found in scored[name]] for name in others}) | of_crops
        limits = (
            fit.slide_limits([unit for name in others for unit in units[name]] + crops, "the other slides"),
            fit.network_limits(model, [row for name in others for row, _ in scored[name]], features, "the others"),
        )
        for frame in frames[left_out]:
            for change, picture in CHANGES.items():
                grades[change][_grade_changed(model, frame, picture, limits)] += 1
        say(f"{left_out} graded against the others")
    return {
        "protocol": f"{sum(map(len, frames.values()))} frames of the training slides, each slide against limits "
        "fitted on the others; the network was trained on all",
        "grades": {change: {grade: found[grade] for grade in GRADES} for change, found in grades.items()},
    }


def _grade_changed(
    model: Model, frame: labelled.Frame, picture: Callable, limits: tuple[SlideLimits, NetworkLimits]
) -> str:
    settings = Settings(frame.mpp, frame.mpp, normaliser=model.card.normaliser)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "frame.png"
        cv2.imwrite(str(changed), cv2.cvtColor(picture(labelled.read_rgb(frame.path)), cv2.COLOR_RGB2BGR))
        with open_slide(changed) as reader:
            work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
            found = Found.of(list(detector.detect_tiles(reader, work, work.tiles)))
            return check_slide(reader, settings, work, detector, found, against=limits).grade
