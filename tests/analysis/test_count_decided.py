"""Counting under a protocol with scores: regions, what may still change the score, what to judge next, guards."""

import csv
import io
import json
import uuid

import numpy as np
import pytest
from django.db.models import F

from analysis.commands import cli
from analysis.models import Analysis
from analysis.pipeline.count import poisson_interval
from analysis.pipeline.count.shapes import CIRCLE, Shape, fields_of
from analysis.serializers.review import CountSerializer
from analysis.services import count_child, count_turns, counting, review
from mitoweb.lib.errors import NotNow
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import Role
from slides.models import Case, Slide
from slides.services import regions
from slides.wsi.doubts import BASE_MISSING, OUT_OF_RANGE
from tests.analysis.makers import ModelVersionFactory, add_detection, card, make_analysis
from tests.analysis.protocol_makers import CUTOFFS, make_protocol
from tests.analysis.review_makers import add_detections, client, judge, on_a_large_slide, random_points, url
from tests.factories import RegionFactory, member

pytestmark = pytest.mark.django_db

LEFT, RIGHT = [(2000, 2000), (2100, 2500), (2600, 2200), (2500, 2900)], [(13_000, 9000), (13_500, 9400)]


@pytest.fixture
def analysis():
    return on_a_large_slide(make_analysis())


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.LEAD)


def ask(analysis, user, **query):
    answer = client(user).get(url(analysis, "count/"), query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def codes(count: dict, blocking: bool = False) -> set[str]:
    return {guard["code"] for guard in count["guards"] if guard["blocks"] or not blocking}


def test_judging_what_comes_next_ends_in_a_decided_score_and_says_what_the_command_says(
    analysis, reader, count_by, tmp_path, capsys
):
    count_by(make_protocol())
    points = LEFT + RIGHT
    found = add_detections(analysis, points, [0.9, 0.8, 0.7, 0.6, 0.95, 0.5])
    truth, labels = [True, True, False, True, True, False], dict.fromkeys(range(6))
    document = tmp_path / "points.json"
    verdicts, row_of = 0, {row.pk: index for index, row in enumerate(found)}
    while not (count := ask(analysis, reader))["decided"]:
        rows = [{"x_l0": x, "y_l0": y} for x, y in points]
        rows = [row | {"probability": found[i].probability, "label": labels[i]} for i, row in enumerate(rows)]
        size = {"mpp_x": 0.25, "mpp_y": 0.25, "width": 16_000, "height": 12_000}
        document.write_text(json.dumps(size | {"points": rows}))
        (tmp_path / "own.json").write_text(json.dumps(make_protocol().as_json()))
        assert cli.main(["decide", str(document), "--protocol", str(tmp_path / "own.json")]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["decided"] is False
        assert [row_of[row["detection"]] for row in count["next"]] == [row["index"] for row in told["next"]]
        assert [row["effect"] for row in count["next"]] == pytest.approx([row["effect"] for row in told["next"]])
        assert (count["verdicts_to_go"] >= 1, count["score_low"] <= count["score_high"]) == (True, True)
        assert "given the list" in count["decision_note"]
        index = row_of[count["next"][0]["detection"]]
        labels[index] = truth[index]
        judge(found[index], reader, "mitosis" if truth[index] else "not_mitosis")
        verdicts += 1
    assert (count["score"], count["verdicts_to_go"], count["next"]) == ("2", 0, [])
    assert verdicts < len(points)
    assert count["score_low"] == count["score_high"] == "2"
    assert count["decision_note"].endswith("what neither found is not in it.")
    assert count["decision_note"] in count["notes"]


def test_a_decided_score_is_told_of_a_region_whose_confirmed_figures_have_it(analysis, reader, count_by):
    count_by(make_protocol(cutoffs=CUTOFFS[:2]))
    few = add_detections(analysis, LEFT[:3], [0.9] * 3)
    add_detections(analysis, [*RIGHT, (13_100, 9300), (13_200, 9100)], [0.9] * 4)
    assert ask(analysis, reader)["region"]["polygon"][0][0] > 5000
    for detection in few:
        judge(detection, reader, "mitosis")
    count = ask(analysis, reader)
    assert (count["decided"], count["score"], count["confirmed"], count["open"]) == (True, "2", 3, 0)
    assert count["region"]["polygon"][0][0] < 5000
    assert (count["rival"]["most"], count["most_elsewhere"]) == (4, 4)


def test_regions_come_best_first_and_a_further_one_can_be_asked_for(analysis, reader, count_by):
    count_by(make_protocol())
    found = add_detections(analysis, LEFT + RIGHT, [0.9] * 6)
    judge(found[4], reader, "mitosis")
    count = ask(analysis, reader)
    assert [(row["rank"], row["confirmed"], row["provisional"], row["exact"]) for row in count["regions"]] == [
        (1, 0, 4, True),
        (2, 1, 2, True),
    ]
    assert (count["region"]["kind"], count["region"]["rank"], count["to_next_score"]) == ("best", 1, 3)
    assert ask(analysis, reader, region="1") == count
    second = ask(analysis, reader, region="2")
    assert (second["region"]["kind"], second["region"]["rank"], second["provisional"]) == ("alternate", 2, 2)
    assert second["region"]["polygon"] == count["regions"][1]["polygon"]
    assert (second["interval_with_choice"], second["score_low"], second["score_high"]) == (None, "1", "1")
    third = ask(analysis, reader, region="3")
    assert third["region"] == second["region"]
    assert "There is no region 3: region 2 is shown." in third["notes"]
    assert third["protocol"] | {"sources": {}, "cutoffs": []} == {
        "name": "2 mm² square", "area_mm2": 2.0, "code": "own", "title": "Our own", "version": 3, "shape": "square",
        "fields": None, "field_um": None, "divided_by": 1, "on": True, "chosen": "case", "sources": {}, "cutoffs": [],
    }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(fetch_csv(analysis, reader, region="2"), newline="")))
    assert [row["counted"] for row in rows] == ["no"] * 4 + ["yes"] * 2
    told = ("counted_in", "protocol_title", "protocol_version", "protocol_source", "score", "decided")
    source = "cutoffs: Made in a test."
    assert [rows[0][name] for name in told] == ["region 2, 2 mm² square", "Our own", "3", source, "1", "no"]
    marked = rows[0]["guards"], rows[0]["guards_reasons"]
    assert marked == ("calls_open", "1 place in the region is not judged: the count is a range.")
    document = json.loads(b"".join(client(reader).get(url(analysis, "export.geojson")).streaming_content))
    assert (document["count"]["protocol_code"], document["count"]["guards"]) == ("own", "calls_open")
    described = CountSerializer(counting.count_mitoses(Analysis.objects.get(pk=analysis.pk), reader)).data
    assert set(count) == set(described)
    for name in ("protocol", "region", "rival"):
        assert set(count[name]) == set(described[name])
    for name in ("regions", "next", "guards"):
        assert set(count[name][0]) == set(described[name][0])
    assert count["protocol"]["cutoffs"] == described["protocol"]["cutoffs"]


def fetch_csv(analysis, user, **query) -> str:
    answer = client(user).get(url(analysis, "export.csv"), query)
    return b"".join(answer.streaming_content).decode().removeprefix("\ufeff")


def test_who_is_unsure_has_not_decided(analysis, reader, count_by):
    count_by(make_protocol(cutoffs=CUTOFFS[:2]))
    found = add_detections(analysis, LEFT[:3], [0.9] * 3)
    for detection, label in zip(found, ("mitosis", "mitosis", "unsure"), strict=True):
        judge(detection, reader, label)
    below = add_detection(analysis, 2300, 2300, 0.1)
    judge(below, reader, "unsure")  # no call, and nobody says that it is one
    count = ask(analysis, reader)
    assert (count["open"], count["unsure"], count["decided"]) == (0, 2, False)
    assert (count["score_low"], count["score_high"]) == ("1", "2")
    assert [row["detection"] for row in count["next"]] == [found[2].pk]
    assert "What is unsure is taken for open" in count["decision_note"]
    judge(found[2], reader, "not_mitosis")
    assert ask(analysis, reader)["decided"] is True


def test_what_readers_added_is_asked_of_the_others_too(analysis, reader, count_by):
    count_by(make_protocol(cutoffs=CUTOFFS[:2]))
    other = member(analysis.slide.case.team, Role.READER)
    for detection in add_detections(analysis, LEFT[:2], [0.9] * 2):
        judge(detection, reader, "mitosis")
    figure = review.add_figure(analysis, other, uuid.uuid4(), 2300, 2600).figure
    count = ask(analysis, reader)
    assert (count["decided"], count["next"]) == (False, [{"detection": None, "figure": str(figure.pk), "effect": 1.0}])


def test_the_interval_with_the_choice_stands_beside_that_of_the_count(analysis, reader):
    for detection in add_detections(analysis, random_points(30), [0.9] * 30):
        judge(detection, reader, "mitosis")
    count = ask(analysis, reader)
    low, high = poisson_interval(count["confirmed"])
    assert count["interval"] == {"low": pytest.approx(low / 2), "high": pytest.approx(high / 2)}
    assert count["interval_with_choice"]["low"] < low / 2
    assert count["interval_with_choice"]["high"] < high / 2
    assert (count["score"], count["decided"], count["verdicts_to_go"]) == (None, None, None)  # a plain count
    assert ask(analysis, reader, region="whole")["interval_with_choice"] is None


def test_fields_are_counted_as_fields_and_the_child_that_finds_them_may_be_killed(analysis, reader, count_by):
    count_by(make_protocol(fields_of(2, 500.0), cutoffs=()))
    add_detections(analysis, [*LEFT, (7000, 6000), (7100, 6100)], [0.9] * 6)
    count = ask(analysis, reader)
    assert (count["provisional"], count["protocol"]["name"]) == (6, "2 fields of 0.5 mm")
    assert len(count["region"]["fields_l0"]) == 2
    between = np.array(count["region"]["fields_l0"]).mean(axis=0)
    review.add_figure(analysis, reader, uuid.uuid4(), *between)  # in the hull of the fields, and in none of them
    count_child.end_child()
    count = ask(analysis, reader)
    assert count["provisional"] == count["regions"][0]["provisional"] == 6
    rows = csv.DictReader(io.StringIO(fetch_csv(analysis, reader), newline=""))
    assert [row["counted"] for row in rows] == ["yes"] * 6 + ["no"]
    assert (count["region"]["area_mm2"], count["region"]["drawn_mm2"]) == (pytest.approx(0.3927, abs=1e-4),) * 2


@pytest.mark.parametrize(("mpp_y", "provisional"), [(0.25, 2), (0.5, 1)])
def test_a_circle_is_round_in_micrometres(analysis, reader, count_by, mpp_y, provisional):
    count_by(make_protocol(Shape(CIRCLE, 0.2), cutoffs=()))  # 0.505 mm across
    Analysis.objects.filter(pk=analysis.pk).update(mpp_y=mpp_y, area_mm2=24)
    add_detections(analysis, [(5000, 5000), (5000, 6900)], [0.9, 0.9])
    count = ask(Analysis.objects.get(pk=analysis.pk), reader)
    assert (count["provisional"], count["region"]["area_mm2"]) == (provisional, pytest.approx(0.2))


def test_a_region_of_another_area_has_no_score_and_one_moved_by_hand_has(analysis, reader, count_by):
    count_by(make_protocol())
    judge(add_detections(analysis, LEFT, [0.9] * 4)[0], reader, "mitosis")
    for place, area_mm2 in (("whole", "12.00"), (draw(analysis, 0, 0, 8000, 8000), "4.00")):
        count = ask(analysis, reader, region=place)
        assert (count["score"], count["decided"], codes(count, blocking=True)) == (None, None, {"other_area"})
        assert count["guards"][0]["sentence"].startswith(
            f"The protocol counts in 2.00 mm², and the region has {area_mm2}"
        )
    moved = ask(analysis, reader, region=draw(analysis, 100, 100, 5757, 5757))
    assert (moved["score"], moved["score_high"], moved["decided"]) == ("1", "2", False)
    half, beside, line = (-3000, 100, 2657, 5757), (90_000, 90_000, 95_000, 95_000), (100, 100, 100, 5757)
    for corners in (half, beside, line):
        count = ask(analysis, reader, region=draw(analysis, *corners))
        assert (codes(count, blocking=True), count["score"]) == ({"tissue_smaller"}, None)


def draw(analysis, left, top, right, bottom) -> str:
    polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return str(RegionFactory(slide=analysis.slide, polygon=polygon).pk)


def test_what_stands_in_the_way_of_a_score_is_told_with_a_code_and_what_marks_it_too(analysis, reader, count_by):
    count_by(make_protocol())
    add_detections(analysis, LEFT, [0.9] * 4)
    of_analysis, of_slide = Analysis.objects.filter(pk=analysis.pk), Slide.objects.filter(pk=analysis.slide_id)
    tissue = analysis.tissue

    def change(row, **values):
        row.update(**values)
        return ask(Analysis.objects.get(pk=analysis.pk), reader)

    assert codes(ask(analysis, reader)) == {"calls_open"}
    for state in (Job.State.FAILED, Job.State.DONE):
        Job.objects.filter(pk=analysis.job_id).update(state=state)
        expected = {"analysis_not_done"} if state == Job.State.FAILED else set()
        assert codes(ask(Analysis.objects.get(pk=analysis.pk), reader), blocking=True) == expected
    assert codes(change(of_analysis, validity={"grade": "caution", "reasons": ["Pale."]})) >= {"slide_caution"}
    count = change(of_analysis, validity={"grade": "not valid", "reasons": ["No H&E."]})
    assert (codes(count, blocking=True), count["score"]) == ({"slide_not_valid"}, None)
    assert (count["decided"], count["verdicts_to_go"], count["score_high"]) == (None, None, None)
    change(of_analysis, validity=None)
    asked = [{"code": OUT_OF_RANGE, "text": "The file says 0.01 µm/px.", "answer": None}]
    assert codes(change(of_slide, doubts=asked)) == {"doubtful_pixel_size", "calls_open"}
    answered = [{"code": code, "text": "", "answer": {"word": "as_told"}} for code in (OUT_OF_RANGE, BASE_MISSING)]
    assert codes(change(of_slide, doubts=answered)) == {"full_resolution_missing", "calls_open"}
    change(of_slide, doubts=[])
    assert codes(change(of_analysis, mpp_x=0.5, mpp_y=0.5)) == {"coarse_scan", "calls_open"}
    change(of_analysis, mpp_x=0.25, mpp_y=0.25)
    Case.objects.filter(pk=analysis.slide.case_id).update(tumour_type="Meningioma")
    model = ModelVersionFactory(card=card(meant_for=["breast"]))
    assert codes(change(of_analysis, model=model)) == {"model_not_meant", "calls_open"}
    Case.objects.filter(pk=analysis.slide.case_id).update(organ="Breast")
    assert codes(ask(Analysis.objects.get(pk=analysis.pk), reader)) == {"calls_open"}
    Case.objects.filter(pk=analysis.slide.case_id).update(tumour_type=" Breast ", organ="")
    small = [[[2000, 2000], [3264, 2000], [3264, 3265], [2000, 3265]]]  # 0.1 mm²
    count = change(of_analysis, tissue=small, area_mm2=0.1)
    assert (codes(count, blocking=True), count["region"]["kind"], count["score"]) == ({"tissue_smaller"}, "whole", None)
    change(of_analysis, tissue=tissue, area_mm2=12.0)
    assert codes(change(of_analysis, mpp_source="unknown"), blocking=True) == {"no_pixel_size"}
    assert codes(change(of_slide, kind=Slide.Kind.SHEET), blocking=True) == {"sheet"}


def test_without_time_the_count_comes_without_region_and_decision_and_says_so(analysis, reader, count_by, monkeypatch):
    count_by(make_protocol())
    add_detections(analysis, LEFT, [0.9] * 4)
    monkeypatch.setattr(counting, "SECONDS", 0.0)
    count = ask(analysis, reader)
    assert (count["region"]["kind"], count["provisional"], count["score"]) == ("whole", 4, None)
    assert codes(count, blocking=True) == {"region_too_long"}
    assert "all of the tissue is counted" in count["guards"][0]["sentence"]
    assert "decision_too_long" in codes(count)
    # What is counted instead is what a protocol may look at: named as it is told where that is looked in.
    Analysis.objects.filter(pk=analysis.pk).update(tissue=None, revision=F("revision") + 1)
    count = ask(Analysis.objects.get(pk=analysis.pk), reader)
    assert (count["looked_in"]["where"], count["region"]["kind"]) == ("slide", "whole")
    assert "the whole slide is counted" in count["guards"][0]["sentence"]
    regions.add_region(reader, analysis.slide, "", [[0, 0], [12_000, 0], [12_000, 9000], [0, 9000]], "tumour")
    count = ask(Analysis.objects.get(pk=analysis.pk), reader)
    assert count["looked_in"]["where"] == "tumour"
    assert "all of the drawn tumour is counted" in count["guards"][0]["sentence"]


def test_a_page_of_many_cases_does_not_wait_for_what_takes_long(analysis, reader, count_by):
    for detection in add_detections(analysis, LEFT, [0.9] * 4):
        judge(detection, reader, "mitosis")
    fresh = Analysis.objects.get(pk=analysis.pk)
    quick = count_turns.count_in_turn(fresh, reader, counting.BEST, quick=True)
    assert (quick["confirmed"], quick["interval_with_choice"]) == (4, None)
    whole = count_turns.count_in_turn(fresh, reader, counting.BEST)
    assert whole["interval_with_choice"] is not None
    assert count_turns.count_in_turn(fresh, reader, counting.BEST, quick=True) == whole
    count_by(make_protocol(fields_of(2, 500.0)))
    with pytest.raises(NotNow):
        count_turns.count_in_turn(fresh, reader, counting.BEST, quick=True)


def test_a_place_that_is_no_number_lies_in_no_region_and_is_told(analysis, reader, count_by):
    count_by(make_protocol())
    add_detections(analysis, [*LEFT, (float("nan"), 3000)], [0.9] * 5)
    for where in ("best", "whole"):
        count = ask(analysis, reader, region=where)
        assert (count["provisional"], "figures_outside" in codes(count)) == (4, True)


@pytest.mark.parametrize("cutoffs", [CUTOFFS, ()])
def test_thousands_at_one_place_are_one_region_with_an_order(analysis, reader, count_by, cutoffs):
    count_by(make_protocol(cutoffs=cutoffs))
    places = np.stack([5000 + np.arange(5000) / 1e6, np.full(5000, 5000.0)], axis=1)  # none twice
    add_detections(analysis, places, np.full(5000, 0.6))
    count = ask(analysis, reader)
    assert (count["region"]["rank"], count["provisional"], len(count["regions"])) == (1, 5000, 1)
    assert 10 < len(count["next"]) <= 50
    assert count["next"][0]["effect"] == 1
    assert codes(count) == {"calls_open"}


def test_a_verdict_on_an_older_analysis_is_in_its_own_count_alone(analysis, reader, count_by):
    count_by(make_protocol())
    newer = on_a_large_slide(make_analysis(analysis.slide))
    older_call = add_detections(analysis, LEFT, [0.9] * 4)[0]
    add_detections(newer, LEFT[:2], [0.9] * 2)
    before = ask(newer, reader)
    judge(older_call, reader, "mitosis")
    assert ask(analysis, reader)["confirmed"] == 1
    assert ask(newer, reader) == before
    Analysis.objects.filter(pk=analysis.pk).update(tissue=None)  # of before outlines were kept
    assert ask(Analysis.objects.get(pk=analysis.pk), reader)["region"]["area_mm2"] == 2.0
