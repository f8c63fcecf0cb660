"""The steps of an analysis in the viewer: each by name, done when the tiles are in, what follows asked for again."""

import uuid
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from analysis.models import Analysis
from analysis.services import follow_ups
from mitoweb.lib.jobs.models import Job
from tests.browser.conftest import opened


def put(job: Job, state: str, **values) -> None:
    now = timezone.now()
    running = {"claim": uuid.uuid4(), "lease_until": now, "heartbeat": now} if state == "running" else {}
    Job.objects.filter(pk=job.pk).update(state=state, **running, **values)


def test_each_step_is_named_and_what_fails_after_the_tiles_is_asked_for_again(desk, reading):
    job = reading.analysis.job
    began = timezone.now() - timedelta(seconds=60)
    look = {"step": "First look at the nuclei", "step_done": 5, "step_total": 16, "step_from": 1, "step_began": began}
    put(job, "running", done=0, total=36, **look)
    page = opened(desk.page(reading.reader), reading)
    panel, sign = page.locator("#run"), page.locator("#analysis-state")
    expect(panel).to_contain_text("First look at the nuclei 5 of 16, about 3 min left")
    expect(panel.get_by_role("progressbar")).to_have_attribute("value", "5")
    put(job, "running", done=9, total=36, step="Looking for mitoses", step_total=0)
    Analysis.objects.update(seconds=90)
    expect(panel).to_contain_text("9 of 36 tiles")
    expect(panel).to_contain_text("about 5 min left")

    put(job, "done", done=36, step="")
    follow_ups.queue_after(Job.objects.get(pk=job.pk))
    expect(sign).to_contain_text("Analysis done")
    expect(panel).to_contain_text("Slide check and explanations follow as soon as a worker is free.")
    expect(panel).to_contain_text("It is not yet compared with the training slides")
    follow_up = Job.objects.get(kind=follow_ups.KIND)
    put(follow_up, "failed", message="The weights of it are missing.")
    expect(panel).to_contain_text("Slide check and explanations are missing")
    expect(panel).to_contain_text("The weights of it are missing. Detections and count are complete.")
    expect(page.locator("#count-number")).to_have_text("5")
    panel.get_by_role("button", name="Make them again").press("Enter")
    expect(panel).to_contain_text("follow as soon as a worker is free")
    assert Job.objects.get(pk=follow_up.pk).state == "queued"
