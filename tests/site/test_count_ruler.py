"""The small ruler of lists: where dot, bar and cut-offs lie, in a picture 96 wide."""

from frontend.templatetags.frontend import count_ruler


def test_cut_offs_lie_between_two_whole_counts_and_the_box_decided_on_is_that_of_the_dot():
    shown = count_ruler(8, 13, cutoffs=(8, 15), decided=True)
    before_8, before_15 = shown["cutoffs"]
    assert (shown["end"], before_8, before_15) == (30, 25.0, 46.5)
    assert before_8 < shown["dot"] < before_15
    assert shown["box"] == {"x": before_8, "width": 21.5}
    assert count_ruler(3, 3, cutoffs=(8, 15), decided=True)["box"] == {"x": 2, "width": 23.0}
    assert count_ruler(20, 20, cutoffs=(8, 15), decided=True)["box"] == {"x": before_15, "width": 47.5}


def test_the_line_is_long_enough_for_the_last_cut_off_and_nothing_is_boxed_while_undecided():
    shown = count_ruler(2, 4, cutoffs=(10, 101))
    assert shown["end"] == 150
    assert shown["box"] is None
    assert count_ruler(2, 4)["cutoffs"] == []
