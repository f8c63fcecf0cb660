"""Folders of data sets against their rows, as `fsck` asks: one that is lost is cut again."""

from collections.abc import Iterator
from functools import partial

from django.db import transaction

from analysis.models import DataSet
from analysis.services.learning.data_sets import CUT, ERASE, folder_of
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.models import Job
from slides.services.fsck import Finding

LIVE = [Job.State.QUEUED, Job.State.RUNNING]


def find_lost_data_sets() -> Iterator[Finding]:
    for data_set in DataSet.objects.order_by("made"):
        if Job.objects.filter(kind__in=[CUT, ERASE], object_id=data_set.pk, state__in=LIVE).exists():
            continue
        if data_set.is_ready and not (folder_of(data_set.pk) / "data_set.json").is_file():
            yield Finding(f"Data set {data_set.name}: its patches are gone.", partial(cut_anew, data_set))
        elif not data_set.is_ready and data_set.folder_revision:
            yield Finding(f"Data set {data_set.name} holds what left it.", partial(cut_anew, data_set))


def cut_anew(data_set: DataSet) -> None:
    """From the slides, with the labels that were frozen."""
    with transaction.atomic():
        data_set = DataSet.objects.select_for_update().get(pk=data_set.pk)
        data_set.folder_revision = 0
        data_set.job = core.enqueue(CUT, data_set.pk)
        data_set.save(update_fields=["folder_revision", "job"])
