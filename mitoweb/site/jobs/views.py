"""The list of jobs: what runs, what failed and why."""

import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mitoweb.lib.access import get_visible, refuse_unless
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.models import Job
from mitoweb.people import teams
from mitoweb.site.jobs import words
from mitoweb.site.jobs.kinds import Look, Subject, kind_of, look_of, may_read_log, may_steer, subjects_of

PER_PAGE = 40
State = Job.State
SHOWS = {
    "": ("All", Q()),
    "active": ("Active", Q(state__in=[State.QUEUED, State.RUNNING])),
    "failed": ("Failed or refused", Q(state=State.FAILED) | Q(outcome="refused")),
}


@dataclass(frozen=True)
class Row:
    """One job as the table shows it."""

    job: Job
    title: str
    subject: Subject | None
    look: Look
    progress: tuple[int, int]  # of the bar; a total of 0: no bar
    progress_text: str
    left: str
    time: str
    asked: str
    worker: str
    machine: str
    is_open: bool
    toggle_url: str
    log: str | None
    may_cancel: bool
    may_retry: bool


@require_safe
def show_jobs(request):
    return render(request, "site/jobs.html", _build_table(request))


@require_safe
def jobs_changes(request):
    """The table alone: what the open page asks for every few seconds."""
    return render(request, "site/jobs_table.html", _build_table(request))


@require_POST
def job_cancel(request, pk):
    job = _get_steerable_job(request, pk)
    kind_of(job).cancel(job, request.user)
    return redirect(_page_url("", job.pk))


@require_POST
def job_retry(request, pk):
    job = _get_steerable_job(request, pk)
    try:
        kind_of(job).retry(job, request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect(_page_url("", job.pk))


def _get_steerable_job(request, pk) -> Job:
    job = get_visible(Job.objects.select_related("team"), request.user, pk=pk)
    refuse_unless(may_steer(request.user, job))
    return job


def _build_table(request) -> dict:
    show = request.GET.get("show", "")
    show = show if show in SHOWS else ""
    opened = _parse_uuid(request.GET.get("open", ""))
    # The team's jobs, and for administrators those of the installation.
    jobs = Job.objects.visible_to(request.user).select_related("team").order_by("-created")
    jobs = jobs.filter(Q(team=teams.current_team(request)) | Q(team__isnull=True))
    jobs: QuerySet[Job] = jobs.filter(SHOWS[show][1])
    page = Paginator(jobs, PER_PAGE).get_page(request.GET.get("page"))
    subjects, workers = subjects_of(page), words.name_workers({job.worker for job in page})
    return {
        "rows": [
            _build_row(request.user, job, subjects.get(job.pk), workers.get(job.worker, ""), show, opened == job.pk)
            for job in page
        ],
        "page": page,
        "show": show,
        "shows": [(name, label) for name, (label, _) in SHOWS.items()],
        "query": request.GET.urlencode(),
    }


def _build_row(user, job: Job, subject: Subject | None, worker: str, show: str, is_open: bool) -> Row:
    steers = may_steer(user, job)
    age = timezone.now() - job.created
    return Row(
        job=job,
        title=kind_of(job).title,
        subject=subject,
        look=look_of(job),
        progress=(0, 0) if job.ended else job.step_progress,
        progress_text=words.describe_progress(job),
        left=words.describe_seconds_left(job),
        time=words.describe_time(job),
        asked="now" if age.total_seconds() < 60 else f"{words.describe_duration(age)} ago",
        worker=worker,
        machine=words.find_machine(job.worker),
        is_open=is_open,
        toggle_url=_page_url(show, None if is_open else job.pk),
        log=job.log if is_open and may_read_log(user, job) else None,
        may_cancel=steers and not job.ended and not job.cancel_requested,
        may_retry=steers and job.state in {State.FAILED, State.CANCELLED},
    )


def _page_url(show: str, opened: uuid.UUID | None) -> str:
    query = {name: value for name, value in (("show", show), ("open", opened)) if value}
    return reverse("jobs") + (f"?{urlencode(query)}" if query else "")


def _parse_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
