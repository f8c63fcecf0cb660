"""CSV and QuPath GeoJSON: what is in them, safe to open, named by the slide's label."""

import csv
import io
import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from shapely.geometry import shape

from analysis.models import Analysis
from analysis.pipeline.count import poisson_interval
from analysis.pipeline.detection_files.geojson import read_features
from analysis.pipeline.regions import read_area
from analysis.services import comments, review
from mitoweb.people.models import AuditEntry, Role
from slides.models import Slide
from slides.services import areas
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import add_detections, client, comment_on, judge, on_a_large_slide, random_points, url
from tests.factories import RegionFactory, UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    return make_analysis()


@pytest.fixture
def lead(analysis):
    return member(analysis.slide.case.team, Role.LEAD, username="lead")


def fetch(analysis, user, suffix, **query):
    return client(user).get(url(analysis, f"export.{suffix}"), query)


def text(answer) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def csv_rows(analysis, user, **query) -> list[dict]:
    sent = text(fetch(analysis, user, "csv", **query)).removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(sent, newline="")))


def features(analysis, user) -> list[dict]:
    document = json.loads(text(fetch(analysis, user, "geojson")))
    assert document["type"] == "FeatureCollection"
    return document["features"]


def test_csv_has_one_row_per_detection_and_figure_with_each_readers_verdict(analysis, lead):
    reader = member(analysis.slide.case.team, Role.READER, username="ann")
    called, below = add_detection(analysis, 100, 200, 0.9), add_detection(analysis, 300, 200, 0.2)
    judge(called, reader, "not_mitosis", "pyknotic")
    judge(called, lead, "mitosis")
    judge(below, reader, "mitosis")
    figure = review.add_figure(analysis, reader, uuid.uuid4(), 500, 500).figure
    first, second, third = csv_rows(analysis, lead)
    assert (first["number"], first["kind"], first["model_call"]) == ("1", "detection", "mitosis")
    assert [float(first[name]) for name in ("x_l0", "y_l0", "x_um", "y_um", "probability")] == [100, 200, 25, 50, 0.9]
    assert (first["verdict ann"], first["agreement ann"], first["reason ann"]) == (
        "not_mitosis",
        "disagree",
        "pyknotic",
    )
    assert (first["verdict lead"], first["agreement lead"]) == ("mitosis", "agree")
    assert (second["model_call"], second["verdict ann"], second["agreement ann"]) == (
        "not_mitosis",
        "mitosis",
        "disagree",
    )
    assert second["verdict lead"] == ""
    assert (third["kind"], third["id"], third["added_by"]) == ("figure", str(figure.pk), "ann")
    assert (third["probability"], third["model_call"], third["verdict ann"]) == ("", "", "mitosis")


def test_phase_atypical_purpose_and_comments_are_in_both_files(analysis, lead):
    ann = member(analysis.slide.case.team, Role.READER, username="ann")
    first, second = add_detection(analysis, 100, 200), add_detection(analysis, 300, 200)
    judge(first, ann, "mitosis", phase="metaphase", atypical=True, purpose="correct")
    judge(first, lead, "not_mitosis", "crush")
    said = comment_on(first, ann, "Three poles.")
    comment_on(first, lead, "Then it counts.", reply_to=said.pk)
    gone = comment_on(first, ann, "of another case")
    comments.withdraw_comment(analysis, ann, uuid.uuid4(), gone.pk)
    row, other = csv_rows(analysis, lead)
    told = [row[f"{name} ann"] for name in ("verdict", "phase", "atypical", "purpose")]
    assert told == ["mitosis", "metaphase", "yes", "correct"]
    assert [row[f"{name} lead"] for name in ("phase", "atypical", "purpose")] == ["", "", "validate"]
    assert (row["comments"], row["comments_text"]) == ("2", "ann: Three poles.\nlead: Then it counts.")
    assert (other["comments"], other["comments_text"], other["atypical ann"]) == ("0", "", "")
    metadata, plain = [feature["properties"]["metadata"] for feature in features(analysis, lead)]
    assert metadata["verdict of ann"] == "mitosis, agree"
    assert [metadata[f"{name} of ann"] for name in ("phase", "atypical", "purpose")] == ["metaphase", "yes", "correct"]
    assert "phase of lead" not in metadata and "atypical of lead" not in metadata
    assert (metadata["comments"], metadata["comments_text"]) == ("2", row["comments_text"])
    assert "comments" not in plain
    assert second.pk


def test_every_row_says_how_the_result_came_about(analysis, lead):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_x=0.25, mpp_y=0.5)
    add_detection(analysis)
    (row,) = csv_rows(analysis, lead)
    assert row["model"] == analysis.model.name
    assert row["model_sha256"] == analysis.model_sha256
    assert (float(row["threshold"]), row["normaliser"]) == (analysis.threshold, "none")
    assert (float(row["mpp_x"]), float(row["mpp_y"]), row["mpp_source"]) == (0.25, 0.5, "file")
    assert row["software"] == f"MitoWeb {analysis.software}"
    (feature,) = features(analysis, lead)
    assert feature["properties"]["metadata"]["model_sha256"] == analysis.model_sha256
    assert all(isinstance(value, str) for value in feature["properties"]["metadata"].values())


def test_csv_opens_in_a_spreadsheet_with_its_umlauts_and_digits_that_mean_something(analysis, lead):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_x=0.2273, mpp_y=0.5)
    review.give_verdict(
        analysis,
        lead,
        uuid.uuid4(),
        detection=add_detection(analysis, 100.123456, 200.98765, 0.912345678).pk,
        label="unsure",
        comment="Zählt nicht",
    )
    assert b"".join(fetch(analysis, lead, "csv").streaming_content).startswith(b"\xef\xbb\xbfid,")
    (row,) = csv_rows(analysis, lead)
    assert [row[name] for name in ("x_l0", "y_l0", "x_um", "y_um")] == ["100.12", "200.99", "22.76", "100.49"]
    assert (row["probability"], row["comment lead"]) == ("0.9123", "Zählt nicht")


def test_csv_says_region_area_density_and_when_it_was_judged(analysis, lead):
    on_a_large_slide(analysis)
    tissue = [[[0, 0], [4000, 0], [4000, 12_000], [0, 12_000]]]
    Analysis.objects.filter(pk=analysis.pk).update(tissue=tissue, area_mm2=3.0)
    ann = member(analysis.slide.case.team, Role.READER, username="ann")
    first, second = add_detections(analysis, [(3000, 1000), (1000, 9000)], [0.9, 0.9])
    verdict = judge(first, ann, "mitosis")
    RegionFactory(slide=analysis.slide, name="Rand", polygon=[[2500, 0], [5000, 0], [5000, 4000], [2500, 4000]])
    front = RegionFactory(slide=analysis.slide, name="Front", polygon=[[0, 0], [8000, 0], [8000, 4000], [0, 4000]])
    rows = csv_rows(analysis, lead, region=front.pk, reader=ann.pk)
    assert [(row["region"], row["counted"]) for row in rows] == [("Rand; Front", "yes"), ("", "no")]
    assert rows[0]["verdict_at ann"] == verdict.at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert rows[1]["verdict_at ann"] == ""
    told = ("counted_in", "count_of", "area_mm2", "drawn_mm2", "confirmed", "provisional", "open")
    assert [rows[1][name] for name in told] == ["Front", "ann", "1.0", "2.0", "1", "1", "0"]
    assert (rows[0]["per_mm2_confirmed"], rows[0]["per_mm2_provisional"]) == ("1.0", "1.0")
    low, high = poisson_interval(1)
    assert (rows[0]["per_mm2_low"], rows[0]["per_mm2_high"]) == (str(round(low, 4)), str(round(high, 4)))
    assert (rows[0]["protocol"], rows[0]["protocol_fit"]) == ("2 mm² square", "tissue_smaller")
    assert "less tissue than the 2 mm² square" in rows[0]["count_notes"]
    mine = csv_rows(analysis, lead)[0]  # of whoever asks, where no square fits: nothing judged, so a range
    assert (mine["counted_in"], mine["count_of"]) == ("all that was analysed", "lead")
    assert (mine["per_mm2_confirmed"], mine["open"], mine["per_mm2_low"]) == ("0.0", "2", "")
    assert mine["protocol_fit"] == "does_not_fit"
    document = json.loads(text(fetch(analysis, lead, "geojson", region=front.pk, reader=ann.pk)))
    assert {name: str(document["count"][name]) for name in told} == {name: rows[0][name] for name in told}
    metadata = [feature["properties"]["metadata"] for feature in document["features"]]
    assert [(row.get("region"), row["counted"]) for row in metadata] == [("Rand; Front", "yes"), (None, "no")]
    assert second.pk


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_an_export_of_a_region_that_is_not_there_is_a_404(analysis, lead, suffix):
    assert fetch(analysis, lead, suffix, region="worst").status_code == 404


def test_a_withdrawn_verdict_and_a_withdrawn_figure_are_in_no_export(analysis, lead):
    judge(add_detection(analysis), lead, "mitosis")
    judge(analysis.detections.get(), lead, "withdrawn")
    figure = review.add_figure(analysis, lead, uuid.uuid4(), 500, 500).figure
    review.give_verdict(analysis, lead, uuid.uuid4(), figure=figure.pk, label="withdrawn")
    (row,) = csv_rows(analysis, lead)
    assert "verdict lead" not in row
    assert len(features(analysis, lead)) == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_what_a_spreadsheet_would_run_is_made_text(analysis, start):
    lead = member(analysis.slide.case.team, Role.LEAD, username=f"{start}cmd")
    detection = add_detection(analysis)
    review.give_verdict(
        analysis, lead, uuid.uuid4(), detection=detection.pk, label="unsure", comment=f'{start}HYPERLINK("http://x")'
    )
    comment_on(detection, lead, "A ring?")
    (row,) = csv_rows(analysis, lead)
    assert row["comments_text"] == f"'{start}cmd: A ring?"
    assert row[f"comment {start}cmd"] == f'\'{start}HYPERLINK("http://x")'


def test_geojson_is_what_qupath_reads(analysis, lead):
    called, below, third = (
        add_detection(analysis, 100, 200, 0.9),
        add_detection(analysis, 300, 200, 0.2),
        add_detection(analysis, 500, 200, 0.8),
    )
    judge(called, lead, "mitosis")
    first, second, last = features(analysis, lead)
    (ring,) = first["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    assert ring == [[75, 175], [125, 175], [125, 225], [75, 225], [75, 175]]
    assert shape(first["geometry"]).is_valid
    properties = first["properties"]
    assert (properties["objectType"], properties["name"]) == ("detection", "MF 1")
    assert properties["classification"] == {"name": "Mitotic figure", "color": [0, 160, 0]}
    assert properties["measurements"] == {"Mitosis probability": 0.9, "Readers": 1, "Readers mitosis": 1}
    assert properties["metadata"]["verdict of lead"] == "mitosis, agree"
    assert second["properties"]["classification"]["name"] == "Below threshold"
    assert last["properties"]["classification"]["name"] == "Mitotic figure, not judged"
    assert below.pk != third.pk


@pytest.mark.parametrize(("bounds", "left_top"), [([40, 60, 600, 500], [35, 115]), ([], [75, 175])])
def test_geojson_counts_from_the_corner_to_which_qupath_crops_and_says_so(analysis, lead, bounds, left_top):
    Slide.objects.filter(pk=analysis.slide_id).update(bounds=bounds)
    add_detection(analysis, 100, 200, 0.9)
    (feature,) = features(analysis, lead)
    assert feature["geometry"]["coordinates"][0][0] == left_top
    told = feature["properties"]["metadata"]
    assert [told["origin_x_l0"], told["origin_y_l0"]] == [str(value) for value in bounds[:2] or (0, 0)]
    assert ("to which QuPath crops" in told["coordinates"]) == bool(bounds)
    (row,) = csv_rows(analysis, lead)
    assert (float(row["x_l0"]), float(row["y_l0"])) == (100, 200)


def test_the_tumour_leaves_as_an_annotation_and_is_read_back_where_it_was_drawn(analysis, lead, tmp_path):
    Slide.objects.filter(pk=analysis.slide_id).update(bounds=[40, 60, 600, 500])
    add_detection(analysis, 200, 200, 0.9)
    outline, hole = [[100, 100], [400, 100], [400, 300], [100, 300]], [[150, 150], [250, 150], [250, 250], [150, 250]]
    part = [[500, 100], [550, 100], [550, 150], [500, 150]]
    drawn = {"slide": analysis.slide, "kind": "tumour", "created_by": lead}
    RegionFactory(name="Tumour 1", polygon=outline, further_rings=[hole, part], **drawn)
    RegionFactory(withdrawn=timezone.now(), **drawn)
    area, mark = features(analysis, lead)
    told = area["properties"]
    assert (told["objectType"], told["name"], told["classification"]["name"]) == ("annotation", "Tumour 1", "Tumour")
    assert told["metadata"]["drawn_by"] == "lead"
    assert area["geometry"]["type"] == "MultiPolygon"
    assert shape(area["geometry"]).bounds == (60, 40, 510, 240)  # from the corner to which QuPath crops
    (row,) = csv_rows(analysis, lead)
    assert row["region"] == ""  # the tumour is none to count in
    path = tmp_path / "export.geojson"
    path.write_text(text(fetch(analysis, lead, "geojson")))
    assert areas.join_rings(read_area(path).polygons_l0).equals(areas.join_rings([outline, hole, part]))
    assert len(read_features(json.loads(path.read_text())["features"], "A1").places) == 1


def test_geojson_says_where_readers_differ(analysis, lead):
    detection, reader = add_detection(analysis), member(analysis.slide.case.team, Role.READER)
    judge(detection, lead, "mitosis")
    judge(detection, reader, "unsure")
    (feature,) = features(analysis, lead)
    assert feature["properties"]["classification"]["name"] == "Readers differ"


def test_squares_are_12_5_micrometres_at_any_pixel_size(analysis, lead):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_x=0.5, mpp_y=0.25)
    add_detection(analysis, 100, 200)
    (feature,) = features(analysis, lead)
    assert feature["geometry"]["coordinates"][0][2] == [112.5, 225]
    Analysis.objects.filter(pk=analysis.pk).update(mpp_x=0.3, mpp_y=0.7)
    (feature,) = features(analysis, lead)
    assert feature["geometry"]["coordinates"][0][2] == [120.833, 208.929]


def test_without_a_pixel_size_there_are_no_micrometres(analysis, lead):
    Analysis.objects.filter(pk=analysis.pk).update(mpp_source="unknown", mpp_x=7, mpp_y=7)
    add_detection(analysis, 100, 200)
    (row,) = csv_rows(analysis, lead)
    assert (row["x_um"], row["mpp_x"], row["mpp_source"]) == ("", "", "unknown")
    (feature,) = features(analysis, lead)
    assert feature["geometry"]["coordinates"][0][0] == [75, 175]
    assert "mpp_x" not in feature["properties"]["metadata"]


def test_ids_stay_the_same_from_export_to_export(analysis, lead):
    add_detections(analysis, random_points(5, 1000, 700), [0.9] * 5)
    first = [feature["id"] for feature in features(analysis, lead)]
    assert [feature["id"] for feature in features(analysis, lead)] == first
    assert [row["id"] for row in csv_rows(analysis, lead)] == first
    assert len({uuid.UUID(identity) for identity in first}) == 5


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("A1 HE", "A1-HE"),
        ('..\\/"x\r\nSet-Cookie: a', "x-Set-Cookie-a"),
        ("«№»", "slide"),
        ("\u202efdp", "fdp"),
    ],
)
def test_the_file_is_named_by_the_label_made_safe(analysis, lead, label, name):
    Slide.objects.filter(pk=analysis.slide_id).update(label=label)
    answer = fetch(analysis, lead, "csv")
    assert answer["Content-Disposition"] == f'attachment; filename="{name}-{str(analysis.pk)[:8]}.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert fetch(analysis, lead, "geojson")["Content-Type"] == "application/geo+json"


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
@pytest.mark.parametrize(
    ("role", "code"), [("reader", 200), ("lead", 200), ("researcher", 200), ("technician", 403), ("observer", 403)]
)
def test_readers_leads_and_researchers_export(analysis, suffix, role, code):
    assert fetch(analysis, member(analysis.slide.case.team, role), suffix).status_code == code


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_outside_the_team_there_is_nothing_to_export(analysis, suffix):
    assert fetch(analysis, UserFactory(), suffix).status_code == 404
    assert fetch(analysis, None, suffix).status_code == 401


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_an_export_costs_the_same_number_of_queries_with_more_rows(analysis, lead, suffix):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(fetch(analysis, lead, suffix))
        return len(queries)

    for detection in add_detections(analysis, random_points(2, 1000, 700), [0.9] * 2):
        judge(detection, lead, "mitosis")
    cost()
    few = cost()
    for detection in add_detections(analysis, random_points(30, 1000, 700, seed=1), [0.9] * 30):
        judge(detection, lead, "mitosis")
    assert cost() == few


def test_a_program_that_accepts_the_file_type_alone_gets_the_file(analysis, lead):
    asked = client(lead).get(url(analysis, "export.csv"), headers={"accept": "text/csv"})
    assert asked.status_code == 200


def test_an_empty_analysis_exports_an_empty_file(analysis, lead):
    assert csv_rows(analysis, lead) == []
    assert features(analysis, lead) == []


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_an_export_is_in_the_audit_and_a_look_at_its_head_is_not(analysis, lead, suffix):
    client(lead).head(url(analysis, f"export.{suffix}"))
    assert not AuditEntry.objects.filter(action="analysis.export").exists()
    fetch(analysis, lead, suffix)
    entry = AuditEntry.objects.get(action="analysis.export")
    assert (entry.actor, entry.team, entry.subject) == (lead, analysis.slide.case.team, f"slide {analysis.slide_id}")
    assert entry.text == f"Exported an analysis as {suffix}"
    fetch(analysis, member(analysis.slide.case.team, Role.OBSERVER), suffix)
    assert AuditEntry.objects.filter(action="analysis.export").count() == 1
