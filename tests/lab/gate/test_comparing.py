import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.lab.evaluate.detection import frame_score
from analysis.lab.gate import compare
from analysis.lab.gate.found import judged
from analysis.lab.matching import Score
from analysis.lab.systems.measuring import Cost
from analysis.pipeline.count.protocols import find_protocol
from analysis.pipeline.count.protocols.protocol import Cutoff, scale_protocol
from analysis.pipeline.errors import PipelineRefused
from tests.lab.gate.makers import found_in_frame, locked_frame, points, version, whole_set

CUTOFFS = (Cutoff("1", 0), Cutoff("2", 8), Cutoff("3", 15))


def clause(report, code):
    found = [each for each in report.clauses if each.code == code]
    assert len(found) == 1, f"{code} is in the report {len(found)} times: {[each.code for each in report.clauses]}"
    return found[0]


def says(report) -> dict[str, str]:
    return {each.code: each.says for each in report.clauses}


def test_an_equal_candidate_passes_and_changes_nothing():
    locked = whole_set()
    report = compare(version(locked, "old", missed=2), version(locked, missed=2), locked)
    assert (report.verdict, report.small) == ("pass", ""), report.sentence
    f1 = clause(report, "f1").measured
    assert (f1.change, f1.interval, f1.unit, f1.count) == (0.0, (0.0, 0.0), "case", 180)
    assert report.flips == []
    assert "15 of 15 clauses passed" in report.sentence


def test_a_candidate_that_finds_fewer_fails_with_each_lost_mitosis_listed():
    locked = whole_set()
    report = compare(version(locked, "old", missed=1), version(locked, missed=3), locked)
    assert report.verdict == "fail"
    assert {code for code, said in says(report).items() if said == "fail"} >= {"f1", "recall", "flips"}
    assert [flip.kind for flip in report.flips] == ["lost"] * 24
    on_slide = next(flip for flip in report.flips if flip.x_l0 is not None)
    corner = next(frame.corner_l0 for frame in locked.frames if frame.file == on_slide.file)
    assert (on_slide.x_l0, on_slide.y_l0) == (corner[0] + on_slide.x_px, corner[1] + 1.25 * on_slide.y_px)
    assert on_slide.base > 0.5 > on_slide.candidate
    assert "are lost" in clause(report, "flips").sentence


def test_few_lost_mitoses_ask_a_person_and_nothing_else():
    locked = whole_set()
    one_lost = version(locked, missed=lambda frame: 1 if frame.file.endswith("0001.png") else 0, false=0)
    report = compare(version(locked, "old"), one_lost, locked)
    assert report.verdict == "person"
    assert [code for code, said in says(report).items() if said == "person"] == ["flips"]


def test_one_domain_that_suffers_fails_though_all_together_gain():
    locked = whole_set(mitoses=20)
    better = version(locked, missed=lambda frame: 8 if frame.scanner == "CS2" else 0, false=0)
    report = compare(version(locked, "old", missed=4), better, locked)
    found = says(report)
    assert clause(report, "f1").measured.change > 0
    assert (found["domain.scanner.CS2"], found["domain.scanner.S360"]) == ("fail", "pass")
    assert "Worse on CS2" in clause(report, "domain.scanner.CS2").sentence


def test_a_domain_of_few_mitoses_is_told_and_not_judged():
    locked = whole_set(mitoses=8)
    worse = version(locked, missed=lambda frame: 2 if frame.scanner == "CS2" else 0)
    found = clause(compare(version(locked, "old"), worse, locked), "domain.scanner.CS2")
    assert (found.says, found.measured.count) == ("few", 48)
    assert "from 50 on it is judged" in found.sentence


def test_more_false_ones_where_no_mitosis_is_fail():
    locked = whole_set(rich=4, poor=2)
    noisy = version(locked, false=lambda frame: 1 if len(frame.mitoses_px) else 3)
    report = compare(version(locked, "old", false=1, missed=2), noisy, locked)
    poor = clause(report, "poor")
    assert (poor.says, poor.measured.change, poor.measured.kind) == ("fail", 3.0, "ratio")
    assert says(report)["f1"] == "pass"


def test_without_tissue_that_holds_no_mitosis_a_person_is_asked():
    locked = whole_set(poor=0)
    assert clause(compare(version(locked, "old"), version(locked), locked), "poor").says == "person"


@pytest.mark.parametrize(("before", "after", "said"), [(14, 15, "pass"), (14, 14, "person"), (14, 13, "fail")])
def test_candidates_are_judged_by_what_is_proposed(before, after, said):
    locked = whole_set()
    report = compare(version(locked, "old", proposed=before), version(locked, proposed=after), locked)
    assert clause(report, "candidates").says == said


def test_probabilities_that_promise_too_much_fail():
    locked = whole_set()

    def boast(frame):
        margins = found_in_frame(frame, false=3).margins.copy()
        margins[margins < 0] = -0.2
        return margins

    report = compare(version(locked, "old", false=3), version(locked, false=3, margins=boast), locked)
    assert clause(report, "calibration").says == "fail"
    assert says(report)["f1"] == "pass"


def test_counts_are_compared_with_the_readers_in_each_ones_region():
    locked = whole_set(mitoses=15, rich=4, poor=4)
    report = compare(version(locked, "old", false=0), version(locked, false=2), locked)
    counts = clause(report, "counts")
    assert counts.says == "fail"
    # Frames side by side are one slide; those that lie on none are counted one by one.
    assert len(counts.more["slides"]) == 3 + 3 * 8
    of_slide = next(row for row in counts.more["slides"] if row["slide"] == "slide1")
    assert of_slide["readers"]["count"] == of_slide["base"]["count"] < of_slide["candidate"]["count"]


def test_scores_that_agree_less_with_the_readers_do_not_pass():
    locked = whole_set(mitoses=lambda number: 5 if number < 3 else 10, rich=1, poor=1)
    protocol = replace(scale_protocol(find_protocol("nottingham-area"), 0.2), cutoffs=CUTOFFS)
    worse = version(locked, missed=lambda frame: 4 if len(frame.mitoses_px) == 10 else 0, false=0)
    counts = clause(compare(version(locked, "old", false=0), worse, locked, protocol), "counts")
    assert counts.more["kappa"] == {"base": 1.0, "candidate": 0.0}
    assert counts.says == "fail"
    assert "agreement of scores κ 1.00 → 0.00" in counts.sentence
    assert {row["readers"]["score"] for row in counts.more["slides"]} == {"1", "2"}


def test_a_candidate_that_breaks_under_blur_fails_in_that_alone():
    locked = whole_set()
    report = compare(version(locked, "old"), version(locked, changed={"blur": {"missed": 5}}), locked)
    assert [code for code, said in says(report).items() if said != "pass"] == ["changed.blur"]
    assert report.verdict == "fail"


@pytest.mark.parametrize(
    ("cost", "said"),
    [(Cost(2.0, 31.0, "cpu"), "pass"), (Cost(2.0, 36.0, "cpu"), "person"), (Cost(2.0, 90.0, "cpu"), "fail"),
     (Cost(3.9, 30.0, "cpu"), "pass"), (Cost(9.0, 30.0, "cpu"), "person")],
)  # fmt: skip
def test_arithmetic_is_judged_and_time_only_by_a_factor(cost, said):
    locked = whole_set()
    report = compare(version(locked, "old"), version(locked, cost=cost), locked)
    assert clause(report, "cost").says == said


def test_one_case_is_drawn_by_frame_and_decides_nothing():
    locked = whole_set(cases=1, mitoses=60, rich=3)
    report = compare(version(locked, "old"), version(locked, missed=30), locked)
    assert report.verdict == "person"
    assert "1 case and 180 agreed mitoses" in report.small
    assert "Failed: Detection F1" in report.sentence
    assert (clause(report, "f1").measured.unit, report.method["unit"]) == ("frame", "frame")
    assert "95 % by frame" in clause(report, "f1").sentence


def test_below_fifty_mitoses_the_set_decides_nothing():
    locked = whole_set(cases=2, mitoses=12)
    report = compare(version(locked, "old"), version(locked), locked)
    assert report.verdict == "person"
    assert "48 agreed mitoses; it decides from 2 cases and 50 mitoses on" in report.small


def test_the_same_versions_give_the_same_report_as_json():
    locked = whole_set()
    written = [
        json.dumps(compare(version(locked, "old"), version(locked, missed=1), locked).as_json(), allow_nan=False)
        for _ in range(2)
    ]
    assert written[0] == written[1]


def test_the_weights_of_the_base_are_no_candidate():
    locked = whole_set()
    with pytest.raises(PipelineRefused, match="nothing to compare"):
        compare(version(locked, "old"), version(locked, "old"), locked)


def test_versions_on_other_frames_are_not_compared():
    locked = whole_set()
    with pytest.raises(PipelineRefused, match="same frames"):
        compare(version(locked, "old"), version(whole_set(cases=5)), locked)


def test_what_is_disputed_or_outside_the_review_counts_neither_way():
    ring = points((0, 0), (1000, 0), (1000, 2000), (0, 2000))
    frame = locked_frame(
        mitoses=[(400, 400)], disputed=[(800, 800), (420, 400)], reviewed_px=(ring,), area_mm2=0.125, file="f",
        size_px=(2000, 2000),
    )  # fmt: skip
    scores = found_in_frame(frame, false=0)
    seen = points((100, 101), (200, 202), (100, 300), (400, 200))  # a mitosis, disputed, false, outside
    found = judged(
        type(scores)(*("f", "s", scores.size_um, scores.mitoses, seen, seen, np.full(4, 3.0)), *[np.zeros(0)] * 3),
        frame,
    )
    assert frame_score(found, np.ones(len(found.points), bool)) == Score(tp=1, fp=1, fn=0)
    assert (found.slide, found.area_mm2) == ("a", 0.125)
