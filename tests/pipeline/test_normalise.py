"""The contract every normaliser keeps, and what the two real ones are for."""

import numpy as np
import pytest

from analysis.pipeline.errors import NormaliserFailed, PipelineRefused
from analysis.pipeline.normalise import NORMALISERS, make_normaliser
from analysis.pipeline.normalise.reference import MACENKO_CONCENTRATION, MACENKO_STAINS, REINHARD_MEAN
from analysis.pipeline.normalise.reinhard import lab_moments


def stained(strength: float, size: int = 120) -> np.ndarray:
    """A synthetic slide of two stains of the reference's colours, `strength` times as strong: uint8 (size, size, 3)."""
    rng = np.random.default_rng(3)
    amounts = rng.gamma(1.5, 0.3, (size * size, 2)) * MACENKO_CONCENTRATION * strength
    return np.clip(240 * np.exp(-amounts @ MACENKO_STAINS.T), 0, 255).astype(np.uint8).reshape(size, size, 3)


@pytest.fixture(params=sorted(NORMALISERS))
def fitted(request):
    normaliser = make_normaliser(request.param)
    normaliser.fit(stained(0.6))
    return normaliser


def test_a_normaliser_keeps_shape_and_type_and_its_input(fitted):
    patch = stained(0.6, 100)
    before = patch.copy()
    out = fitted.apply(patch)
    assert out.shape == patch.shape
    assert out.dtype == np.uint8
    assert np.array_equal(patch, before)


def test_a_normaliser_keeps_white_nearly_white_and_dark_darker_than_light(fitted):
    greys = ((243, 243, 243), (220, 160, 200), (80, 40, 120))
    white, light, dark = (fitted.apply(np.full((4, 4, 3), colour, np.uint8)) for colour in greys)
    assert white.mean() > 225
    assert white.mean() > light.mean() > dark.mean()


def test_a_normaliser_treats_a_pixel_the_same_in_any_patch(fitted):
    patch = stained(0.6, 40)
    assert np.array_equal(fitted.apply(patch)[:10, :10], fitted.apply(patch[:10, :10]))


@pytest.mark.parametrize("name", ["macenko", "reinhard"])
def test_a_pale_and_a_strong_slide_become_alike(name):
    slides, out = (stained(0.5), stained(1.0)), []
    for slide in slides:
        normaliser = make_normaliser(name)
        normaliser.fit(slide)
        out.append(normaliser.apply(slide))
    apart = abs(slides[0].mean() - slides[1].mean())
    assert abs(out[0].mean() - out[1].mean()) < 0.15 * apart


def test_reinhard_gives_the_references_mean_colour():
    normaliser = make_normaliser("reinhard")
    slide = stained(0.6)
    normaliser.fit(slide)
    mean, _ = lab_moments(normaliser.apply(slide))
    assert np.abs(mean - REINHARD_MEAN).max() < 6


@pytest.mark.parametrize("name", ["macenko", "reinhard"])
def test_a_slide_of_one_colour_cannot_be_fitted_and_says_so(name):
    with pytest.raises(NormaliserFailed):
        make_normaliser(name).fit(np.full((50, 50, 3), (200, 120, 180), np.uint8))


def test_an_unknown_normaliser_is_refused_by_name():
    with pytest.raises(PipelineRefused, match="no normaliser vahadane; there are none, macenko, reinhard"):
        make_normaliser("vahadane")
