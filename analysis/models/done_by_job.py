"""What a row that a job fills in says of itself."""

from datetime import datetime

from django.db import models

from mitoweb.lib.jobs.models import Job


class DoneByJob:
    """For rows with `job`, and `done`: when the job has filled them in."""

    job: Job | None
    done: datetime | None

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"  # for its turn
        RUNNING = "running", "Evaluating"
        FAILED = "failed", "Failed"
        DONE = "done", "Done"

    @property
    def state(self) -> State:
        """Its job's where it is not done."""
        if self.done:
            return self.State.DONE
        live = {Job.State.QUEUED: self.State.WAITING, Job.State.RUNNING: self.State.RUNNING}
        return live.get(self.job.state, self.State.FAILED) if self.job else self.State.FAILED

    @property
    def is_live(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)
