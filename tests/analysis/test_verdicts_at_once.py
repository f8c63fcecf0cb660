"""Many readers judge the same detections at once: each count is what the rows say, and the feed missed nothing."""

import http.client
import json
import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from analysis.models import Analysis, Verdict
from analysis.services.counting import SUMMARY
from mitoweb.people import services
from mitoweb.people.models import Role, User
from tests.analysis.makers import make_analysis
from tests.analysis.review_makers import add_detections
from tests.factories import member
from tests.live import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

CALLS, BELOW = 24, 4  # few, so that all say something of each
CHOICES = ["mitosis", "mitosis", "not_mitosis", "unsure", "withdrawn"]


class Asker:
    """One person's program, with a connection of its own that is kept."""

    def __init__(self, address: str, user: User, analysis: Analysis) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
        self._headers = {"Authorization": f"Token {services.make_token(user, 'test', 1)[1]}"}
        self._base = f"/api/analyses/{analysis.pk}/"

    def post(self, action: str, body: dict) -> tuple[int, dict]:
        return self._ask("POST", action, json.dumps(body))

    def get(self, action: str) -> tuple[int, dict]:
        return self._ask("GET", action, None)

    def _ask(self, method: str, action: str, body: str | None) -> tuple[int, dict]:
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        self._connection.request(method, self._base + action, body, headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


@dataclass
class Round:
    """What came of many readers at once. acknowledged: revision of each verdict by its id. followed: verdicts as the
    feed gave them to one who asked all the time, in that order."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    followed: list[dict] = field(default_factory=list)


@pytest.fixture
def analysis() -> Analysis:
    made = make_analysis()
    places = [(100 + 30 * number, 100 + 20 * (number % 7)) for number in range(CALLS + BELOW)]
    add_detections(made, places, [0.9] * CALLS + [0.3] * BELOW)
    return Analysis.objects.get(pk=made.pk)


def read_at_once(address: str, analysis: Analysis, readers: list[User], turns: int) -> Round:
    """Each reader judges `turns` detections by chance, asking for a count now and then; one more follows the feed."""
    found, detections = Round(), list(analysis.detections.values_list("pk", flat=True))
    askers = {reader.pk: Asker(address, reader, analysis) for reader in readers}
    follower = Asker(address, readers[0], analysis)
    ended = threading.Event()

    def read(reader: User) -> None:
        chance, asker = random.Random(reader.pk), askers[reader.pk]
        for turn in range(turns):
            verdict = {"id": str(uuid.uuid4()), "detection": chance.choice(detections), "label": chance.choice(CHOICES)}
            status, answer = asker.post("verdicts/", verdict)
            assert status == 201, answer
            found.acknowledged[verdict["id"]] = answer["revision"]
            if turn % 10 == 9:  # what is kept of it meanwhile must not outlive the next verdict
                assert asker.get("count/")[0] in (200, 503)

    def follow() -> None:
        since, is_last = analysis.revision, False
        while not is_last:
            is_last, more = ended.wait(0.05), True
            while more:
                _, changes = follower.get(f"changes/?since={since}")
                since, more = changes["revision"], changes["more"]
                found.followed += changes["verdicts"]

    with ThreadPoolExecutor(len(readers) + 1) as threads:
        following = threads.submit(follow)
        reading = [threads.submit(read, reader) for reader in readers]
        try:
            for each in reading:
                each.result()
        finally:
            ended.set()
            following.result()
    return found


def labels_in_force(analysis: Analysis) -> dict[tuple[int, int], str]:
    """By reader and detection, from the rows alone, in the order that they were received in."""
    rows = Verdict.objects.filter(analysis=analysis).order_by("revision")
    newest = {(row.reader_id, row.detection_id): row.label for row in rows}
    return {target: label for target, label in newest.items() if label != "withdrawn"}


def count_from_rows(labels: dict[tuple[int, int], str], calls: set[int], reader: int) -> dict[str, int]:
    mine = {detection: label for (who, detection), label in labels.items() if who == reader}
    given, left = list(mine.values()), len(calls - mine.keys())
    confirmed, unsure = given.count("mitosis"), given.count("unsure")
    return {
        "confirmed": confirmed, "provisional": confirmed + left, "open": left, "unsure": unsure, "judged": len(given),
    }  # fmt: skip


def check_counts(address: str, analysis: Analysis, readers: list[User]) -> None:
    """Each reader's count, that of who only looks, and what each of them says of all the others."""
    labels = labels_in_force(analysis)
    calls = set(analysis.detections.filter(mitosis=True).values_list("pk", flat=True))
    told = {reader.pk: count_from_rows(labels, calls, reader.pk) for reader in readers}
    said_of = {detection: {label for (_, on), label in labels.items() if on == detection} for _, detection in labels}
    differ = {detection for detection, said in said_of.items() if len(said) > 1}
    observer = member(analysis.slide.case.team, Role.OBSERVER)
    for person, whose in [*((reader, reader.pk) for reader in readers), (observer, None)]:
        status, count = Asker(address, person, analysis).get("count/")
        assert status == 200, count
        whose = whose or count["reader"]["id"]
        assert {name: count[name] for name in told[whose]} == told[whose]
        beside = {row["reader"]["id"]: row for row in count["readers"]}
        told_beside = {pk: {name: row[name] for name in told[pk] if name in row} for pk, row in beside.items()}
        assert told_beside == {pk: {name: row[name] for name in SUMMARY} for pk, row in told.items()}
        assert {row["detection"] for row in count["differ"]} == differ
    assert told[whose]["judged"] == max(row["judged"] for row in told.values())  # who only looks sees who judged most
    assert differ


def check_rows(analysis: Analysis, found: Round, expected: int) -> None:
    """Nothing acknowledged is lost, no number is given twice or left out, and the feed gave all of them in order."""
    rows = list(Verdict.objects.filter(analysis=analysis).order_by("revision"))
    assert len(rows) == expected
    assert {str(row.pk): row.revision for row in rows} == found.acknowledged
    first = analysis.revision + 1
    assert [row.revision for row in rows] == list(range(first, first + expected))
    assert [verdict["revision"] for verdict in found.followed] == list(range(first, first + expected))
    assert [verdict["id"] for verdict in found.followed] == [str(row.pk) for row in rows]


def read_and_check(address: str, analysis: Analysis, readers: int, turns: int) -> None:
    people = [member(analysis.slide.case.team, Role.READER) for _ in range(readers)]
    found = read_at_once(address, analysis, people, turns)
    check_rows(analysis, found, readers * turns)
    check_counts(address, analysis, people)


def test_counts_of_four_readers_at_once_are_what_their_rows_say(live_server, analysis):
    read_and_check(live_server.url, analysis, 4, 30)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_counts_of_sixteen_readers_at_once_are_what_their_rows_say(analysis):
    with LiveServer() as server:  # two processes, each with counts of its own
        read_and_check(server.url, analysis, 16, 500)
