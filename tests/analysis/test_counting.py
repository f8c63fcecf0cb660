"""The count as each reader has it: what counts, in which region, per mm² or not, and why."""

import uuid
from threading import BoundedSemaphore

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.models import Analysis
from analysis.pipeline.count import poisson_interval
from analysis.serializers.review import CountSerializer
from analysis.services import count_turns, counting, review
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import Role
from slides.models import Slide
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import add_detections, client, judge, on_a_large_slide, random_points, url
from tests.factories import RegionFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    return on_a_large_slide(make_analysis())


@pytest.fixture
def reader(analysis):
    return member(analysis.slide.case.team, Role.READER)


@pytest.fixture
def other(analysis):
    return member(analysis.slide.case.team, Role.READER)


def ask(analysis, user, **query):
    answer = client(user).get(url(analysis, "count/"), query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def numbers(count: dict) -> tuple:
    return tuple(count[name] for name in ("confirmed", "provisional", "open", "unsure", "judged"))


def test_before_any_verdict_the_count_is_the_models_alone(analysis, reader):
    add_detections(analysis, random_points(5), [0.9, 0.8, 0.7, 0.2, 0.1])
    count = ask(analysis, reader, region="whole")
    assert numbers(count) == (0, 3, 3, 0, 0)
    assert count["model_only"] is True
    assert "Nothing is judged yet: these are the model's calls only." in count["notes"]


def test_who_does_not_judge_is_shown_the_count_of_the_reader_who_judged_most(analysis, reader, other):
    team = analysis.slide.case.team
    onlookers = [member(team, role) for role in ("observer", "technician", "researcher")]
    onlookers.append(UserFactory(is_superuser=True))
    first, second = add_detections(analysis, random_points(2), [0.9, 0.8])
    for person in onlookers:
        count = ask(analysis, person, region="whole")
        assert (count["model_only"], count["nobody_judged"], count["provisional"]) == (True, True, 2)
    judge(first, reader, "not_mitosis")
    for detection in (first, second):
        judge(detection, other, "mitosis")
    for person in onlookers:
        count = ask(analysis, person, region="whole")
        assert (count["reader"]["id"], count["confirmed"], count["nobody_judged"]) == (other.pk, 2, False)
        assert not any("Nothing is judged yet" in note for note in count["notes"])
    assert ask(analysis, reader)["reader"]["id"] == reader.pk
    late = ask(analysis, member(team, "reader"), region="whole")  # who judges has a count from the first look on
    assert (late["model_only"], late["nobody_judged"], late["provisional"]) == (True, False, 2)
    judge(second, onlookers[-1], "unsure")  # an administrator who did judge has one too
    assert ask(analysis, onlookers[-1])["reader"]["id"] == onlookers[-1].pk
    assert ask(analysis, onlookers[0], reader=reader.pk)["reader"]["id"] == reader.pk


def test_confirmed_provisional_open_and_unsure_follow_each_verdict(analysis, reader):
    called_a, called_b, called_c, below = add_detections(analysis, random_points(4), [0.9, 0.8, 0.7, 0.1])
    steps = [
        (called_a, "mitosis", (1, 3, 2, 0, 1)),
        (called_b, "not_mitosis", (1, 2, 1, 0, 2)),
        (called_c, "unsure", (1, 1, 0, 1, 3)),
        (below, "mitosis", (2, 2, 0, 1, 4)),
        (below, "withdrawn", (1, 1, 0, 1, 3)),
        (called_b, "mitosis", (2, 2, 0, 1, 3)),
        (called_c, "withdrawn", (2, 3, 1, 0, 2)),
    ]
    for detection, label, expected in steps:
        judge(detection, reader, label)
        assert numbers(ask(analysis, reader, region="whole")) == expected


def test_an_added_figure_counts_for_its_adder_and_is_open_for_the_others(analysis, reader, other):
    added = review.add_figure(analysis, reader, uuid.uuid4(), 3000, 3000)
    assert numbers(ask(analysis, reader, region="whole")) == (1, 1, 0, 0, 1)
    assert numbers(ask(analysis, other, region="whole")) == (0, 1, 1, 0, 0)
    review.give_verdict(analysis, other, uuid.uuid4(), figure=added.figure.pk, label="mitosis")
    assert numbers(ask(analysis, other, region="whole")) == (1, 1, 0, 0, 1)
    review.give_verdict(analysis, reader, uuid.uuid4(), figure=added.figure.pk, label="not_mitosis")
    assert numbers(ask(analysis, reader, region="whole")) == (0, 0, 0, 0, 1)


def test_a_figure_nobody_stands_by_is_open_for_nobody(analysis, reader, other):
    added = review.add_figure(analysis, reader, uuid.uuid4(), 3000, 3000)
    review.give_verdict(analysis, reader, uuid.uuid4(), figure=added.figure.pk, label="withdrawn")
    assert numbers(ask(analysis, reader, region="whole")) == (0, 0, 0, 0, 0)
    assert numbers(ask(analysis, other, region="whole")) == (0, 0, 0, 0, 0)


def test_each_reader_has_a_count_of_their_own_and_differences_are_listed(analysis, reader, other):
    first, second, third = add_detections(analysis, random_points(3), [0.9, 0.8, 0.7])
    for detection, mine, theirs in ((first, "mitosis", "mitosis"), (second, "mitosis", "not_mitosis")):
        judge(detection, reader, mine)
        judge(detection, other, theirs)
    judge(third, other, "unsure")
    count = ask(analysis, reader, region="whole")
    assert numbers(count) == (2, 3, 1, 0, 2)
    assert numbers(ask(analysis, reader, region="whole", reader=other.pk)) == (1, 1, 0, 1, 3)
    shown = {row["reader"]["id"]: (row["confirmed"], row["provisional"], row["judged"]) for row in count["readers"]}
    assert shown == {reader.pk: (2, 3, 2), other.pk: (1, 1, 3)}
    labels = {str(reader.pk): "mitosis", str(other.pk): "not_mitosis"}
    assert count["differ"] == [{"detection": second.pk, "number": second.number, "figure": None, "labels": labels}]


def test_the_best_square_holds_the_most_provisional_figures_and_moves_with_the_verdicts(analysis, reader):
    left = add_detections(analysis, random_points(6, 3000, 3000), [0.9] * 6)
    add_detections(analysis, random_points(5, 3000, 3000, seed=1) + [11_000, 8000], [0.9] * 5)
    count = ask(analysis, reader)
    assert (count["region"]["kind"], count["region"]["area_mm2"], count["provisional"]) == ("best", 2.0, 6)
    assert (count["protocol"]["name"], count["protocol"]["area_mm2"]) == ("2 mm² square", 2.0)
    assert count["smaller_than_protocol"] is False
    side = np.sqrt(2e6) / 0.25
    corners = np.array(count["region"]["polygon"])
    assert np.ptp(corners, axis=0) == pytest.approx([side, side])
    for detection in left[:2]:
        judge(detection, reader, "not_mitosis")
    moved = ask(analysis, reader)
    assert (moved["provisional"], moved["open"], moved["judged"]) == (5, 5, 0)
    assert moved["region"]["polygon"][0][0] > 3000


def test_the_square_is_as_wide_and_as_high_in_micrometres_whatever_the_pixels(analysis, reader):
    add_detections(analysis, random_points(6, 3000, 3000), [0.9] * 6)
    Analysis.objects.filter(pk=analysis.pk).update(mpp_x=0.25, mpp_y=0.5, area_mm2=24)
    corners = np.array(ask(Analysis.objects.get(pk=analysis.pk), reader)["region"]["polygon"])
    assert np.ptp(corners, axis=0) == pytest.approx([np.sqrt(2e6) / 0.25, np.sqrt(2e6) / 0.5])


def test_per_mm2_comes_with_area_interval_and_the_source_of_the_pixel_size(analysis, reader):
    detections = add_detections(analysis, random_points(14, 3000, 3000), [0.9] * 14)
    for detection in detections[:10]:
        judge(detection, reader, "mitosis")
    for detection in detections[10:]:
        judge(detection, reader, "unsure")
    count = ask(analysis, reader)
    assert count["per_mm2"] == {"confirmed": 5.0, "provisional": 5.0}
    low, high = poisson_interval(10)
    assert count["interval"] == {"low": pytest.approx(low / 2), "high": pytest.approx(high / 2)}
    assert (count["mpp_x"], count["mpp_y"], count["mpp_source"]) == (0.25, 0.25, "file")
    assert any("busiest" in note for note in count["notes"])


def test_while_anything_in_the_region_is_open_the_density_is_a_range_without_an_interval(analysis, reader, other):
    detections = add_detections(analysis, [*random_points(3, 3000, 3000), (12_000, 9000)], [0.9] * 4)
    region = RegionFactory(slide=analysis.slide, polygon=[[0, 0], [8000, 0], [8000, 8000], [0, 8000]])
    judge(detections[0], reader, "not_mitosis")
    count = ask(analysis, reader, region=str(region.pk))
    assert (count["per_mm2"], count["interval"]) == ({"confirmed": 0.0, "provisional": 0.5}, None)
    assert any("a range" in note for note in count["notes"])
    assert not any("Poisson" in note for note in count["notes"])
    for detection in detections[1:3]:
        judge(detection, reader, "mitosis")
    done = ask(analysis, reader, region=str(region.pk))  # what is open beyond the region is none of its business
    assert (done["open"], done["per_mm2"]) == (0, {"confirmed": 0.5, "provisional": 0.5})
    assert done["interval"]["high"] == pytest.approx(poisson_interval(2)[1] / 4)
    review.add_figure(analysis, other, uuid.uuid4(), 6000, 6000)
    again = ask(analysis, reader, region=str(region.pk))
    assert (again["per_mm2"], again["interval"]) == ({"confirmed": 0.5, "provisional": 0.75}, None)


def test_one_call_and_one_added_figure_are_two(reader, analysis):
    add_detection(analysis, 3000, 3000)
    review.add_figure(analysis, reader, uuid.uuid4(), 6000, 6000)
    count = ask(analysis, reader)
    assert (count["confirmed"], count["provisional"]) == (1, 2)


def test_less_tissue_than_the_protocol_is_counted_whole_and_says_so(reader, analysis):
    on_a_large_slide(analysis, 4000, 6000)
    add_detections(analysis, random_points(3, 4000, 6000), [0.9] * 3)
    sentence = "There is not enough tissue for the 2 mm² square: all of it is counted, 1.50 mm²."
    for where in ("best", "whole"):
        count = ask(analysis, reader, region=where)
        assert (count["smaller_than_protocol"], count["protocol_fit"]) == (True, "tissue_smaller")
        assert count["region"] == {
            "kind": "whole",
            "id": None,
            "name": "",
            "polygon": None,
            "area_mm2": 1.5,
            "drawn_mm2": None,
            "rank": None,
            "fields_l0": None,
            "further_rings": [],
            "tissue_fraction": 1.0,
        }
        assert count["per_mm2"]["provisional"] == pytest.approx(2.0)
        assert count["protocol_note"] == sentence
        assert sentence in count["notes"]


def test_a_slide_too_narrow_for_the_square_is_counted_whole_though_it_has_the_area(reader, analysis):
    on_a_large_slide(analysis, 5000, 8000)
    count = ask(analysis, reader)
    assert (count["smaller_than_protocol"], count["protocol_fit"]) == (True, "does_not_fit")
    assert count["region"]["area_mm2"] == 2.5
    sentence = "The 2 mm² square does not fit, though there is tissue enough: all of it is counted, 2.50 mm²."
    assert count["protocol_note"] == sentence
    assert ask(analysis, reader, region="whole")["protocol_fit"] == "fits"


@pytest.mark.parametrize(("area_mm2", "fit"), [(1.997, "does_not_fit"), (1.994, "tissue_smaller")])
def test_what_is_printed_as_the_protocols_area_is_not_too_little_tissue(reader, analysis, area_mm2, fit):
    on_a_large_slide(analysis, 5000, 8000)
    Analysis.objects.filter(pk=analysis.pk).update(area_mm2=area_mm2)
    assert ask(analysis, reader)["protocol_fit"] == fit


def test_where_no_square_is_full_of_tissue_all_of_it_is_counted(reader, analysis):
    strip = [[0, 0], [16_000, 0], [16_000, 3000], [0, 3000]]
    Analysis.objects.filter(pk=analysis.pk).update(tissue=[strip], area_mm2=3.0)
    add_detections(analysis, random_points(4, 5000, 3000), [0.9] * 4)
    count = ask(analysis, reader)
    assert (count["smaller_than_protocol"], count["protocol_fit"]) == (True, "does_not_fit")
    assert (count["region"]["kind"], count["region"]["area_mm2"], count["provisional"]) == ("whole", 3.0, 4)
    assert "all of it is counted, 3.00 mm²." in count["protocol_note"]


def test_a_square_with_a_little_glass_fits_and_its_tissue_is_its_area(reader, analysis):
    hole = [[2000, 2000], [2600, 2000], [2600, 3600], [2000, 3600]]
    whole = [[0, 0], [5700, 0], [5700, 5700], [0, 5700]]
    Analysis.objects.filter(pk=analysis.pk).update(tissue=[whole, hole], area_mm2=(5700**2 - 600 * 1600) / 16e6)
    judge(add_detection(analysis, 3000, 3000), reader, "mitosis")
    for area_mm2 in (1.97, 2.5):  # nothing but that square, and tissue elsewhere
        Analysis.objects.filter(pk=analysis.pk).update(area_mm2=area_mm2)
        count = ask(analysis, reader)
        assert (count["region"]["kind"], count["protocol_fit"]) == ("best", "fits")
        assert count["region"]["area_mm2"] == pytest.approx(2.0 - 600 * 1600 / 16e6, abs=1e-3)
        assert count["region"]["tissue_fraction"] == pytest.approx(0.97, abs=1e-3)
        assert count["per_mm2"]["confirmed"] == pytest.approx(1 / count["region"]["area_mm2"])
    bigger = [[2000, 2000], [2900, 2000], [2900, 4000], [2000, 4000]]  # more glass than a window may hold
    Analysis.objects.filter(pk=analysis.pk).update(tissue=[whole, bigger], area_mm2=1.92)
    assert ask(analysis, reader)["protocol_fit"] == "tissue_smaller"


def test_a_drawn_region_is_counted_with_its_real_area(analysis, reader):
    inside, outside = add_detections(analysis, [(1000, 1000), (9000, 9000)], [0.9, 0.9])
    region = RegionFactory(slide=analysis.slide, polygon=[[0, 0], [8000, 0], [8000, 8000], [0, 8000]])
    judge(inside, reader, "mitosis")
    count = ask(analysis, reader, region=str(region.pk))
    assert count["region"]["kind"] == "drawn"
    assert (count["region"]["id"], count["region"]["area_mm2"]) == (str(region.pk), 4.0)
    assert numbers(count) == (1, 1, 0, 0, 1)
    assert (count["smaller_than_protocol"], count["protocol_fit"], count["protocol_note"]) == (False, "fits", "")
    assert outside.pk


@pytest.mark.parametrize(("mpp_y", "area_mm2"), [(0.25, 0.986), (0.5, 1.972)])
def test_the_glass_in_a_drawn_region_is_not_of_its_area(reader, analysis, mpp_y, area_mm2):
    tissue = [[[0, 0], [4989, 0], [4989, 12_000], [0, 12_000]]]
    whole_mm2 = 4989 * 12_000 * 0.25 * mpp_y / 1e6
    Analysis.objects.filter(pk=analysis.pk).update(tissue=tissue, area_mm2=whole_mm2, mpp_y=mpp_y)
    square = [[2200, 100], [7857, 100], [7857, 5757], [2200, 5757]]
    region = RegionFactory(slide=analysis.slide, polygon=square)
    for detection in add_detections(analysis, random_points(8, 2500, 5000) + [2300, 200], [0.9] * 8):
        judge(detection, reader, "mitosis")
    count = ask(analysis, reader, region=str(region.pk))
    assert count["region"]["area_mm2"] == pytest.approx(area_mm2, rel=0.001)
    assert count["region"]["drawn_mm2"] == pytest.approx(5657**2 * 0.25 * mpp_y / 1e6, rel=1e-5)
    assert count["per_mm2"]["confirmed"] == pytest.approx(8 / area_mm2, rel=0.001)
    assert (count["smaller_than_protocol"], count["protocol_fit"]) == (True, "tissue_smaller")
    assert f"The region holds less tissue than the 2 mm² square: {area_mm2:.2f} mm²." in count["notes"]
    drawn = count["region"]["drawn_mm2"]
    assert f"Of the region {area_mm2:.2f} mm² are tissue, of {drawn:.2f} mm² drawn." in count["notes"]


def test_a_region_on_glass_has_no_number_per_mm2(reader, analysis):
    tissue = [[[0, 0], [4989, 0], [4989, 12_000], [0, 12_000]]]
    Analysis.objects.filter(pk=analysis.pk).update(tissue=tissue, area_mm2=3.74)
    region = RegionFactory(slide=analysis.slide, polygon=[[6000, 0], [12_000, 0], [12_000, 6000], [6000, 6000]])
    review.add_figure(analysis, reader, uuid.uuid4(), 8000, 3000)
    count = ask(analysis, reader, region=str(region.pk))
    assert (count["confirmed"], count["per_mm2"], count["interval"]) == (1, None, None)
    assert (count["region"]["area_mm2"], count["region"]["drawn_mm2"]) == (0.0, 2.25)
    assert "No tissue in the region: no number per mm²." in count["notes"]


def test_added_figures_beside_the_tissue_are_told_where_a_density_is(reader, analysis):
    hole = [[1000, 1000], [2000, 1000], [2000, 2000], [1000, 2000]]
    tissue = [[[0, 0], [4989, 0], [4989, 12_000], [0, 12_000]], hole]
    Analysis.objects.filter(pk=analysis.pk).update(tissue=tissue, area_mm2=3.68)
    region = RegionFactory(slide=analysis.slide, polygon=[[0, 0], [12_000, 0], [12_000, 6000], [0, 6000]])
    places = [((3000, 3000), None), ((8000, 3000), "1 added figure lies"), ((1500, 1500), "2 added figures lie")]
    for place, expected in places:
        review.add_figure(analysis, reader, uuid.uuid4(), *place)
        told = [note for note in ask(analysis, reader, region=str(region.pk))["notes"] if "no tissue was found" in note]
        assert [note.partition(" where")[0] for note in told] == ([expected] if expected else [])


def test_only_what_of_a_drawn_region_was_analysed_is_its_area(reader, analysis):
    Analysis.objects.filter(pk=analysis.pk).update(polygon=[[0, 0], [8000, 0], [8000, 12_000], [0, 12_000]])
    region = RegionFactory(slide=analysis.slide, polygon=[[4000, 0], [12_000, 0], [12_000, 4000], [4000, 4000]])
    count = ask(analysis, reader, region=str(region.pk))
    assert count["region"]["area_mm2"] == pytest.approx(1.0)
    assert count["smaller_than_protocol"] is True
    assert "Of the region 1.00 mm² were analysed, of 2.00 mm² drawn." in count["notes"]


def test_a_sheet_of_cut_outs_gives_no_number_per_mm2(analysis, reader):
    Slide.objects.filter(pk=analysis.slide_id).update(kind=Slide.Kind.SHEET)
    add_detection(analysis)
    for region in ("best", "whole"):
        count = ask(analysis, reader, region=region)
        assert (count["per_mm2"], count["interval"], count["region"]["area_mm2"]) == (None, None, None)
        assert count["provisional"] == 1
        assert count["notes"][0] == "A sheet of cut-out figures is no tissue: no number per mm²."


def test_without_a_pixel_size_there_is_no_number_per_mm2(analysis, reader):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_source="unknown")
    add_detection(analysis)
    count = ask(analysis, reader)
    assert (count["per_mm2"], count["interval"], count["region"]["area_mm2"]) == (None, None, None)
    assert "The slide has no pixel size: no number per mm²." in count["notes"]


@pytest.mark.parametrize(
    ("state", "words"),
    [("running", "has not finished"), ("failed", "failed"), ("cancelled", "was cancelled")],
)
def test_an_analysis_that_is_not_done_gives_no_number_per_mm2(analysis, reader, state, words):
    add_detection(analysis)
    Job.objects.filter(pk=analysis.job_id).update(state=state, claim=uuid.uuid4(), lease_until="2030-01-01T00:00Z")
    count = ask(analysis, reader)
    assert count["per_mm2"] is None
    assert count["provisional"] == 1
    assert any(words in note for note in count["notes"])


def test_a_pixel_size_corrected_later_or_set_by_hand_is_said(analysis, reader):
    Slide.objects.filter(pk=analysis.slide_id).update(mpp_x=0.5, mpp_y=0.5, mpp_source="hand")
    Analysis.objects.filter(pk=analysis.pk).update(mpp_source="hand")
    notes = ask(analysis, reader)["notes"]
    assert "The pixel size was set by hand." in notes
    assert "The slide's pixel size was changed after this analysis, which keeps its own." in notes


@pytest.mark.parametrize("region", ["worst", "0", "a575240b-33d7-421e-a588-d56b8185be81"])
def test_a_region_that_is_not_there_is_a_404(analysis, reader, region):
    assert client(reader).get(url(analysis, "count/"), {"region": region}).status_code == 404


@pytest.mark.parametrize("name", ["region", "reader"])
def test_a_parameter_that_is_named_and_left_empty_is_refused_and_not_taken_for_the_default(analysis, reader, name):
    answer = client(reader).get(url(analysis, "count/"), {name: ""})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_a_region_of_another_slide_is_a_404(analysis, reader):
    elsewhere = RegionFactory()
    assert client(reader).get(url(analysis, "count/"), {"region": str(elsewhere.pk)}).status_code == 404


@pytest.mark.parametrize("person", ["outsider", "nobody", "words"])
def test_the_count_of_somebody_outside_the_team_is_a_404(analysis, reader, person):
    named = {"outsider": UserFactory().pk, "nobody": 10**8, "words": "me"}[person]
    assert client(reader).get(url(analysis, "count/"), {"reader": named}).status_code == 404


@pytest.mark.parametrize("role", Role.values)
def test_everybody_in_the_team_sees_the_count(analysis, role):
    assert client(member(analysis.slide.case.team, role)).get(url(analysis, "count/")).status_code == 200


def test_outside_the_team_there_is_no_count(analysis):
    assert client(UserFactory()).get(url(analysis, "count/")).status_code == 404
    assert client().get(url(analysis, "count/")).status_code == 401


def test_a_count_costs_the_same_number_of_queries_with_many_readers(analysis):
    def cost(user) -> int:
        fresh = Analysis.objects.select_related("slide__case", "job", "model").get(pk=analysis.pk)
        with CaptureQueriesContext(connection) as queries:
            counting.count_mitoses(fresh, user)
        return len(queries)

    readers = [member(analysis.slide.case.team, Role.READER) for _ in range(3)]
    first = cost(readers[0])
    for reader in readers:
        for detection in add_detections(analysis, random_points(5, seed=reader.pk), [0.9] * 5):
            judge(detection, reader, "mitosis")
    assert cost(readers[0]) == first <= 10


def test_the_answer_has_the_shape_that_the_schema_says(analysis, reader, other):
    detection = add_detection(analysis)
    judge(detection, reader, "mitosis")
    judge(detection, other, "unsure")
    count = ask(analysis, reader)
    described = CountSerializer(counting.count_mitoses(analysis, reader)).data
    assert set(count) == set(described)
    for name in ("region", "protocol", "reader", "per_mm2", "interval"):
        assert set(count[name]) == set(described[name])
    for name in ("readers", "differ"):
        assert set(count[name][0]) == set(described[name][0])


def test_a_count_is_not_worked_out_twice_for_one_revision(analysis, reader, other):
    detections = add_detections(analysis, random_points(3), [0.9] * 3)
    asked = ask(analysis, reader, region="whole")
    with CaptureQueriesContext(connection) as queries:
        assert ask(analysis, reader, region="whole") == asked
    assert not any("verdict" in query["sql"] for query in queries)
    judge(detections[0], reader, "mitosis")
    assert numbers(ask(analysis, reader, region="whole")) == (1, 3, 2, 0, 1)
    assert numbers(ask(analysis, other, region="whole")) == (0, 3, 3, 0, 0)
    Job.objects.filter(pk=analysis.job_id).update(state="failed")
    assert ask(analysis, reader, region="whole")["per_mm2"] is None


def test_one_count_of_an_analysis_at_a_time_and_the_others_are_told_to_ask_again(analysis, reader, monkeypatch):
    monkeypatch.setattr(count_turns, "PATIENCE_S", 0)
    second = make_analysis(analysis.slide)
    with psycopg.connect(**connection.get_connection_params()) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_lock(%s)", [analysis.pk.int >> 65])
        refused = client(reader).get(url(analysis, "count/"))
        assert (refused.status_code, refused["Retry-After"]) == (503, "1")
        assert refused.json() == {
            "detail": "Not counted yet: the count is being worked out for others; ask again in a second.",
            "code": "count_busy",
        }
        assert numbers(ask(second, reader)) == (0, 0, 0, 0, 0)
    assert numbers(ask(analysis, reader)) == (0, 0, 0, 0, 0)


def test_counts_never_take_all_threads_of_a_web_process(analysis, reader, monkeypatch):
    monkeypatch.setattr(count_turns, "_places", BoundedSemaphore(1))
    with count_turns._take_place():
        assert client(reader).get(url(analysis, "count/")).status_code == 503
    assert numbers(ask(analysis, reader)) == (0, 0, 0, 0, 0)
