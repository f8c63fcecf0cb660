"""Decided cases told anew under another version, threshold or protocol, and what an administrator sees of it."""

from dataclasses import replace

import pytest

from analysis import replay_jobs
from analysis.models import Replay, ReplayedCase
from analysis.pipeline.count.shapes import SQUARE, Shape
from analysis.services import protocols, replays
from analysis.services.decided_cases import list_decided_cases
from analysis.services.model_standing import State
from analysis.views.replay_rows import WIDTH_PX, make_card
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.child import run_queued
from mitoweb.lib.jobs.models import Job
from mitoweb.people.models import Role
from slides.services.erase import erase_case
from tests.analysis.learning.makers import administrator
from tests.analysis.makers import ModelVersionFactory, make_analysis, model_with_network
from tests.analysis.protocol_makers import make_protocol
from tests.analysis.review_makers import add_detections, judge, on_a_large_slide
from tests.factories import CaseFactory, SlideFactory, member

pytestmark = pytest.mark.django_db

PLACES = [(2000, 2000), (2100, 2500), (2600, 2200), (2500, 2900), (13_000, 9000)]
PROBABILITIES = [0.9, 0.85, 0.7, 0.6, 0.3]  # the last one is no call


@pytest.fixture
def admin():
    return administrator()


def judged_case(labels=("mitosis",) * 4, mpp: float = 0.25, **values):
    """An analysis whose calls have these verdicts of one reader: decided where each has one."""
    analysis = on_a_large_slide(make_analysis(SlideFactory(**values)), mpp=mpp)
    reader = member(analysis.slide.case.team, Role.LEAD)
    found = add_detections(analysis, PLACES, PROBABILITIES)
    for detection, label in zip(found, labels, strict=False):
        judge(detection, reader, label)
    return analysis


def played(**question) -> Replay:
    replay = replays.ask_for_replay(**question)
    run_queued(replay.job.lane)
    replay.refresh_from_db()
    assert replay.done, replay.job and replay.job.message
    return replay


def row_of(replay: Replay, analysis) -> ReplayedCase:
    return ReplayedCase.objects.get(replay=replay, case=analysis.slide.case)


def test_a_case_is_decided_when_all_its_calls_are_answered_and_by_who_judged_most(count_by):
    count_by(make_protocol())
    decided, half = judged_case(), judged_case(("mitosis",) * 2)
    judge(decided.detections.first(), member(decided.slide.case.team, Role.LEAD), "not_mitosis")
    judged_case(())
    (found,) = list_decided_cases()
    assert (found.analysis, found.confirmed, found.score) == (decided, 4, "2")
    assert found.case != half.slide.case


def test_at_another_threshold_it_says_which_cases_change_score_which_calls_go_and_what_readers_counted(count_by, admin):
    count_by(make_protocol())
    one, other = judged_case(), judged_case(("mitosis", "mitosis", "not_mitosis", "not_mitosis"))
    replay = played(by=admin, threshold=0.8)
    row = row_of(replay, one)
    assert (row.before_count, row.before_score, row.after_count, row.after_score) == (4, "2", 2, "1")
    assert (row.lost, row.lost_confirmed, row.new, row.changes_score) == (2, 2, 0, True)
    assert (row.readers_count, row.readers_score) == (4, "2")
    assert make_card(row, replay).readers == "Readers counted 4: farther."
    row = row_of(replay, other)
    assert (row.lost, row.lost_confirmed, row.readers_count) == (2, 0, 2)
    card = make_card(row, replay)
    assert (card.readers, card.tone, card.change) == ("Readers counted 2: nearer.", "yes", "None new; 2 lost.")
    told = Replay.objects.with_facts().get(pk=replay.pk)
    assert (told.told, told.changed) == (2, 2)


def test_below_the_threshold_what_is_stored_is_called_too_down_to_the_floor(count_by, admin):
    count_by(make_protocol(Shape(SQUARE, 6.0)))  # a window that reaches from the cluster to the faint place
    analysis = judged_case()
    type(analysis).objects.filter(pk=analysis.pk).update(floor=0.2)
    row = row_of(played(by=admin, threshold=0.25), analysis)
    assert (row.new, row.new_confirmed, row.lost, row.lacks) == (row.after_count - row.before_count, 0, 0, "")
    row = row_of(played(by=admin, threshold=0.1), analysis)
    assert (row.lacks, row.before_count) == ("detections are kept from 0.20 on", None)


def test_under_another_protocol_the_readers_own_figures_are_counted_and_no_call(count_by, admin):
    count_by(make_protocol())
    analysis = judged_case(("mitosis", "mitosis", "mitosis", "not_mitosis"))
    version = next(each for each in protocols.list_protocols() if each.key[0] == "nottingham-area")
    replay = played(by=admin, protocol=version)
    row = row_of(replay, analysis)
    assert (row.before_count, row.before_score, row.after_count) == (3, "2", 3)
    assert row.after_score == "1" and row.changes_score and not row.new and not row.lost
    assert str(replay) == str(version)


def test_one_that_was_stopped_goes_on_with_what_is_not_told_yet(count_by, admin, monkeypatch):
    count_by(make_protocol())
    first, second = judged_case(), judged_case()
    tell, told = replays.tell_calls, []

    def stop_at_the_second(decided, *places):
        told.append(decided.case)
        if len(told) == 2:
            raise core.TryAgain("stopped in a test")
        return tell(decided, *places)

    monkeypatch.setattr(replays, "tell_calls", stop_at_the_second)
    replay = replays.ask_for_replay(admin, threshold=0.8)
    run_queued("compute")
    assert ReplayedCase.objects.filter(replay=replay).count() == 1
    Job.objects.update(not_before=None)
    run_queued("compute")
    replay.refresh_from_db()
    assert replay.done and ReplayedCase.objects.filter(replay=replay).count() == 2
    assert told.count(told[0]) == 1, "a case that was told is told again"
    assert {first.slide.case, second.slide.case} == {row.case for row in replay.cases.all()}


def test_an_erased_case_leaves_its_replays(count_by, admin):
    count_by(make_protocol())
    analysis = judged_case()
    replay = played(by=admin, threshold=0.8)
    erase_case(admin, analysis.slide.case)
    assert not ReplayedCase.objects.filter(replay=replay).exists()
    assert Replay.objects.filter(pk=replay.pk).exists()


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({}, "replay_question"),
        ({"threshold": 0.0}, "replay_question"),
        ({"threshold": float("nan")}, "replay_question"),
        ({"threshold": 1.5}, "replay_question"),
    ],
)
def test_what_cannot_be_replayed_is_refused(admin, question, code):
    with pytest.raises(Refused) as refusal:
        replays.ask_for_replay(admin, **question)
    assert refusal.value.code == code and not Replay.objects.exists()


def test_a_retired_version_is_not_replayed_and_the_same_is_not_asked_for_twice(admin):
    with pytest.raises(Refused, match="it is not replayed"):
        replays.ask_for_replay(admin, model=ModelVersionFactory(state=State.RETIRED))
    replays.ask_for_replay(admin, threshold=0.4)
    with pytest.raises(Refused, match="being replayed already"):
        replays.ask_for_replay(admin, threshold=0.4)


# Another version, on real pixels ----------------------------------------------------------------------------------
@pytest.fixture
def real_case(count_by):
    """A small slide with its file, really analysed; each call is judged."""
    model = model_with_network(1, threshold=0.1)
    analysis = make_analysis(SlideFactory(case=CaseFactory()), model=model, state="queued")
    run_queued("compute")
    type(analysis).objects.filter(pk=analysis.pk).update(validity=None)  # painted tissue is like no training slide's
    analysis.refresh_from_db()
    reader = member(analysis.slide.case.team, Role.LEAD)
    calls = list(analysis.detections.filter(mitosis=True))
    assert len(calls) >= 3 and analysis.area_mm2 > 0.002
    for call in calls:
        judge(call, reader, "mitosis")
    count_by(make_protocol(Shape(SQUARE, 0.002)))
    return analysis


def test_under_the_version_that_found_them_all_calls_stay_and_no_analysis_is_made(real_case, admin):
    replay = played(by=admin, model=real_case.model)
    row = row_of(replay, real_case)
    assert (row.lacks, row.new, row.lost, row.changes_score) == ("", 0, 0, False)
    assert row.before_count == row.after_count == row.readers_count > 0
    assert real_case.slide.analyses.count() == 1


def test_another_version_looks_at_the_slide_anew_and_a_missing_file_is_said(real_case, admin, monkeypatch):
    other = model_with_network(2, threshold=0.1, state=State.CANDIDATE, shipped=False)
    row = row_of(played(by=admin, model=other), real_case)
    assert row.lacks == "" and row.new + row.lost > 0, "another network calls the very same places"
    monkeypatch.setattr(replay_jobs, "slide_paths", lambda slide: [])
    assert row_of(played(by=admin, model=other), real_case).lacks == "the slide's file is missing on the server"


# Pages --------------------------------------------------------------------------------------------------------------
def test_both_overlays_have_one_frame_and_marks_that_tell_what_goes(count_by, admin, client):
    count_by(make_protocol())
    analysis = judged_case()
    replay = played(by=admin, threshold=0.8)
    card = make_card(row_of(replay, analysis), replay)
    assert card.before.url == card.after.url, "overlays of one window show two places"
    kinds = [sorted(mark.kind for mark in side.marks) for side in (card.before, card.after)]
    assert kinds == [["both", "both", "lost", "lost"], ["both", "both"]]
    assert all(0 < mark.x_px < WIDTH_PX for mark in card.before.marks)
    assert card.before.height_px == WIDTH_PX
    client.force_login(admin)
    shown = client.get(f"/replays/{replay.pk}/").content.decode()
    assert "1 of 1 case changes score" in " ".join(shown.split()) and analysis.slide.case.accession in shown


def test_pixels_that_are_not_square_are_shown_so_that_a_um_is_one(count_by, admin):
    count_by(make_protocol())
    analysis = judged_case()
    type(analysis).objects.filter(pk=analysis.pk).update(mpp_y=0.5)
    replay = played(by=admin, threshold=0.8)
    overlay = make_card(row_of(replay, analysis), replay).before
    region = overlay.url.split("/")[-4].split(",")
    width_um, height_um = int(region[2]) * 0.25, int(region[3]) * 0.5
    assert overlay.height_px / WIDTH_PX == pytest.approx(height_um / width_um, rel=0.01)


def test_an_administrator_asks_by_the_form_and_reads_why_it_is_refused(admin, client):
    client.force_login(admin)
    answer = client.post("/replays/new/", {"of": "threshold", "threshold": "0,4"})
    assert answer.status_code == 302 and Replay.objects.get().threshold == 0.4
    for said, sentence in (
        ({"of": "threshold", "threshold": "high"}, "A threshold is a number between 0 and 1."),
        ({"of": "model"}, "Name one of version, threshold and protocol"),
        ({"of": "protocol", "protocol": "x:1"}, "There is no protocol"),
        ({}, "Name one of version, threshold and protocol"),
    ):
        answer = client.post("/replays/new/", said, follow=True)
        assert sentence in answer.content.decode() and Replay.objects.count() == 1


def test_protocols_of_a_replay_are_rows_that_stay(admin):
    version = next(each for each in protocols.list_protocols() if each.shipped and each.protocol.cutoffs)
    replay = replays.ask_for_replay(admin, protocol=replace(version))
    assert (replay.protocol.name, replay.protocol.version) == version.key
