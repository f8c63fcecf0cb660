from dataclasses import replace

import numpy as np
import pytest

from analysis.lab import calibrate, evaluate
from analysis.lab.evaluate import left_out
from analysis.lab.evaluate.frames import from_nuclei
from analysis.lab.matching import Score
from analysis.pipeline.cards.card import StandardUse
from analysis.pipeline.errors import PipelineRefused
from tests.lab.evaluate.makers import frame, slide_of_frames


@pytest.fixture(scope="module")
def frames():
    """Three slides; the last one's scores all lie 2 logits lower."""
    return [
        *slide_of_frames("H03", 8, seed=1),
        *slide_of_frames("H04", 8, seed=2),
        *slide_of_frames("H14", 8, shift=-2.0, seed=1),
    ]


@pytest.fixture(scope="module")
def figures(frames):
    return evaluate.development_metrics(frames)


def test_a_slides_threshold_and_calibration_come_from_the_other_slides(frames):
    carried = left_out.carry_over_settings(frames)
    others = [f for f in frames if f.slide != "H14"]
    fitted = calibrate.fit_calibration(*evaluate.margins_and_truth(others))
    assert carried["H14"].calibration == fitted
    assert carried["H14"].threshold == evaluate.best_threshold(others, fitted)
    assert carried["H14"].sensitive == evaluate.high_sensitivity(others, fitted)["threshold"]


def test_a_slides_own_labels_do_not_touch_its_setting(frames):
    turned = [
        frame((), f.points, -f.margins, f.slide, f.frame, f.size_um, on_mitoses=[-9.0]) if f.slide == "H14" else f
        for f in frames
    ]
    assert left_out.carry_over_settings(turned)["H14"] == left_out.carry_over_settings(frames)["H14"]
    assert left_out.carry_over_settings(turned)["H03"] != left_out.carry_over_settings(frames)["H03"]


def test_the_pooled_figure_is_the_sum_of_the_slides_at_their_own_settings(frames, figures):
    total = Score()
    for slide, carried in left_out.carry_over_settings(frames).items():
        own = [f for f in frames if f.slide == slide]
        total += evaluate.score_at_threshold(own, carried.calibration, carried.threshold)
    counts = figures["detection"]
    assert Score(counts["tp"], counts["fp"], counts["fn"]) == total
    assert "f1_95_bootstrap_by_case" in counts
    assert figures["slides"] == ["H03", "H04", "H14"]
    assert "leave one slide out" in figures["protocol"]


def test_the_spread_of_the_best_thresholds_is_told_in_logits(figures):
    best = {name: found["best_logit_here"] for name, found in figures["by_slide"].items()}
    # H03 and H14 are the same frames, moved by 2 logits.
    assert best["H03"] - best["H14"] == pytest.approx(2.0, abs=0.051)
    assert figures["spread_of_best_logit"] == pytest.approx(max(best.values()) - min(best.values()))
    assert figures["spread_of_best_logit"] >= 1.95
    assert figures["sd_of_best_logit"] == pytest.approx(np.std(list(best.values()), ddof=1), abs=1e-3)


def test_a_threshold_fitted_on_the_same_frames_stands_beside_the_one_carried_over(figures):
    same = figures["fitted_on_the_same_frames"]
    assert same["each_slides_best"]["f1"] >= same["one_threshold"]["f1"] >= figures["detection"]["f1"]
    assert figures["by_slide"]["H14"]["best_f1_here"] > figures["by_slide"]["H14"]["f1"]


def test_the_calibration_error_is_that_of_the_carried_over_calibration(frames, figures):
    carried = left_out.carry_over_settings(frames)
    probabilities = np.concatenate([carried[f.slide].calibration(f.margins) for f in frames])
    truth = evaluate.margins_and_truth(frames)[1]
    assert figures["calibration"]["ece"] == pytest.approx(calibrate.calibration_error(probabilities, truth), abs=1e-4)
    slides = [found["ece"] for found in figures["by_slide"].values()]
    assert figures["ece_mean_of_slides"] == pytest.approx(np.mean(slides), abs=1e-4)
    assert figures["ece_mean_of_slides"] > figures["fitted_on_the_same_frames"]["ece"]


def test_the_patches_margin_is_carried_over_too(frames, figures):
    margins = figures["patch_margin_carried_over"]["margins"]
    assert set(margins) == {"H03", "H04", "H14"}
    own = [f for f in frames if f.slide == "H14"]
    expected = evaluate.patch_metrics(own, margin=left_out.carry_over_settings(frames)["H14"].patch_margin)
    assert figures["by_slide"]["H14"]["patch_f1"] == expected["f1"]
    # A slide that scores 2 logits lower loses recall at the others' margin.
    assert expected["f1"] < figures["by_slide"]["H03"]["patch_f1"]


def test_slides_that_are_alike_have_no_spread():
    alike = [*slide_of_frames("H03", 6), *slide_of_frames("H04", 6)]
    found = evaluate.development_metrics(alike)
    assert found["spread_of_best_logit"] == 0.0
    assert found["fitted_on_the_same_frames"]["one_threshold"] == {
        key: value for key, value in found["detection"].items() if not key.startswith("f1_95")
    }


def test_what_telling_margins_from_the_slides_nuclei_is_worth_stands_beside_the_figure(frames):
    sampled = [replace(f, ordinary=f.on_nuclei) for f in frames]
    told = evaluate.development_metrics(from_nuclei(sampled, StandardUse(0.0, worth=0.0)))
    plain = evaluate.development_metrics(frames)
    assert plain["in_plain_logits"] is None
    assert told["in_plain_logits"]["detection"] == plain["detection"]
    assert told["in_plain_logits"]["spread_of_best_logit"] == plain["spread_of_best_logit"] > 1
    assert told["spread_of_best_logit"] < 0.75
    assert told["detection"]["f1"] > plain["detection"]["f1"]


def test_two_recipes_are_compared_at_their_own_carried_over_thresholds(frames):
    surer = [replace(f, margins=f.margins + 3.0 * evaluate.is_mitosis(f)) for f in frames]
    found = evaluate.development_gain(frames, list(reversed(surer)))
    first, second = (evaluate.development_metrics(each)["detection"]["f1"] for each in (frames, surer))
    assert found["f1_gain"] == pytest.approx(second - first, abs=2e-4)
    low, high = found["f1_gain_95_bootstrap_by_frame"]
    assert 0 < low <= found["f1_gain"] <= high
    assert evaluate.development_gain(frames, frames)["f1_gain"] == 0.0


def test_one_slide_alone_cannot_be_left_out():
    with pytest.raises(PipelineRefused, match="needs at least two slides; there is only H03"):
        evaluate.development_metrics(slide_of_frames("H03", 2))


def test_the_validation_slide_sets_no_threshold():
    with pytest.raises(PipelineRefused, match="H05 is for reporting only"):
        evaluate.development_metrics([*slide_of_frames("H03", 2), *slide_of_frames("H05", 2)])


def test_other_slides_without_mitoses_are_refused():
    with pytest.raises(PipelineRefused, match="frames of H04 hold no labelled mitosis"):
        evaluate.development_metrics([*slide_of_frames("H03", 2), frame((), [(50, 50)], [1.0], "H04")])


def test_the_curves_show_each_slides_f1_against_the_threshold(frames):
    points = evaluate.development_curves(frames)
    by_logit = points["f1_by_logit"]
    assert set(by_logit["f1"]) == {"H03", "H04", "H14"}
    assert all(len(f1) == len(by_logit["logit"]) for f1 in by_logit["f1"].values())
    assert {"patch", "froc", "reliability", "counts"} <= points.keys()


def test_what_pooling_hides_is_told_by_slide(figures):
    slides = figures["by_slide"]
    lost = np.mean([row["best_f1_here"] - row["f1"] for row in slides.values()])
    assert figures["loss_of_carrying_over"] == pytest.approx(lost, abs=1e-4)
    assert figures["loss_of_carrying_over"] > 0.02
    worst = figures["worst_candidate_recall_on"]
    assert figures["worst_candidate_recall"] == min(row["candidate_recall_7_5_um"] for row in slides.values())
    assert slides[worst]["candidate_recall_7_5_um"] == figures["worst_candidate_recall"]


def test_another_scan_of_a_slides_glass_does_not_set_its_threshold(frames):
    again = slide_of_frames("A04", 4, shift=3.0, seed=2)
    both = left_out.carry_over_settings([*frames, *again])
    assert both["H04"] == left_out.carry_over_settings(frames)["H04"]
    assert both["A04"] == left_out.fit_setting([f for f in frames if f.slide != "H04"])
    with pytest.raises(PipelineRefused, match="at least two slides; there is only A04, H04"):
        left_out.carry_over_settings([f for f in [*frames, *again] if f.slide in ("H04", "A04")])


def test_a_left_out_scanner_is_read_with_what_the_others_set(frames):
    own = slide_of_frames("A00", 4, shift=-1.0, seed=5)
    found = evaluate.carried_metrics(own, frames)
    setting = left_out.fit_setting(frames)
    score = evaluate.score_at_threshold(own, setting.calibration, setting.threshold)
    assert (found["detection"]["tp"], found["detection"]["fp"]) == (score.tp, score.fp)
    assert (found["setting_from"], list(found["by_slide"])) == (["H03", "H04", "H14"], ["A00"])
    assert found["loss_of_carrying_over"] >= 0
    with pytest.raises(PipelineRefused, match="H04 would be read with its own threshold"):
        evaluate.carried_metrics(slide_of_frames("A04", 2), frames)
    with pytest.raises(PipelineRefused, match="H05 is for reporting only"):
        evaluate.carried_metrics(slide_of_frames("H05", 2), frames)
