"""The contract every normaliser keeps, and what those that change colours are for."""

import numpy as np
import pytest

from analysis.pipeline.errors import NormaliserFailed, PipelineRefused
from analysis.pipeline.normalise import NORMALISERS, make_normaliser, normaliser_names
from analysis.pipeline.normalise.macenko import fit_stains
from analysis.pipeline.normalise.reference import REINHARD_MEAN
from analysis.pipeline.normalise.reinhard import lab_moments
from tests.pipeline.stains import stained

PROFILE = "stainnet:mitos14"
FITTED_PER_SLIDE = tuple(name for name in NORMALISERS if name != "none")
MAX_NAME_CHARS = 20  # of the column that keeps it
WHITES = [(243, 243, 243), (255, 255, 255)]


@pytest.fixture(scope="module", params=(*NORMALISERS, PROFILE))
def fitted(request):
    normaliser = make_normaliser(request.param)
    assert normaliser.name == request.param
    normaliser.fit(stained(0.6))
    return normaliser


def test_the_name_of_a_normaliser_fits_its_column(fitted):
    assert len(fitted.name) <= MAX_NAME_CHARS, f"{fitted.name} is longer than the column that keeps it"


def test_a_normaliser_keeps_shape_and_type_and_its_input(fitted):
    for shape in ((100, 100, 3), (2, 50, 60, 3), (7, 3), (0, 100, 100, 3)):
        pixels = stained(0.6).reshape(-1, 3)[: int(np.prod(shape)) // 3].reshape(shape)
        before = pixels.copy()
        out = fitted.apply(pixels)
        assert out.shape == pixels.shape
        assert out.dtype == np.uint8
        assert np.array_equal(pixels, before)


def test_a_normaliser_keeps_white_nearly_white_and_dark_darker_than_light(fitted):
    greys = (*WHITES, (220, 160, 200), (80, 40, 120))
    glass, white, light, dark = (fitted.apply(np.full((4, 4, 3), colour, np.uint8)) for colour in greys)
    assert min(glass.mean(), white.mean()) > 225
    assert glass.mean() > light.mean() > dark.mean()


def test_a_normaliser_treats_a_pixel_the_same_in_any_patch_and_any_batch(fitted):
    batch = np.stack([stained(0.6, 40), stained(0.9, 40)])
    together = fitted.apply(batch)
    assert np.array_equal(together[0, :10, :10], fitted.apply(batch[0, :10, :10]))
    assert np.array_equal(together[1], fitted.apply(batch[1]))


def test_a_normaliser_takes_pixels_that_do_not_lie_in_one_piece_of_memory(fitted):
    wide = stained(0.6, 60)
    assert np.array_equal(fitted.apply(wide[::2, 10:50]), fitted.apply(wide)[::2, 10:50])


def test_the_same_tissue_gives_the_same_colours_again(fitted):
    again = make_normaliser(fitted.name)
    again.fit(stained(0.6))
    assert np.array_equal(again.apply(stained(0.6)), fitted.apply(stained(0.6)))


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((20, 20, 3), np.nan, np.float32),
        np.zeros((20, 20, 3), np.float64),
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.uint16),
        [[(1, 2, 3)]],
    ],
    ids=["nan", "float", "grey", "rgba", "16-bit", "list"],
)
def test_what_is_not_8_bit_rgb_is_refused_before_it_is_fitted_or_changed(fitted, pixels):
    for method in (fitted.apply, make_normaliser(fitted.name).fit):
        with pytest.raises(NormaliserFailed, match="8-bit RGB"):
            method(pixels)


@pytest.mark.parametrize("name", FITTED_PER_SLIDE)
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


@pytest.mark.parametrize("name", FITTED_PER_SLIDE)
@pytest.mark.parametrize(
    "tissue",
    [
        np.full((50, 50, 3), (200, 120, 180), np.uint8),
        stained(0.6, 15),
        np.repeat(np.arange(250, dtype=np.uint8)[:, None, None], 3, axis=2).repeat(40, axis=1),
        np.full((80, 80, 3), 245, np.uint8),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=["one colour", "too little", "grey", "glass", "nothing"],
)
def test_what_shows_no_two_stains_cannot_be_fitted_and_says_so(name, tissue):
    with pytest.raises(NormaliserFailed, match=r"too little|one colour|two stains"):
        make_normaliser(name).fit(tissue)


def test_an_unknown_normaliser_is_refused_by_name_and_the_nearest_is_offered():
    with pytest.raises(PipelineRefused, match="no normaliser vahadane; there are none, macenko, reinhard"):
        make_normaliser("vahadane")
    with pytest.raises(PipelineRefused, match="Did you mean reinhard"):
        make_normaliser("reinhart")
    with pytest.raises(PipelineRefused, match="no profile midog-cs3.*Did you mean midog-cs2"):
        make_normaliser("stainnet:midog-cs3")
    assert {*NORMALISERS, PROFILE} < set(normaliser_names())


@pytest.mark.filterwarnings("error")
def test_of_one_colour_no_two_stains_are_told_and_nobody_reads_a_warning():
    with pytest.raises(NormaliserFailed, match="two stains|could not be fitted"):
        fit_stains(np.full((40, 40, 3), (200, 120, 220), np.uint8))
