"""The stain profile: a linear map in optical density that brings a slide's colours to the reference."""

import numpy as np
import pytest

from slides.wsi.stain import REFERENCE, NoProfile, profile

HAEMATOXYLIN, EOSIN = REFERENCE.T
NOT_STAINED = {
    "empty glass": np.full((200, 200, 3), 245, np.uint8),
    "one stain": np.full((200, 200, 3), (214, 150, 190), np.uint8),
    "black": np.zeros((200, 200, 3), np.uint8),
    "green and red": np.where(np.arange(200)[None, :, None] < 100, (60, 200, 60), (200, 60, 60)).astype(np.uint8)
    * np.ones((200, 1, 1), np.uint8),
}


def slide_of(haematoxylin, eosin, glass=245.0, strength=1.0) -> np.ndarray:
    """(300, 300, 3) uint8: glass on the left, then eosin with a share of haematoxylin that differs everywhere."""
    draw = np.random.default_rng(1)
    amounts = np.stack([draw.uniform(0, 0.6, (300, 300)), draw.uniform(0.05, 0.5, (300, 300))], axis=-1)
    amounts *= draw.choice([0.02, 1], (300, 300, 2))
    amounts[:, :60] = 0
    density = strength * amounts @ np.array([haematoxylin, eosin])
    return np.clip(np.asarray(glass) * 10**-density, 0, 255).astype(np.uint8)


def mapped(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    density = -np.log10(np.maximum(rgb, 1) / 255)
    return 255 * 10 ** -(density @ matrix[:, :3].T + matrix[:, 3])


def test_two_slides_of_one_tissue_end_closer_than_they_were():
    plain = slide_of(HAEMATOXYLIN, EOSIN)
    other = slide_of([0.75, 0.55, 0.35], [0.20, 0.85, 0.48], strength=1.2)
    before = np.abs(plain.astype(float) - other).mean()
    after = np.abs(mapped(plain, profile(plain)) - mapped(other, profile(other))).mean()
    assert after < before / 2


def test_glass_becomes_the_references_glass():
    slide = slide_of(HAEMATOXYLIN, EOSIN, glass=[235.0, 230.0, 238.0])
    assert mapped(slide, profile(slide))[:, :60].mean((0, 1)) == pytest.approx([245] * 3, abs=3)


def test_how_much_a_stain_is_strengthened_is_bounded():
    faint = profile(slide_of(HAEMATOXYLIN, EOSIN, strength=0.3))
    assert np.linalg.svd(faint[:, :3])[1].max() < 4


@pytest.mark.parametrize("name", NOT_STAINED)
def test_what_is_not_stained_with_both_has_no_profile_and_says_why(name):
    with pytest.raises(NoProfile, match=r"\.$"):
        profile(NOT_STAINED[name])


def test_a_black_surround_does_not_change_the_profile():
    slide = slide_of(HAEMATOXYLIN, EOSIN)
    white, black = (np.pad(slide, ((200, 200), (200, 200), (0, 0)), constant_values=value) for value in (245, 0))
    assert np.abs(profile(black) - profile(white)).max() < 0.05
