"""The newest shipped model on real pixels: what must hold whatever its figures are."""

import cv2
import numpy as np
import pytest

from analysis.lab.calibrate import Calibration
from analysis.lab.datasets import frames
from analysis.lab.datasets.mitos14 import TRAINING_SLIDES, labelled_frames, read_rgb
from analysis.pipeline.cards.store import list_models, load_model
from analysis.pipeline.engines import open_engine
from analysis.pipeline.patches import cut_patches
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide

SHIFT_PX = 37
MPP = 0.25


@pytest.fixture(scope="module")
def shipped():
    return load_model(list_models()[-1].path)


def analyse(picture: np.ndarray, model, folder, **settings) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) and probabilities (n,) of a picture at 0.25 µm/px."""
    path = folder / f"{picture.shape[1]}-{settings.get('tile_px', 0)}-{int(picture[0, 0, 0])}.png"
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with open_slide(path) as reader:
        how = Settings(MPP, MPP, **settings)
        work, detector = plan_work(reader, how, model.card), Detector(model, how, device="cpu:float32")
        found = [d for tile in work.tiles for d in detector.detect_tile(reader, work, tile).detections]
    return np.array([(d.x_l0, d.y_l0) for d in found]).reshape(-1, 2), np.array([d.probability for d in found])


def nearest(point: np.ndarray, points: np.ndarray) -> tuple[int, float]:
    away = np.hypot(*(points - point).T)
    return int(away.argmin()), float(away.min())


def margin(probability: float, card) -> float:
    """In logits, which a shift moves alike for sure and for doubtful ones."""
    return Calibration(card.temperature, card.bias).margin(probability)


# Trained at 64 px and used at 100, which is why versions are measured for it since.
OLDER = {"hybrid-0.1", "hybrid-0.2", "hybrid-0.4"}


def test_versions_call_the_mitoses_they_were_trained_on_at_their_own_window():
    for found in list_models():
        card = found.card
        if card.name not in OLDER:
            fit = card.training["own_mitoses"]
            assert fit["window_px"] == card.patch_px, card.name
            assert fit["above_0"] >= 0.9, card.name


@pytest.mark.needs_data
def test_the_shipped_version_calls_training_mitoses_in_the_frames_themselves(shipped, data_dir):
    """Not what its card noted, but pixels."""
    score, px, margins = open_engine(shipped, "cpu:float32").score, shipped.card.patch_px, []
    for slide in ("A01", "H04", "H07", "H15"):
        assert slide in shipped.card.training["trained_on"]
        for frame in frames.labelled_frames(data_dir, (slide,))[:6]:
            places_px = frame.mitoses * (frame.mpp / shipped.card.mpp)
            margins.append(score(cut_patches(frames.read_at_model_mpp(frame), places_px, px))[0])
    found = np.concatenate(margins)
    assert len(found) >= 40
    assert (found > 0).mean() >= 0.9


@pytest.fixture(scope="module")
def frame(data_dir):
    """The training frame with the most mitoses."""
    return read_rgb(max(labelled_frames(data_dir, TRAINING_SLIDES), key=lambda found: len(found.mitoses)).path)


@pytest.mark.needs_data
def test_a_slide_shifted_by_37_px_gives_the_same_mitoses_within_2_px(shipped, frame, tmp_path):
    side = 1200
    first, second = frame[:side, :side], frame[SHIFT_PX : SHIFT_PX + side, SHIFT_PX : SHIFT_PX + side]
    (one, chances), (two, others) = (analyse(picture, shipped, tmp_path) for picture in (first, second))
    sure = np.flatnonzero(chances >= shipped.card.threshold / 2)
    # Away from borders, where one picture shows what the other does not.
    inner = [i for i in sure if (one[i] > 150).all() and (one[i] < side - 150).all()]
    assert inner, "the frame holds nothing that the shipped model takes for a mitosis"
    for i in inner:
        at, away = nearest(one[i] - SHIFT_PX, two)
        assert away <= 2, f"the mitosis at {one[i]} moved by {away:.1f} px"
        moved = abs(margin(others[at], shipped.card) - margin(chances[i], shipped.card))
        assert moved <= 0.75, f"the score of the mitosis at {one[i]} moved by {moved:.2f} logits"


@pytest.mark.needs_data
def test_no_seam_shows_whatever_the_tiles_size(shipped, frame, tmp_path):
    picture = frame[:900, :900]
    # The same places are scored first either way: all tiles of so small a picture.
    (one, chances), (two, others) = (analyse(picture, shipped, tmp_path, tile_px=px) for px in (256, 1024))
    assert len(one) == len(two) > 0
    for point, chance in zip(one, chances, strict=True):
        at, away = nearest(point, two)
        assert away < 0.01
        assert others[at] == pytest.approx(chance, abs=1e-3)


@pytest.mark.needs_data
def test_the_first_stage_finds_the_labelled_mitoses_of_a_frame(shipped, data_dir, tmp_path):
    labelled = max(labelled_frames(data_dir, TRAINING_SLIDES), key=lambda found: len(found.mitoses))
    mpp = 0.2273
    with open_slide(labelled.path) as reader:
        settings = Settings(mpp, mpp)
        work, detector = plan_work(reader, settings, shipped.card), Detector(shipped, settings, device="cpu:float32")
        proposed = np.array(
            [place for tile in work.tiles for place in detector.detect_tile(reader, work, tile).candidates_l0]
        )
    missed = [point for point in labelled.mitoses if nearest(point, proposed)[1] * mpp > 7.5]
    assert len(missed) <= 0.1 * len(labelled.mitoses)
    assert len(proposed) / (1663 * 1485 * mpp**2 * 1e-6) < 1500
