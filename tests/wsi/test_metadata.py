import pytest

from slides.wsi.metadata import believed_pixel_size, levels_from_sizes, mpp_from_density


@pytest.mark.parametrize("mpp", [0.02, 0.2273, 20.0])
def test_a_pixel_size_in_range_is_believed(mpp):
    size = believed_pixel_size(mpp, mpp)
    assert (size.mpp_x, size.mpp_y, size.hints) == (mpp, mpp, ())


@pytest.mark.parametrize("mpp", [0, -1, 0.0199, 20.1, 1e9, float("nan"), float("inf")])
def test_a_pixel_size_out_of_range_is_unknown_in_both_directions(mpp):
    for pair in ((mpp, 0.25), (0.25, mpp)):
        size = believed_pixel_size(*pair)
        assert (size.mpp_x, size.mpp_y) == (None, None)
        assert "not believed" in size.hints[0]


def test_a_missing_pixel_size_is_told():
    assert believed_pixel_size(None, 0.25).hints == ("The file does not say its pixel size.",)


def test_x_and_y_are_kept_apart():
    size = believed_pixel_size(0.25, 0.26)
    assert (size.mpp_x, size.mpp_y) == (0.25, 0.26)
    assert "not square" in size.hints[0]
    assert believed_pixel_size(0.25, 0.2501).hints == ()


def test_densities_become_micrometres():
    assert mpp_from_density(40_000, "cm") == pytest.approx(0.25)
    assert mpp_from_density(25_400, "inch") == pytest.approx(1)
    assert mpp_from_density(40_000, None) is None
    assert mpp_from_density(None, "cm") is None
    assert mpp_from_density(0, "cm") == float("inf")


def test_a_cut_off_odd_pixel_does_not_change_the_factor():
    levels = levels_from_sizes([(4443, 3567), (2221, 1783), (1110, 891)])
    assert [level.downsample for level in levels] == [1, 2, 4]


def test_an_odd_factor_stays_what_it_is():
    levels = levels_from_sizes([(10_000, 10_000), (3000, 3000)])
    assert levels[1].downsample == pytest.approx(10 / 3)


@pytest.mark.parametrize(("side", "level", "factor"), [(4443, 2222, 2.0), (4443, 2221, 2.0), (1000, 251, 4.0)])
def test_a_level_a_pixel_larger_or_smaller_has_the_whole_factor(side, level, factor):
    """Rounded, not cut: 4443 / 2222 is 1.9995."""
    assert levels_from_sizes([(side, side), (level, level)])[1].downsample == factor
