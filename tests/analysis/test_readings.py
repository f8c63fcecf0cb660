"""What lists say of whole analyses: how far each reader is, the same as the count of the whole says."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.services import counting, review
from analysis.services.readings import Readings
from tests.analysis.makers import add_detection, make_analysis
from tests.analysis.review_makers import add_detections, judge, on_a_large_slide, random_points
from tests.factories import UserFactory, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def analysis():
    return on_a_large_slide(make_analysis())


@pytest.fixture
def readers(analysis):
    return [member(analysis.slide.case.team, "reader") for _ in range(2)]


def test_readings_agree_with_the_count_of_the_whole(analysis, readers):
    reader, other = readers
    detections = add_detections(analysis, random_points(8), [0.9, 0.8, 0.7, 0.6, 0.6, 0.2, 0.1, 0.1])
    labels = ["mitosis", "not_mitosis", "unsure", "mitosis", None, "mitosis", "not_mitosis", None]
    for detection, label in zip(detections, labels, strict=True):
        if label:
            judge(detection, reader, label)
    judge(detections[3], reader, "withdrawn")
    judge(detections[0], other, "not_mitosis")
    mine = review.add_figure(analysis, reader, uuid.uuid4(), 12_000, 9000).figure
    review.add_figure(analysis, other, uuid.uuid4(), 13_000, 9000)
    review.give_verdict(analysis, other, uuid.uuid4(), figure=mine.pk, label="not_mitosis")
    readings = Readings([analysis.pk])
    for user in (reader, other, UserFactory()):
        whole = counting.count_mitoses(analysis, user, "whole")
        found = readings.of_reader(analysis.pk, user.pk)
        assert (found.confirmed, found.judged, found.open) == (whole["confirmed"], whole["judged"], whole["open"])
    assert [each.reader_id for each in readings.list_readers(analysis.pk)] == [reader.pk, other.pk]
    assert readings.count_differing(analysis.pk) == len(whole["differ"]) == 2


def test_readings_of_many_analyses_take_four_queries(analysis, readers):
    second = make_analysis(analysis.slide)
    for reader in readers:
        judge(add_detection(second, x_l0=100 * reader.pk), reader, "mitosis")
    with CaptureQueriesContext(connection) as queries:
        found = Readings([analysis.pk, second.pk])
    assert len(queries) == 4
    assert found.of_reader(second.pk, readers[0].pk).open == 1
    assert found.of_reader(analysis.pk, readers[0].pk).open == 0
