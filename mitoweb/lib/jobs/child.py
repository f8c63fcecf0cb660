"""One attempt at one job, in the process made for it (or in a test's own)."""

import logging
import traceback
import uuid

from mitoweb.lib.jobs import claims, core, registry
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.models import Job

logger = logging.getLogger(__name__)


def run_claimed(job_id: uuid.UUID, claim_id: uuid.UUID) -> None:
    """Run the handler of a claimed job and write how it ended; a claim that is no longer current does nothing."""
    job = retry_database(lambda: claims.held(job_id, claim_id).first())
    if job is None:
        logger.warning("Job %s: the claim is not current", job_id)
        return
    run = core.Run(job)
    try:
        registry.find(job.kind).function(run)
    except core.ClaimLost:
        logger.warning("Job %s: the claim was lost", job_id)
    except core.Cancelled as cancelled:
        said = str(cancelled) or None  # without a word of its own, that of who cancelled it stands
        retry_database(lambda: claims.end(job_id, claim_id, Job.State.CANCELLED, said))
    except core.JobFailed as failure:
        sentence, log = str(failure), traceback.format_exc()
        retry_database(lambda: claims.end(job_id, claim_id, Job.State.FAILED, sentence, log))
    except core.TryAgain as hindrance:
        _put_back(job, str(hindrance), claims.MACHINE_PAUSE_S)
    except MemoryError:
        _put_back(job, "It needed more memory than it may use.")
    except Exception:  # noqa: BLE001 whatever a handler raises is stored on its row and tried again
        _put_back(job, "It stopped with an error.")
    else:
        if not retry_database(lambda: claims.end(job_id, claim_id, Job.State.DONE, run.said, outcome=run.outcome)):
            logger.warning("Job %s: finished without its claim", job_id)


def run_queued(lane: str | None = None, worker: str = "inline") -> int:
    """Run what is queued in this process, one after the other; returns how many. For tests and small command lines."""
    lanes = [lane] if lane else list(Job.Lane.values)
    count = 0
    for name in lanes:
        while (job := claims.claim(name, worker)) is not None:
            run_claimed(job.pk, job.claim)
            count += 1
    return count


def _put_back(job: Job, reason: str, pause_s: float = claims.FIRST_PAUSE_S) -> None:
    log = traceback.format_exc()
    logger.error("Job %s failed: %s", job.pk, log)
    retry_database(lambda: claims.put_back(job.pk, job.claim, reason, log, first_pause_s=pause_s))
