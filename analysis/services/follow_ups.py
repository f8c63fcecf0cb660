"""What comes when the tiles of an analysis are in: the slide check and the explanations, a job of its own.

The analysis is done before it: what the follow-up makes changes no detection and no count. One that fails can be asked
for again.
"""

from django.db import transaction

from analysis.models import Analysis
from analysis.services import explanations
from analysis.services.runs import analysis_state
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job

KIND = "analysis.follow_up"


def queue_after(job: Job) -> None:
    """Called in the transaction that ends the job of an analysis: what follows a finished one takes its turn."""
    analysis = Analysis.objects.select_related("slide__case__team", "created_by", "job").filter(job=job).first()
    if analysis is not None and analysis.model_id and job.state == Job.State.DONE:
        _enqueue(analysis, analysis.created_by)


def ask_again(analysis: Analysis, user) -> bool:
    """Have what is missing made; whether there is anything to do. Asking again while it is being made changes nothing.

    Raises Refused while the analysis is not done: then it follows by itself.
    """
    if analysis_state(analysis) != Job.State.DONE:
        raise Refused("Explanations follow when the analysis is done.", "not_done")
    with transaction.atomic():
        locked = Analysis.objects.select_for_update(of=("self",)).select_related("follow_up").get(pk=analysis.pk)
        job = locked.follow_up
        if job is not None and not job.ended:
            return True
        if not is_anything_missing(locked):
            if job is not None and job.state != Job.State.DONE:  # what it did not make came one by one meanwhile
                Analysis.objects.filter(pk=locked.pk).update(follow_up=None)
            return False
        if job is None or not core.retry(job, user):
            _enqueue(analysis, user)
    return True


def is_anything_missing(analysis: Analysis) -> bool:
    """Whether the slide was not checked, or a detection that should have one has no explanation.

    Neither can be had of imported detections: the network that found them is not here.
    """
    if analysis.model is None:
        return False
    return analysis.validity is None or explanations.due_with_the_analysis(analysis).exists()


def follow_up_state(analysis: Analysis) -> str:
    """A job's state; "none" where there is no job, as with analyses from before there was one."""
    return analysis.follow_up.state if analysis.follow_up else "none"


def _enqueue(analysis: Analysis, user) -> None:
    team = analysis.slide.case.team
    job = core.enqueue(KIND, analysis.pk, team=team, created_by=user, in_turn_of=analysis.job)
    Analysis.objects.filter(pk=analysis.pk).update(follow_up=job)
