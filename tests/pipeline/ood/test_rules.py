"""What is said about a slide's measures, with limits written down here."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.pipeline.ood.features import Gaussian
from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.rules import NETWORK_RULES, PICTURE_RULES
from analysis.pipeline.ood.verdict import judge_measures

LIMITS = SlideLimits(
    "three slides",
    {
        "he_share": (0.99, 1.0),
        "saturation": (50, 100),
        "brightness": (130, 200),
        "bright_level": (220, 245),
        "bright_tint": (5, 35),
        "haematoxylin_angle": (1, 14),
        "haematoxylin_strength": (1, 3),
        "eosin_angle": (1, 16),
        "eosin_strength": (0.8, 1.6),
    },
    ((0.5, 0.8, 0.4), (0.1, 0.9, 0.3)),
    450.0,
)
NETWORK = NetworkLimits(
    "a network",
    "0" * 64,
    "three slides",
    {"candidates_per_mm2": (100, 900), "mitoses_per_mm2": (0, 40)},
    0.02,
    Gaussian(np.zeros(4), np.eye(4), np.ones(4), 1.0),
    3.0,
)
USUAL = {
    "mpp_x": 0.25,
    "mpp_y": 0.25,
    "pieces": 24,
    "area_mm2": 2.0,
    "colour": 90,
    "dark_share": 0.4,
    "glass_level": 241,
    "glass_tint": 3,
    "foreign_share": 0.01,
    "he_share": 0.999,
    "saturation": 75,
    "brightness": 170,
    "bright_level": 240,
    "bright_tint": 10,
    "haematoxylin_angle": 5,
    "haematoxylin_strength": 2,
    "eosin_angle": 6,
    "eosin_strength": 1.2,
    "sharpness": 1100,
    "blurred_share": 0.0,
    "jpeg_quality": 80,
    "candidates": 1000,
    "candidates_per_mm2": 500,
    "mitoses": 20,
    "mitoses_per_mm2": 10,
    "unsure_share": 0.02,
    "far_share": 0.01,
    "far_of": 128,
}


def judged(**measures):
    return judge_measures(USUAL | measures, LIMITS, NETWORK)


def test_a_slide_like_the_training_slides_is_ok_without_a_word():
    assert (judged().grade, judged().reasons) == ("ok", ())


@pytest.mark.parametrize(
    ("measures", "grade", "words"),
    [
        ({"mpp_x": None, "mpp_y": None}, "not valid", "pixel size is missing"),
        ({"mpp_x": 0.499, "mpp_y": 0.499}, "not valid", "0.499 µm, a 20x scan"),
        ({"mpp_x": 0.9, "mpp_y": 0.9}, "not valid", "0.9 µm"),
        ({"mpp_x": 0.33, "mpp_y": 0.33}, "caution", "0.33 µm; the network was trained at 0.23 to 0.25 µm"),
        ({"mpp_x": 0.17, "mpp_y": 0.17}, "caution", "0.17 µm"),
        ({"mpp_x": 0.25, "mpp_y": 0.27}, "caution", "0.25 µm wide and 0.27 µm high"),
        ({"colour": 3}, "not valid", "grey"),
        ({"pieces": 0, "he_share": None, "colour": 3, "dark_share": 0}, "not valid", "No tissue"),
        ({"he_share": 0.9}, "caution", "10 % of the stained pixels"),
        ({"he_share": 0.2}, "not valid", "80 % of the stained pixels"),
        ({"foreign_share": 0.3}, "caution", "30 % of what was taken for tissue"),
        ({"glass_level": 205}, "caution", "205 of 255, where glass has at least 225"),
        ({"glass_level": 8}, "not valid", "no brightfield"),
        ({"glass_tint": 30}, "caution", "differ by 30"),
        ({"glass_level": None, "glass_tint": None, "bright_level": 190}, "caution", "190 of 255; on the training"),
        ({"glass_level": None, "glass_tint": None, "bright_tint": 60}, "caution", "60; on the training slides 5 to 35"),
        ({"brightness": 90}, "caution", "The tissue is dark: 90 of 255; on the training slides 130 to 200"),
        ({"brightness": 230}, "caution", "The tissue is pale"),
        ({"saturation": 20}, "caution", "colour is weak"),
        ({"haematoxylin_angle": 20}, "caution", "haematoxylin lies 20° from"),
        ({"eosin_angle": 40}, "not valid", "eosin lies 40° from"),
        ({"haematoxylin_strength": 4.5}, "caution", "Haematoxylin is strong: a 99th percentile of 4.50"),
        ({"eosin_strength": 0.3}, "caution", "Eosin is weak"),
        ({"haematoxylin_angle": None, "eosin_angle": None}, "caution", "No two stains"),
        ({"blurred_share": 0.25, "sharpness": 500}, "caution", "25 % of the tissue looked at is out of focus"),
        ({"blurred_share": 0.9, "sharpness": 60}, "not valid", "median sharpness 60"),
        ({"jpeg_quality": 25}, "caution", "JPEG quality 25"),
        ({"far_share": 0.45}, "caution", "45 % of 128 candidates"),
        ({"far_share": 0.95}, "not valid", "95 % of 128 candidates"),
        ({"unsure_share": 0.15}, "caution", "15 % of the candidates; on the training slides about 2 %"),
        ({"mitoses": 200}, "caution", "100 mitoses per mm²"),
        ({"candidates": 4000, "candidates_per_mm2": 2000}, "caution", "2000 candidates per mm²"),
        ({"candidates": 10, "candidates_per_mm2": 5}, "caution", "only 5 candidates per mm²"),
    ],
)
def test_each_oddity_is_named_with_its_value(measures, grade, words):
    found = judged(**measures)
    assert found.grade == grade
    assert len(found.reasons) == 1
    assert words in found.reasons[0]
    assert found.reasons[0].endswith(".")


def test_many_cautions_together_are_not_valid_and_the_heaviest_reason_comes_first():
    three = judged(glass_tint=20, jpeg_quality=20, foreign_share=0.2)
    assert three.grade == "caution"
    four = judged(glass_tint=20, jpeg_quality=20, foreign_share=0.2, brightness=90)
    assert (four.grade, len(four.reasons)) == ("not valid", 4)
    mixed = judged(jpeg_quality=20, mpp_x=0.5, mpp_y=0.5)
    assert "20x" in mixed.reasons[0]


def test_few_candidates_prove_little():
    assert judged(far_share=2 / 4, far_of=4).grade == "ok"
    assert judged(unsure_share=1 / 6, candidates=6, mitoses=0, area_mm2=0.012).grade == "ok"
    few = {"area_mm2": 0.03, "candidates": 15}
    assert judged(mitoses=3, **few).grade == "ok"
    assert judged(mitoses=12, **few).grade == "caution"


def test_a_region_of_more_or_fewer_places_than_whole_training_frames_is_no_fault():
    """A version that tells each slide's own floor finds nearly the same in every frame."""
    narrow = replace(NETWORK, ranges=NETWORK.ranges | {"candidates_per_mm2": (490, 590)})
    for per_mm2, grade in ((90, "caution"), (200, "ok"), (1000, "ok"), (1400, "caution")):
        measures = USUAL | {"candidates": 2 * per_mm2, "candidates_per_mm2": per_mm2}
        assert judge_measures(measures, LIMITS, narrow).grade == grade, f"{per_mm2} candidates per mm²"


def test_what_is_not_known_is_not_judged():
    known = {
        name: USUAL[name]
        for name in ("mpp_x", "mpp_y", "pieces", "colour", "dark_share", "area_mm2", "haematoxylin_angle")
    }
    bare = known | {"glass_level": None, "glass_tint": None}
    for rule in PICTURE_RULES:
        assert list(rule(bare, LIMITS)) == []
    for rule in NETWORK_RULES:
        assert list(rule(bare, NETWORK)) == []
    assert judge_measures(USUAL | {"far_share": 1.0}, LIMITS, None).grade == "ok"


def test_the_verdict_is_plain_json():
    assert judged(jpeg_quality=20.0, glass_level=None, sharpness=1234.56789).as_json() == {
        "grade": "caution",
        "reasons": list(judged(jpeg_quality=20).reasons),
        "measures": {name: USUAL[name] for name in sorted(USUAL)}
        | {"jpeg_quality": 20.0, "glass_level": None, "sharpness": 1235.0},
    }
