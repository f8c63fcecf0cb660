"""What is measured on pictures, without a network."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from analysis.pipeline.cards.uncalibrated import uncalibrated_card
from analysis.pipeline.ood import measures
from analysis.pipeline.ood.features import Gaussian
from analysis.pipeline.ood.jpeg import quality_of
from analysis.pipeline.ood.sample import Sample, sample_of
from analysis.pipeline.plan import Settings, plan_work
from tests.pipeline.makers import as_slide, planted_tissue

CELLS = [(x + 7 * (y % 3), y) for x in range(40, 1200, 90) for y in range(40, 1000, 80)]


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return planted_tissue(1200, 1000, CELLS)


def sample(picture: np.ndarray, tmp_path, **how) -> Sample:
    with as_slide(picture, tmp_path) as reader:
        settings = Settings(0.25, 0.25, **how)
        return sample_of(reader, settings, plan_work(reader, settings, uncalibrated_card("hybrid", "relu6")))


def test_the_sample_is_pieces_of_tissue_at_half_a_micrometre(picture, tmp_path):
    taken = sample(picture, tmp_path)
    assert 4 <= len(taken.pieces) <= 24
    assert all(piece.shape == (256, 256, 3) for piece in taken.pieces)
    assert taken.thumbnail.shape[:2] == taken.tissue.shape == (31, 37)


def test_the_sample_of_a_region_comes_from_the_region(picture, tmp_path):
    half = picture.copy()
    half[:, 600:] = 242
    right = [[(700, 0), (1200, 0), (1200, 1000), (700, 1000)]]
    assert sample(half, tmp_path, region_l0=right).pieces == []
    assert not sample(half, tmp_path).tissue[:, 22:].any()


def test_a_slide_smaller_than_a_piece_is_looked_at_whole(tmp_path):
    (piece,) = sample(planted_tissue(300, 200, [(100, 100), (200, 120)]), tmp_path).pieces
    assert piece.shape == (100, 150, 3)


def test_blur_lowers_sharpness(picture):
    blurred = cv2.GaussianBlur(picture, (0, 0), 4)
    sharp, soft = measures.sharpness_of([picture, blurred])
    assert soft < 0.2 * sharp


def thumbnail(background: tuple[int, int, int], share: float) -> Sample:
    cells = planted_tissue(100, 100, [])
    cells[: int(100 * share)] = background
    return Sample(cells, np.indices((100, 100))[0] >= 100 * share, [])


def test_glass_is_found_where_there_is_some_and_its_tint_measured():
    found = measures.of_thumbnail(thumbnail((240, 238, 236), 0.4))
    assert (found["glass_level"], found["glass_tint"]) == (238, 4)
    found = measures.of_thumbnail(thumbnail((230, 228, 190), 0.4))
    assert (found["glass_level"], found["glass_tint"]) == (216, 40)
    assert measures.of_thumbnail(thumbnail((240, 240, 240), 0.0))["glass_level"] is None


def test_ink_is_not_the_stain():
    sheet = thumbnail((240, 240, 240), 0.2)
    assert measures.of_thumbnail(sheet)["foreign_share"] == 0
    sheet.thumbnail[50:, :50] = (40, 160, 60)
    assert measures.of_thumbnail(sheet)["foreign_share"] == pytest.approx(0.5 * 0.5 / 0.8, abs=0.01)


def test_brown_is_not_haematoxylin_and_eosin(picture):
    assert measures.of_pieces([picture])["he_share"] > 0.99
    brown = picture[..., [0, 2, 1]] // np.array([1, 1, 2], np.uint8)
    assert measures.of_pieces([brown])["he_share"] < 0.1


def test_one_colour_has_no_two_stains(picture):
    assert measures.stains_of([np.full((300, 300, 3), (200, 120, 180), np.uint8)]) is None
    assert measures.stains_of([np.full((300, 300, 3), 128, np.uint8)]) is None


@pytest.mark.parametrize("quality", [20, 50, 75, 93])
def test_jpeg_quality_is_read_from_files_that_say_it(tmp_path, picture, quality):
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=quality)
    assert quality_of(tmp_path / "a.jpg") == pytest.approx(quality, abs=1.5)
    tifffile.imwrite(
        tmp_path / "a.tif", picture, tile=(256, 256), compression="jpeg", compressionargs={"level": quality}
    )
    said = quality_of(tmp_path / "a.tif")
    assert said is None or said == pytest.approx(quality, abs=1.5)


def test_jpeg_quality_is_not_made_up(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    whole = io.BytesIO()
    Image.fromarray(picture).save(whole, "jpeg")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:30])
    (tmp_path / "broken.tif").write_bytes(b"II*\x00" + bytes(20))
    assert [quality_of(tmp_path / name) for name in ("a.png", "cut.jpg", "broken.tif")] == [None, None, None]


def test_distances_are_mahalanobis_where_all_axes_are_kept():
    rng = np.random.default_rng(3)
    seen = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6)) + 5
    fitted = Gaussian.fitted(seen, axes=6)
    off = seen[:50] - seen.mean(axis=0)
    whole = np.sqrt(np.einsum("ni,ij,nj->n", off, np.linalg.inv(np.cov(seen.T)), off))
    assert np.allclose(fitted.distance(seen[:50]), whole)


def test_what_lies_off_the_kept_axes_is_far_too():
    rng = np.random.default_rng(4)
    seen = np.zeros((2000, 20))
    seen[:, :4] = rng.normal(size=(2000, 4)) * 10
    seen += rng.normal(size=seen.shape) * 0.1
    fitted = Gaussian.fitted(seen, axes=4)
    odd = seen[:1] + 3 * np.eye(20)[12]
    assert fitted.distance(odd)[0] > 3 * fitted.distance(seen).max()
