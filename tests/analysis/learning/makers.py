"""Judged slides for the tests of learning."""

from analysis.models import Analysis, DataSet, Detection
from analysis.services.learning import data_sets
from analysis.services.learning.choice import read_choice
from mitoweb.lib.jobs.child import run_queued
from mitoweb.people.models import User
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import add_detections, judge
from tests.factories import SlideFactory, UserFactory, member

MITOSIS, OTHER, UNSURE = "mitosis", "not_mitosis", "unsure"


def administrator(**values) -> User:
    return UserFactory(is_superuser=True, is_staff=True, **values)


def judged_slide(labels: list[list[str]], readers: list[User] | None = None, **values) -> tuple[Analysis, list[User]]:
    """A slide with a row of detections; labels[i][r] is what reader r says of the i-th, "" for nothing."""
    analysis = make_analysis(SlideFactory(**values))
    team = analysis.slide.case.team
    readers = readers or [member(team, "reader") for _ in labels[0]]
    points = [(300 + 40 * (index % 10), 250 + 40 * (index // 10)) for index in range(len(labels))]
    for detection, said in zip(add_detections(analysis, points, [0.9] * len(labels)), labels, strict=True):
        for reader, label in zip(readers, said, strict=True):
            if label:
                judge(detection, reader, label)
    return analysis, readers


def frozen(name: str = "Spring", by: User | None = None, **choice) -> DataSet:
    """A data set whose patches were cut."""
    data_set = data_sets.freeze_data_set(name, read_choice(choice), by or administrator())
    run_queued()
    data_set.refresh_from_db()
    return data_set


def detection_of(analysis: Analysis, number: int) -> Detection:
    return analysis.detections.get(number=number)
