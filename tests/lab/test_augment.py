import numpy as np
import pytest

from analysis.lab import augment
from analysis.pipeline import stain
from tests.pipeline.makers import planted_tissue

RNG = np.random.default_rng


@pytest.fixture
def tissue() -> np.ndarray:
    return planted_tissue(200, 200, [(60.0, 60.0), (140.0, 120.0)])


PATCH = RNG(0).integers(60, 240, (64, 64, 3)).astype(np.uint8)


def test_a_plain_cut_is_the_windows_own_pixels():
    image = RNG(1).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    assert np.array_equal(augment.cut_window(image, 120, 80, 64), image[48:112, 88:152])


def test_a_flipped_and_turned_cut_keeps_its_centre():
    image = np.zeros((201, 201, 3), np.uint8)
    image[98:103, 98:103] = 255
    for pose in ({"angle": np.pi / 2}, {"angle": 1.0, "flip": True}, {"scale": 0.8, "angle": 4.0}):
        window = augment.cut_window(image, 100.5, 100.5, 65, **pose)
        ys, xs = np.nonzero(window[..., 0] > 127)
        assert (ys.mean(), xs.mean()) == pytest.approx((32, 32), abs=0.5)


def test_a_cut_beyond_the_image_is_mirrored():
    image = np.full((50, 50, 3), 90, np.uint8)
    assert (augment.cut_window(image, 2, 2, 64) == 90).all()


def test_stain_jitter_changes_colours_and_not_places():
    batch = np.stack([planted_tissue(64, 64, [(30, 30)])] * 4)
    out = augment.stain_jitter(batch, RNG(2))
    assert out.shape == batch.shape
    assert out.dtype == np.uint8
    assert len({patch.tobytes() for patch in out}) == 4
    for before, after in zip(batch, out, strict=True):
        assert np.corrcoef(after.mean(axis=2).ravel(), before.mean(axis=2).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("seed", range(12))
def test_degraded_and_edge_mirrored_windows_stay_windows(seed):
    for out in (augment.degrade_patch(PATCH, RNG(seed)), augment.mirror_edge(PATCH, RNG(seed))):
        assert out.shape == PATCH.shape
        assert out.dtype == np.uint8


def test_a_mirrored_edge_never_reaches_the_centre():
    marked = PATCH.copy()
    for seed in range(40):
        out = augment.mirror_edge(marked, RNG(seed))
        turns = [np.rot90(marked, k)[26:38, 26:38] for k in range(4)]
        assert any(np.array_equal(out[26:38, 26:38], turned) for turned in turns)


def test_density_and_back_is_the_same_picture():
    assert np.abs(stain.rgb_of_density(stain.optical_density(PATCH)).astype(int) - PATCH).max() <= 1


def test_a_blue_nucleus_has_more_haematoxylin_than_pink_stroma():
    picture = np.array([[(70, 35, 110), (225, 165, 200), (243, 243, 243)]], np.uint8)
    nucleus, stroma, glass = stain.haematoxylin(picture)[0]
    assert nucleus > 3 * stroma
    assert stroma >= glass


def test_the_papers_list_flips_and_changes_windows_and_no_more():
    outs = [augment.augment_as_paper(PATCH, RNG(seed)) for seed in range(60)]
    assert all(out.shape == PATCH.shape and out.dtype == np.uint8 for out in outs)
    flips = [PATCH[::a, ::b] for a in (1, -1) for b in (1, -1)]
    plain = [next((i for i, flip in enumerate(flips) if np.array_equal(out, flip)), None) for out in outs]
    assert None in plain
    assert set(plain) & {1, 2, 3}


def test_contrast_and_brightness_are_what_they_say():
    flat = augment.change_levels(PATCH, 1.0, 20)
    assert np.array_equal(flat, np.clip(PATCH.astype(int) + 20, 0, 255).astype(np.uint8))
    assert augment.change_levels(PATCH, 0.5, 0).std() == pytest.approx(PATCH.std() / 2, rel=0.05)


def test_stains_are_made_stronger_and_weaker_and_one_means_unchanged(tissue):
    assert np.abs(augment.change_stains(tissue, 1.0, 1.0).astype(int) - tissue).max() <= 1
    stronger, weaker = augment.change_stains(tissue, 1.3, 1.0), augment.change_stains(tissue, 0.7, 1.0)
    assert stain.haematoxylin(stronger).mean() > stain.haematoxylin(tissue).mean() > stain.haematoxylin(weaker).mean()


def test_hues_are_turned_and_grey_stays(tissue):
    turned = augment.turn_hues(tissue, 16)
    assert np.abs(turned.astype(int) - tissue).max() > 10
    grey = np.full((8, 8, 3), 120, np.uint8)
    assert np.array_equal(augment.turn_hues(grey, 16), grey)
