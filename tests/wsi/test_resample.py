import numpy as np
import pytest

from slides.wsi.resample import CACHED_PX, axis_taps, resample


@pytest.mark.parametrize("step", [0.3, 0.99, 1, 1.1, 2, 2.5, 7])
@pytest.mark.parametrize("start", [0, 0.25, 13.7, -4.4])
def test_weights_of_a_pixel_sum_to_one_and_lie_under_it(start, step):
    taps = axis_taps(start, step, 20)
    assert taps.weight.sum(axis=0) == pytest.approx(np.ones(20), abs=1e-5)
    centre = (taps.weight * (taps.index + 0.5)).sum(axis=0)
    assert centre == pytest.approx(start + (np.arange(20) + 0.5) * step, abs=0.13)  # a source pixel is a square


def test_whole_steps_on_whole_pixels_are_plain_copies_or_averages():
    assert axis_taps(5, 1, 10).whole_step() == 1
    assert axis_taps(6, 3, 10).whole_step() == 3
    assert axis_taps(6.5, 3, 10).whole_step() is None
    assert axis_taps(6, 1.5, 10).whole_step() is None


def test_a_ramp_stays_a_ramp_at_any_scale():
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 50, axis=0).repeat(3, axis=2)
    for step in (0.5, 1.3, 2.5):
        columns, rows = axis_taps(10, step, 40), axis_taps(0, 1, 50)
        out = resample(ramp[:, columns.start : columns.stop], rows, columns)
        expected = 10 + (np.arange(40) + 0.5) * step - 0.5
        assert np.abs(out[0, :, 0] - expected).max() <= 0.51


def test_fine_texture_is_averaged_and_not_aliased():
    checks = ((np.indices((120, 120)).sum(axis=0) % 2) * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    taps = axis_taps(0, 4, 30)
    assert np.abs(resample(checks, taps, taps).astype(int) - 127.5).max() <= 1


def test_far_out_on_a_large_slide_shifted_weights_are_the_same():
    near, far = axis_taps(180_000.3, 1.1, 50), axis_taps(180_000.3 + 20 * 1.1, 1.1, 30)
    assert (near.index[:, 20:] == far.index).all()
    assert (near.weight[:, 20:] == far.weight).all()


def test_large_rectangles_are_resampled_bit_for_bit_as_small_ones():
    source = np.random.default_rng(0).integers(0, 255, (900, 900, 3)).astype(np.uint8)
    whole = axis_taps(10.3, 1.0999, 800)
    part = whole.part(100, 300)
    large = resample(source[whole.start : whole.stop, whole.start : whole.stop], whole, whole)
    small = resample(source[part.start : part.stop, part.start : part.stop], part, part)
    assert np.array_equal(large[100:300, 100:300], small)


def test_a_rectangle_too_wide_for_one_band_is_resampled_line_by_line():
    rows, columns = axis_taps(3.2, 1.3, 5), axis_taps(0.4, 1.3, CACHED_PX)
    source = np.random.default_rng(0).integers(0, 255, (rows.stop - rows.start, columns.stop, 3)).astype(np.uint8)
    source = source[:, columns.start :]
    whole = resample(source, rows, columns)
    for line in range(5):
        part = rows.part(line, line + 1)
        under = source[part.start - rows.start : part.stop - rows.start]
        assert np.array_equal(resample(under, part, columns)[0], whole[line])
