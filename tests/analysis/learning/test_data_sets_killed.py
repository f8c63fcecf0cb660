"""A cutting whose process is killed again and again ends with the patches that an undisturbed one cuts."""

import os
import random
import signal

import pytest

from analysis.lab.learning.data_set_folder import PATCHES, read_data_set
from analysis.services.learning import data_sets
from analysis.services.learning.choice import Choice
from mitoweb.lib import processes
from mitoweb.lib.jobs.models import Job
from tests.analysis.learning.makers import administrator, judged_slide
from tests.lib.test_worker import worker  # noqa: F401 a fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900), pytest.mark.nightly]
KILLS = 4
PLACES = 120  # of each of four slides


def cut(data_set) -> int:
    return len(list((data_sets.folder_of(data_set.pk) / PATCHES).glob("0*.png")))


def test_a_killed_cutting_ends_with_the_same_patches(worker):  # noqa: F811
    for _ in range(4):
        judged_slide([["mitosis", "mitosis"], ["not_mitosis", "not_mitosis"]] * (PLACES // 2))
    by, draw = administrator(), random.Random(5)
    calm = data_sets.freeze_data_set("calm", Choice(), by)
    disturbed = data_sets.freeze_data_set("disturbed", Choice(), by)
    supervisor, kills = worker(), 0
    while kills < KILLS:
        aim = cut(disturbed) + draw.randint(5, PLACES // 2)
        assert processes.wait_until(lambda aim=aim: cut(disturbed) >= min(aim, 4 * PLACES), 300)
        if (process := supervisor.job_process(disturbed.job)) is None:
            break
        os.kill(process.pid, signal.SIGKILL)
        kills += 1
    jobs = Job.objects.filter(pk__in=[calm.job_id, disturbed.job_id])
    assert processes.wait_until(lambda: jobs.filter(state="done").count() == 2, 600), list(jobs.values())
    assert kills, "the job was never met while it ran"
    one, other = (read_data_set(data_sets.folder_of(each.pk)) for each in (calm, disturbed))
    assert one.hash == other.hash
    for row in one.rows:
        assert (one.folder / row.file).read_bytes() == (other.folder / row.file).read_bytes(), row.file
