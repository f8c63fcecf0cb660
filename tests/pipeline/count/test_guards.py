"""Each guard: what calls for it, whether it blocks, and what it says."""

import pytest

from analysis.pipeline.count.guards import Facts, guards_of
from analysis.pipeline.count.protocols import load_protocols, protocol_of

PLAIN = load_protocols()["plain"]
GOOD = {"mpp_x": 0.25, "mpp_y": 0.25}


def test_nothing_stands_beside_a_count_of_a_good_slide():
    assert guards_of(Facts(**GOOD, grade="ok", meant_for=("breast",), tumour="Breast"), PLAIN) == []


def test_what_the_drawn_tumour_lacks_is_said_of_it():
    for lack, said in (
        ({"region_mm2": 0.4}, "less tissue in the drawn tumour"),
        ({"region_mm2": 3}, "no place in the drawn"),
    ):
        (guard,) = guards_of(Facts(**GOOD, fits=False, tumour_given=True, **lack), PLAIN)
        assert said in guard.sentence


@pytest.mark.parametrize(
    ("facts", "code", "blocks", "said"),
    [
        ({"mpp_x": None, "mpp_y": None}, "no_pixel_size", True, "There is no pixel size"),
        ({"mpp_x": 0.05, "mpp_y": 0.05}, "doubtful_pixel_size", False, "0.05 µm/px"),
        ({"mpp_x": 0.1, "mpp_y": 0.3}, "doubtful_pixel_size", False, "0.1 by 0.3 µm/px"),
        ({"doubts": ("pixel_size_contradicted",)}, "doubtful_pixel_size", False, "0.25 µm/px"),
        ({"mpp_x": 0.5, "mpp_y": 0.5}, "coarse_scan", False, "as of a lens of 20x"),
        ({"grade": "caution", "reasons": ("Pale.",)}, "slide_caution", False, "caution. Pale."),
        ({"grade": "not valid", "reasons": ("Blurred.",)}, "slide_not_valid", True, "not to be counted. Blurred."),
        ({"doubts": ("base_level_missing",)}, "full_resolution_missing", False, "without the full resolution"),
        ({"fits": False, "region_mm2": 0.1}, "tissue_smaller", True, "less tissue: all of it is counted, 0.10 mm²"),
        ({"fits": False, "region_mm2": 0.0}, "tissue_smaller", True, "nothing is counted"),
        ({"fits": False, "region_mm2": 9.0}, "does_not_fit", True, "window has no place"),
        ({"tissue_given": False}, "no_tissue", False, "nothing is told per mm²"),
        ({"mask_outside": True}, "region_partly_outside", False, "reaches beyond the slide"),
        ({"outside": 1}, "figures_outside", False, "1 figure lies beside the slide"),
        ({"outside": 1200}, "figures_outside", False, "1,200 figures lie beside"),
        ({"tumour": "melanoma", "meant_for": ("breast", "lung")}, "model_not_meant", False, "made for breast, lung"),
        ({"tumour": "Breastless", "meant_for": ("breast",)}, "model_not_meant", False, "the case is called Breastless"),
        ({"open_calls": 1}, "calls_open", False, "1 call in the region is not judged"),
        ({"open_calls": 18}, "calls_open", False, "18 calls in the region are not judged"),
    ],
)
def test_each_doubt_has_one_guard_with_its_sentence(facts, code, blocks, said):
    (guard,) = guards_of(Facts(**GOOD | facts), PLAIN)
    assert (guard.code, guard.blocks) == (code, blocks)
    assert said in guard.sentence


@pytest.mark.parametrize(
    "facts",
    [
        {"tumour": "Invasive carcinoma of the BREAST", "meant_for": ("lung", "breast")},
        {"tumour": "Invasive ductal carcinoma", "organ": "Breast, left", "meant_for": ("breast",)},
        {"tumour": "Small cell carcinoma, lung", "meant_for": ("small cell lung",)},
        {"tumour": "Meningioma"},  # a card that says nothing
        {"meant_for": ("breast",)},  # a case that says nothing
    ],
)
def test_a_tumour_is_told_by_the_words_of_tumour_and_organ_however_they_are_written(facts):
    assert guards_of(Facts(**GOOD | facts), PLAIN) == []


def test_a_slide_without_pixel_size_is_not_said_to_be_too_small():
    assert [guard.code for guard in guards_of(Facts(None, None, fits=False), PLAIN)] == ["no_pixel_size"]


def test_what_blocks_comes_first():
    facts = Facts(**GOOD, outside=1, tissue_given=False, fits=False, region_mm2=1.0, grade="not valid")
    blocks = [guard.blocks for guard in guards_of(facts, PLAIN)]
    assert blocks == sorted(blocks, reverse=True)
    assert sum(blocks) == 2


def test_no_sentence_says_less_beside_a_number_that_says_as_much():
    (guard,) = guards_of(Facts(**GOOD, fits=False, region_mm2=1.999), PLAIN)
    assert guard.code == "does_not_fit"


def test_a_protocol_that_names_no_source_is_marked():
    own = protocol_of({"name": "own", "version": 1, "shape": "square", "area_mm2": 1}, "own.json")
    assert [guard.code for guard in guards_of(Facts(**GOOD), own)] == ["no_source"]
