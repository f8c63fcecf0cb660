"""The sheet that is in the repository."""

import numpy as np
import pytest

from slides.demo.builder import teaching_sheet_slide
from slides.demo.pyramid import Truth
from slides.demo.teaching_sheet import CROP_PX, CROPS, GROUND, SHEET, TRUTH, build_sheet, is_padded, sheet_crops
from slides.wsi.check import check_slide
from slides.wsi.reader import open_slide

NUCLEUS_PX = 20


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth.read(TRUTH)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    with open_slide(SHEET) as reader:
        return reader.read(0, 0, reader.info.width, reader.info.height, 1)


def around(pixels: np.ndarray, x: float, y: float, side: int) -> np.ndarray:
    half = side // 2
    return pixels[int(y) - half : int(y) + half, int(x) - half : int(x) + half]


def test_it_is_small_and_a_slide():
    assert SHEET.stat().st_size <= 2_000_000
    info = check_slide([SHEET], ".tiff")
    assert (info.mpp_x, info.mpp_y) == (pytest.approx(0.25), pytest.approx(0.25))
    assert len(info.levels) >= 2


def test_it_holds_sixty_different_figures(truth, pixels):
    assert len(truth.points) == CROPS == 60
    assert {point.label for point in truth.points} == {"mitosis"}
    assert len({point.crop for point in truth.points}) == 60
    assert pixels.shape == (truth.height, truth.width, 3)


def test_points_lie_on_dark_chromatin(truth, pixels):
    """Or between its plates, in a late figure: then what lies just beside is dark."""
    darker = 0
    for point in truth.points:
        crop = around(pixels, point.x_l0, point.y_l0, CROP_PX).mean(axis=2)
        figure = around(pixels, point.x_l0, point.y_l0, NUCLEUS_PX).mean(axis=2)
        darker += np.percentile(figure, 25) < np.percentile(crop, 25)
        assert around(pixels, point.x_l0, point.y_l0, 2 * NUCLEUS_PX).mean(axis=2).min() < 90, point.crop
    assert darker >= 50


def test_it_reads_as_a_sheet_of_cut_outs(truth, pixels):
    """Light ground between and around the crops, no black padding in them."""
    covered = np.zeros(pixels.shape[:2], bool)
    for point in truth.points:
        around(covered, point.x_l0, point.y_l0, CROP_PX)[:] = True
        assert not is_padded(around(pixels, point.x_l0, point.y_l0, CROP_PX))
    assert covered.sum() == CROPS * CROP_PX**2
    assert abs(np.median(pixels[~covered]) - GROUND) <= 1


def test_it_is_named_for_what_it_is():
    slide = teaching_sheet_slide()
    assert not slide.is_tissue
    assert slide.label == "Teaching sheet: 60 labelled mitoses"
    assert len(slide.label) <= 60
    assert "cut-out figures and no tissue slide" in slide.note and "per mm²" in slide.note


def test_its_source_and_licence_lie_beside_it():
    text = SHEET.with_name("teaching_sheet.ATTRIBUTION.txt").read_text()
    assert "CC0" in text
    assert "MIDOG++" in text
    assert "10.1038/s41597-023-02327-4" in text


@pytest.mark.needs_data
def test_the_script_makes_the_same_sheet_again(data_dir, truth, pixels):
    drawn, again = build_sheet(data_dir / "midogpp")
    assert again == truth
    assert [point.crop for point in truth.points] == sheet_crops(data_dir / "midogpp")
    assert np.abs(drawn.astype(int) - pixels).mean() < 3
