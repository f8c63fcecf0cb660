"""A black surround is no tissue: the pipeline sees what it would see in a white one."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from analysis.pipeline.ood import check_slide
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.pipeline.surround import whiten_surround
from slides.wsi.reader import open_slide
from tests.pipeline.makers import planted_tissue

MPP = 0.25
CELLS = [(x, y) for x in range(120, 1200, 150) for y in range(120, 840, 130)]
GLASS_PX = 160
NUMBER = re.compile(r"\d+")


def scan(ground: int, glass_px: int) -> np.ndarray:
    """Tissue, with glass around it or none, in a wide ground of one grey: uint8 (1600, 2200, 3)."""
    picture = np.full((1600, 2200, 3), ground, np.uint8)
    field = cv2.copyMakeBorder(
        planted_tissue(1200, 840, CELLS), *(glass_px,) * 4, borderType=cv2.BORDER_CONSTANT, value=(243, 243, 243)
    )
    height, width = field.shape[:2]
    picture[230 : 230 + height, 300 : 300 + width] = field
    return picture


def seen(folder, model, ground, glass_px, suffix):
    """(tissue in mm², boxes of the tiles, places of candidates, nuclei of the sample, the slide check)."""
    path = folder / f"{ground}{suffix}"
    Image.fromarray(scan(ground, glass_px)).save(path, quality=80)
    settings = Settings(MPP, MPP, mode="haematoxylin")
    with open_slide(path) as reader:
        work = plan_work(reader, settings, model.card)
        detector = Detector(model, settings, device="cpu")
        found = [detector.propose_candidates(reader, work, tile) for tile in work.tiles]
        places = np.concatenate([each.points_px[each.is_core] for each in found])
        return work.area_mm2, work.tiles, places, check_slide(reader, settings, work)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("glass_px", [GLASS_PX, 0])
def test_a_black_surround_is_seen_as_a_white_one_is(suffix, glass_px, model, tmp_path):
    (black_mm2, black_tiles, black, of_black), (white_mm2, white_tiles, white, of_white) = (
        seen(tmp_path, model, ground, glass_px, suffix) for ground in (0, 255)
    )
    assert black_mm2 == pytest.approx(white_mm2, rel=0.02)
    assert black_tiles == white_tiles
    assert abs(len(black) - len(white)) <= 0.02 * len(white)
    apart = np.linalg.norm(black[:, None] - white[None], axis=2).min(axis=1)
    assert (apart <= 2).mean() > 0.98
    assert of_black.grade == of_white.grade
    assert [NUMBER.sub("", reason) for reason in of_black.reasons] == [
        NUMBER.sub("", reason) for reason in of_white.reasons
    ]


@pytest.mark.parametrize("mpp", [0.25, 1.0, 8.0])
def test_wide_black_is_white_and_its_edge_runs_into_white(mpp):
    tissue = (slice(40, 120), slice(60, 150))
    pictures = {}
    for ground in (4, 255):
        pictures[ground] = np.full((200, 240, 3), ground, np.uint8)
        pictures[ground][tissue] = (225, 165, 200)
        pictures[ground] = cv2.GaussianBlur(pictures[ground], (0, 0), 0.6)
    apart = np.abs(whiten_surround(pictures[4], mpp).astype(int) - pictures[255])
    assert apart.max() <= 40
    assert apart.mean() < 1


def test_a_black_nucleus_and_a_picture_without_black_stay_as_they_are():
    picture = np.full((200, 200, 3), (225, 165, 200), np.uint8)
    assert whiten_surround(picture, MPP) is picture
    cv2.circle(picture, (100, 100), 40, (10, 5, 12), -1)  # 20 µm across
    assert np.array_equal(whiten_surround(picture, MPP), picture)


def test_a_piece_that_is_black_throughout_is_white():
    assert (whiten_surround(np.zeros((64, 80, 3), np.uint8), MPP) == 255).all()
