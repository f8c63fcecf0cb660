"""What an Aperio description keeps: numbers that are numbers throughout, and nothing behind them."""

import pytest

from slides.wsi.formats.aperio.description import is_scaled, picture_kind, rewritten, told_number

HEAD = "Aperio Image Library v12.0.15\r\n46000x32914 [0,100 46000x32814] (256x256) JPEG/RGB Q=70"


@pytest.mark.parametrize("value", ["20 Doe", "Doe 20", "20\nDoe", "2 0", "1.5.2", "20 B22-12345"])
def test_a_word_beside_a_number_goes_with_it(value):
    words = rewritten(f"{HEAD}|AppMag = {value}|MPP = 0.4990")
    assert "AppMag" not in words.text
    assert value.strip() in words.removed
    assert "MPP = 0.4990" in words.text


def test_numbers_of_the_optics_stay_as_they_are():
    words = rewritten(f"{HEAD}|AppMag = 20|MPP = 0.4990|Left = -25.6|Exposure Scale = 0.000001")
    assert words.text.split("|")[1:] == ["AppMag = 20", "MPP = 0.4990", "Left = -25.6", "Exposure Scale = 0.000001"]
    assert (words.fields, words.unknown) == (0, set())


def test_a_number_that_is_too_long_to_be_one_of_the_optics_goes():
    words = rewritten(f"{HEAD}|AppMag = {'1' * 30}")
    assert "111" not in words.text
    assert words.removed == ["1" * 30]


def test_numbers_with_a_comma_or_a_times_sign_are_read_and_kept_as_others_read_them():
    text = f"{HEAD}|AppMag = 40x|MPP = 0,2500"
    for each in (text, rewritten(text).text):
        assert (told_number(each, "appmag"), told_number(each, "mpp")) == (40, 0.25)
    assert rewritten(text).text.split("|")[1:] == ["AppMag = 40", "MPP = 0.2500"]
    assert rewritten(f"{HEAD}|AppMag = 40xDoe").removed == ["40xDoe"]


@pytest.mark.parametrize(("digits", "stays"), [(24, True), (25, False)])
def test_a_number_has_at_most_twenty_four_signs(digits, stays):
    assert (rewritten(f"{HEAD}|MPP={'1' * digits}").removed == []) == stays


def test_words_among_the_technical_ones_of_the_first_lines_go_and_are_told():
    words = rewritten("Aperio Image Library v12.0.15 Doe\r\n46000x32914 Jane JPEG/RGB Q=70|MPP = 0.5")
    assert "46000x32914" in words.text and "JPEG/RGB Q=70" in words.text
    assert not {"Doe", "Jane"} & set(words.text.split())
    assert words.removed == ["Doe", "Jane"]
    assert words.unknown == {"words in the first lines"}


@pytest.mark.parametrize(
    ("sizes", "scaled"),
    [
        ("1000x800 -> 500x400", True),
        ("1000x800 -> 1000x400", True),
        ("1000x800 (256x256) -> 990x790", False),
        ("1000x900 [0,100 500x400] (256x256) -> 500x400", False),
        ("1000x900 [0,100 800x400] (256x256) -> 800x200", True),
        ("1000x900 [0,100 800x400] (256x256)", False),
    ],
)
def test_a_picture_made_smaller_is_known_by_what_was_cut_out_of_the_scan(sizes, scaled):
    assert is_scaled(f"Aperio Image Library v12.0.15\r\n{sizes} JPEG/RGB|MPP = 0.25") == scaled


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Aperio Image Library", ""),
        ("label of nothing", ""),
        ("Aperio\r\nlabel 387x463", "label"),
        ("Aperio\r\n macro 9x9", "macro"),
    ],
)
def test_the_second_line_names_a_picture_beside_the_scan(text, kind):
    assert picture_kind(text) == kind
