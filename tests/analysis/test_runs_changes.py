"""The feed that viewers poll: nothing is missed, nothing grows with what is there."""

import threading
import uuid

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from analysis.models import Analysis, Explanation, Verdict
from analysis.services import changes, revisions
from tests.analysis.makers import add_detection, make_analysis
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def fresh(analysis: Analysis) -> Analysis:
    return Analysis.objects.get(pk=analysis.pk)


def load(analysis: Analysis, revision: int) -> changes.Changes:
    """As somebody sees it who sees everything."""
    return changes.load_changes(analysis, revision, UserFactory.build(is_superuser=True))


def explain(detection) -> None:
    with transaction.atomic():
        revision = revisions.take_revision(detection.analysis_id)
        Explanation.objects.create(
            detection=detection, mitosis_png=b"m", other_png=b"o", target_layer="blocks.8", revision=revision
        )


def judge(detection, reader, label="mitosis") -> Verdict:
    with transaction.atomic():
        revision = revisions.take_revision(detection.analysis_id)
        return Verdict.objects.create(
            pk=uuid.uuid4(),
            analysis_id=detection.analysis_id,
            detection=detection,
            reader=reader,
            label=label,
            revision=revision,
        )


def test_a_revision_is_only_given_inside_a_transaction(transactional_db):
    analysis = make_analysis()
    with pytest.raises(RuntimeError):
        revisions.take_revision(analysis.pk)


def test_only_what_is_newer_is_given():
    analysis = make_analysis()
    first, reader = add_detection(analysis), UserFactory()
    seen = load(fresh(analysis), 0)
    assert [row.pk for row in seen.detections] == [first.pk]
    second, verdict = add_detection(analysis, x_l0=300), judge(first, reader)
    new = load(fresh(analysis), seen.revision)
    assert [row.pk for row in new.detections] == [second.pk]
    assert [row.pk for row in new.verdicts] == [verdict.pk]
    assert not new.more
    after = load(fresh(analysis), new.revision)
    assert (after.revision, after.detections, after.verdicts, after.figures) == (new.revision, [], [], [])


def test_a_detection_comes_again_when_its_explanation_arrives():
    analysis = make_analysis()
    detection = add_detection(analysis)
    seen = load(fresh(analysis), 0)
    assert not seen.detections[0].explained
    explain(detection)
    new = load(fresh(analysis), seen.revision)
    assert [(row.pk, row.explained) for row in new.detections] == [(detection.pk, True)]


def test_a_long_history_comes_in_pages_that_together_hold_everything(monkeypatch):
    monkeypatch.setattr(changes, "PAGE", 5)
    monkeypatch.setattr(changes, "DETECTIONS_PAGE", 5)
    analysis, reader = make_analysis(), UserFactory()
    detections = [add_detection(analysis, x_l0=100 * n) for n in range(12)]
    verdicts = [judge(detection, reader) for detection in detections]
    explain(detections[0])
    revision, found, judged, pages = 0, set(), set(), 0
    while True:
        page = load(fresh(analysis), revision)
        found |= {row.pk for row in page.detections}
        judged |= {row.pk for row in page.verdicts}
        assert len(page.detections) <= 6
        revision, pages = page.revision, pages + 1
        if not page.more:
            break
    assert found == {row.pk for row in detections}
    assert judged == {row.pk for row in verdicts}
    assert pages > 2
    assert revision == fresh(analysis).revision


def test_a_poll_costs_the_same_for_one_row_and_for_many():
    counts = []
    for rows in (1, 30):
        analysis, reader = make_analysis(), UserFactory()
        for n in range(rows):
            judge(add_detection(analysis, x_l0=50 * n), reader)
        analysis = fresh(analysis)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            new = load(analysis, 0)
            assert {row.reader.username for row in new.verdicts} == {reader.username}
        counts.append(len(queries))
        with CaptureQueriesContext(connection) as quiet:
            load(analysis, new.revision)
        assert len(quiet) == 0
    assert counts[0] == counts[1] <= 11


@pytest.mark.django_db(transaction=True)
def test_no_row_is_missed_while_many_write_at_once():
    analysis, readers = make_analysis(), UserFactory.create_batch(4)
    detection = add_detection(analysis)
    stop = threading.Event()
    seen: list[uuid.UUID] = []

    def read() -> None:
        revision = 0
        while True:
            last_round = stop.is_set()
            page = load(fresh(analysis), revision)
            seen.extend(row.pk for row in page.verdicts)
            revision = page.revision
            if last_round and not page.more:
                break
        connections.close_all()

    def write(reader) -> None:
        for n in range(25):
            judge(detection, reader, "mitosis" if n % 2 else "unsure")
        connections.close_all()

    watcher = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=[reader]) for reader in readers]
    for thread in (watcher, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    watcher.join()
    assert len(seen) == 100
    assert set(seen) == set(Verdict.objects.values_list("pk", flat=True))
