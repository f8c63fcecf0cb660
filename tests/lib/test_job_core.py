"""The rules of the job row, without processes."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ

from mitoweb.lib.jobs import claims, core
from mitoweb.lib.jobs.child import run_claimed
from mitoweb.lib.jobs.models import Job, WorkerPulse
from tests.factories import TeamFactory
from tests.lib import job_tasks

pytestmark = pytest.mark.django_db


def queue(kind: str, **options) -> Job:
    return core.enqueue(kind, uuid.uuid4(), **options)


def claim(lane: str = "ingest") -> Job:
    return claims.claim(lane, "test")


def test_a_job_is_queued_in_the_lane_of_its_handler_and_rings():
    job = queue("test.count_slowly")
    assert (job.state, job.lane, job.attempts) == ("queued", "compute", 0)
    assert OrmQ.objects.count() == 1


def test_a_rolled_back_transaction_queues_nothing_and_rings_nothing():
    with pytest.raises(RuntimeError), transaction.atomic():
        queue("test.count")
        raise RuntimeError
    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


def test_an_idempotency_key_queues_once():
    first = queue("test.count", idempotency_key="click")
    second = queue("test.count", idempotency_key="click")
    assert first == second
    assert OrmQ.objects.count() == 1


def test_an_unknown_kind_is_refused_at_once():
    with pytest.raises(LookupError):
        queue("no.such.kind")


def test_what_nobody_waits_for_has_a_slot_of_its_own():
    behind, awaited = queue("test.count_behind"), queue("test.count_slowly")
    assert claims.claim("compute", "test", in_background=False) == awaited
    assert claims.claim("compute", "test", in_background=False) is None
    assert claims.claim("compute", "test", in_background=True) == behind


def test_a_claim_counts_the_attempt_before_the_work_and_takes_the_oldest():
    first, _second = queue("test.count"), queue("test.count")
    taken = claim()
    assert taken == first
    assert (taken.state, taken.attempts) == ("running", 1)
    assert taken.lease_until > timezone.now() + timedelta(seconds=50)


def test_a_claimed_job_is_not_claimed_again():
    queue("test.count")
    claim()
    assert claim() is None


def test_the_lanes_do_not_see_each_other():
    queue("test.count_slowly")
    assert claim("ingest") is None
    assert claim("compute") is not None


def test_teams_take_turns_and_what_belongs_to_none_does_too():
    busy, other = TeamFactory(), TeamFactory()
    many = [queue("test.count", team=busy) for _ in range(5)]
    late = [queue("test.count", team=other), queue("test.count"), queue("test.count", team=other)]
    order = []
    while (job := claim()) is not None:
        order.append(job)
        Job.objects.filter(pk=job.pk).update(started=Now() + timedelta(seconds=len(order)))  # one transaction, one now
    assert order == [many[0], late[0], late[1], many[1], late[2], *many[2:]]


def test_a_job_runs_to_its_end_and_shows_its_progress(run_jobs):
    job = queue("test.count")
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.attempts) == ("done", 10, 10, 1)
    assert job.finished is not None
    assert job_tasks.rows_of(job) == job_tasks.ITEMS


def test_a_refusal_is_final_and_told_in_its_own_words(run_jobs):
    job = queue("test.refuse")
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.message) == ("failed", 1, "This file is not a slide.")


def test_an_error_keeps_its_trace_for_operators_and_is_tried_again_after_a_pause(run_jobs):
    job = queue("test.raise")
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 1)
    assert job.not_before > timezone.now()
    assert "ZeroDivisionError: on purpose" in job.log
    assert job.message == "It stopped with an error. It will be tried again (attempt 2 of 3)."


def test_what_the_machine_hindered_is_told_in_words_and_tried_again_after_a_longer_pause(run_jobs):
    job, before, pause = queue("test.machine"), timezone.now(), timedelta(seconds=30)
    run_jobs()
    job.refresh_from_db()
    assert before + pause <= job.not_before <= timezone.now() + pause
    assert job.message == "The machine had no time. It will be tried again (attempt 2 of 3)."
    for _ in range(5):
        Job.objects.update(not_before=None)
        run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.message) == ("failed", 3, "The machine had no time. It was tried 3 times.")


def test_the_pause_before_an_attempt_doubles(run_jobs):
    job = queue("test.raise")
    for pause in (timedelta(seconds=2), timedelta(seconds=4)):
        Job.objects.update(not_before=None)
        before = timezone.now()
        run_jobs()
        job.refresh_from_db()
        assert before + pause <= job.not_before <= timezone.now() + pause


def test_a_job_of_a_kind_that_is_gone_is_given_up_after_one_interruption_and_not_before():
    given_up = [claims.is_interrupted_too_often(Job(kind="test.gone", interruptions=n)) for n in (0, 1)]
    assert given_up == [False, True]


def test_attempts_are_used_up(run_jobs):
    job = queue("test.raise")
    for _ in range(5):
        Job.objects.update(not_before=None)
        run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("failed", 3)
    assert job.message == "It stopped with an error. It was tried 3 times."


def test_a_waiting_job_is_cancelled_at_once():
    job = queue("test.count")
    assert core.cancel(job, "tech")
    job.refresh_from_db()
    assert (job.state, job.message) == ("cancelled", "Cancelled by tech.")
    assert claim() is None


def test_a_running_job_is_cancelled_at_its_next_beat():
    job = queue("test.count")
    taken = claim()
    assert core.cancel(job, "tech")
    run_claimed(taken.pk, taken.claim)
    job.refresh_from_db()
    assert (job.state, job.message) == ("cancelled", "Cancelled by tech.")
    assert job_tasks.rows_of(job) < job_tasks.ITEMS


def test_an_ended_job_is_not_cancelled(run_jobs):
    job = queue("test.count")
    run_jobs()
    assert not core.cancel(job)
    job.refresh_from_db()
    assert job.state == "done"


def test_a_failed_job_is_tried_again_with_all_its_attempts(run_jobs):
    job = queue("test.refuse")
    run_jobs()
    assert core.retry(job)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.message) == ("queued", 0, "")
    assert not core.retry(job)


def test_a_run_that_lost_its_claim_writes_nothing():
    queue("test.count")
    late = core.Run(claim())
    claims.put_back(late.job_id, late.claim, "Gone.")
    with pytest.raises(core.ClaimLost), late.fenced():
        pass
    with pytest.raises(core.ClaimLost):
        late.beat(1, 10)
    assert not claims.end(late.job_id, late.claim, Job.State.DONE)
    assert Job.objects.get().state == "queued"


def test_ending_twice_with_the_same_claim_is_one_end():
    queue("test.count")
    job = claim()
    assert claims.end(job.pk, job.claim, Job.State.DONE)
    assert claims.end(job.pk, job.claim, Job.State.DONE)


def test_a_job_given_back_by_a_stopping_worker_keeps_its_attempts():
    queue("test.count")
    job = claim()
    assert claims.release(job.pk, job.claim)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.claim) == ("queued", 0, None)


@pytest.mark.parametrize("starts", [1, 7])
def test_an_interrupted_attempt_that_got_further_does_not_count(starts):
    queue("test.count")
    for number in range(starts):
        Job.objects.update(not_before=None)
        run = core.Run(claim())
        run.beat(number + 1, 10)
        claims.put_back(run.job_id, run.claim, "Its worker was stopped.", interrupted=True)
    assert (Job.objects.get().state, Job.objects.get().attempts) == ("queued", 0)


def interrupt(*progress: int) -> Job:
    """The job after interruptions, before each of which it had done so much."""
    for done in progress:
        Job.objects.update(not_before=None)
        run = core.Run(claim())
        if done:
            run.beat(done, 10)
        claims.put_back(run.job_id, run.claim, "Its worker was stopped.", interrupted=True)
    return Job.objects.get()


def test_twenty_interruptions_of_which_none_got_anywhere_use_up_no_attempt():
    queue("test.count")
    job = interrupt(*[0] * 20)
    assert (job.state, job.attempts, job.message) == ("queued", 0, "Its worker was stopped. It goes on by itself.")
    assert job.not_before > timezone.now(), "one that brings its worker down may not do so without a pause"
    Job.objects.update(not_before=None)
    taken = claim()
    claims.put_back(taken.pk, taken.claim, "It stopped with an error.")
    assert Job.objects.get().attempts == 1


def test_interruptions_that_get_nowhere_end_a_job_that_brings_its_worker_down():
    queue("test.count")
    job = interrupt(*[0] * 26)
    assert job.state == "failed"
    assert job.message == "Its worker was stopped. It was stopped 26 times without getting further."
    assert core.is_given_up(job)
    assert core.retry(job)
    assert interrupt(*[0] * 25).state == "queued", "who lets it go on gives it all its attempts again"


def test_an_interruption_that_got_further_lets_the_count_begin_anew():
    queue("test.count")
    job = interrupt(*[0] * 25, 3, *[3] * 25)
    assert (job.state, job.interruptions, job.furthest) == ("queued", 25, 3)
    assert interrupt(3).state == "failed"


def test_a_job_that_failed_by_its_own_word_is_not_given_up(run_jobs):
    queue("test.refuse")
    run_jobs()
    assert not core.is_given_up(Job.objects.get())


def test_a_step_is_told_with_what_is_left_of_it(monkeypatch):
    monkeypatch.setattr(core, "BEAT_EVERY_S", 0)
    queue("test.count")
    run = core.Run(claim())
    run.step("Looking around", 4, 16)
    assert Job.objects.get().step_seconds_left is None, "of a step that was gone on with nothing is known yet"
    Job.objects.update(step_began=timezone.now() - timedelta(seconds=30))
    run.step("Looking around", 10, 16)
    job = Job.objects.get()
    assert (job.step, job.step_progress) == ("Looking around", (10, 16))
    assert job.step_seconds_left == pytest.approx(30, abs=1)
    run.step("Counting")
    run.beat(2, 10)
    job = Job.objects.get()
    assert (job.step, job.step_progress, job.done) == ("Counting", (2, 10), 2)
    assert claims.end(run.job_id, run.claim, Job.State.DONE)
    job = Job.objects.get()
    assert (job.step, job.step_seconds_left, job.done, job.total) == ("", None, 10, 10)


def test_what_came_out_is_stored_with_the_end():
    queue("test.count")
    taken = claim()
    assert claims.end(taken.pk, taken.claim, Job.State.DONE, "It is a text file.", outcome="refused")
    job = Job.objects.get()
    assert (job.state, job.outcome, job.message) == ("done", "refused", "It is a text file.")


def test_work_that_goes_on_with_that_of_another_job_takes_its_place_in_the_queue():
    first, other = queue("test.count"), queue("test.count")
    assert claim() == first
    follow_up = queue("test.count", in_turn_of=first)
    assert [claim(), claim()] == [follow_up, other]


def test_the_log_keeps_its_newest_part(settings):
    settings.JOB_LOG_BYTES = 50
    queue("test.count")
    job = claim()
    claims.put_back(job.pk, job.claim, "Gone.", log="old " * 100 + "\x00the end")
    job.refresh_from_db()
    assert len(job.log) == 50
    assert job.log.endswith("the end")


def test_the_app_is_told_of_every_end_in_the_same_transaction():
    job = queue("test.tell")
    core.cancel(job)
    assert WorkerPulse.objects.get(name=f"end of {job.pk}").device == "cancelled"


def test_an_app_that_fails_at_the_end_does_not_keep_the_job_from_ending(run_jobs):
    job = queue("test.tell")
    run_jobs()
    job.refresh_from_db()
    assert job.state == "failed"
    assert not WorkerPulse.objects.filter(name=f"end of {job.pk}").exists()


def test_a_run_given_up_writes_nothing_beside_its_successor():
    queue("test.count")
    late = core.Run(claim())
    claims.put_back(late.job_id, late.claim, "Gone.")
    Job.objects.update(not_before=None)
    successor = core.Run(claim())
    with pytest.raises(core.ClaimLost), late.fenced():
        pass
    with pytest.raises(core.ClaimLost):
        late.beat(1, 10)
    assert not claims.end(late.job_id, late.claim, Job.State.DONE)
    assert not claims.put_back(late.job_id, late.claim, "Gone.")
    assert not claims.release(late.job_id, late.claim)
    with successor.fenced() as job:
        assert (job.state, job.done) == ("running", 0)


def test_a_job_that_is_tried_again_may_get_further_from_its_beginning():
    queue("test.count")
    run = core.Run(claim())
    run.beat(9, 10)
    claims.put_back(run.job_id, run.claim, "Its worker was stopped.", interrupted=True)
    core.cancel(Job.objects.get())
    assert core.retry(Job.objects.get())
    assert Job.objects.get().furthest == 0, "an attempt interrupted before the ninth step would count as none further"
