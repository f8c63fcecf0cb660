"""What brings the folder of a data set in line with its rows: patches are cut where they lack, and removed where their
place left.

The rows are the truth. A killed job goes on where its patches end, and whoever changes the rows raises the data set's
revision, so that a folder never counts as complete for rows that it was not made of.
"""

import errno
import time
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from django.utils import timezone

from analysis.lab.errors import DatasetRefused
from analysis.lab.learning import data_set_folder
from analysis.lab.learning.cutting import cut_patch
from analysis.lab.learning.data_set_folder import LeftOut, PatchRow, patch_file
from analysis.models import DataSet, DataSetRow
from analysis.services.learning.data_sets import CUT, folder_of, list_left_out
from analysis.services.learning.naming import hash_case, hash_slide
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.models import Job
from slides.files import slide_paths
from slides.models import Slide
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide

FILE_GONE = "the slide's file was gone when patches were cut"
UNREADABLE = "the slide could not be read when patches were cut"
OFF_SLIDE = "the place does not lie on the slide"
LOOK_EVERY_S = 0.5


def cut_patches(run: core.Run) -> None:
    """Cut what lacks, then write the table; begun anew where rows left meanwhile."""
    while not _cut_once(run, _load_data_set(run)):
        pass


def _cut_once(run: core.Run, data_set: DataSet) -> bool:
    """Whether the folder now agrees with the rows."""
    folder = folder_of(data_set.pk)
    rows = retry_database(lambda: list(_select_standing(data_set)))
    data_set_folder.remove_other_patches(folder, [patch_file(row.number) for row in rows])
    missing = [row for row in rows if not (folder / patch_file(row.number)).is_file()]
    done = len(rows) - len(missing)
    run.step("Cutting patches")
    run.beat(done, len(rows))
    for slide, of_slide in groupby(missing, key=lambda row: row.slide):
        for row, patch in _cut_from_slide(run, slide, list(of_slide)):
            _write_patch(folder, row, patch)
            done += 1
            run.beat(done, len(rows))
    return run.save(partial(_complete, data_set.pk, data_set.revision))


def _cut_from_slide(run: core.Run, slide: Slide, rows: list[DataSetRow]) -> Iterator[tuple[DataSetRow, np.ndarray]]:
    """Patches of one slide. Rows that have none are noted as left, and the work goes on with the others."""
    paths = slide_paths(slide) if slide.folder else []
    if not paths or not all(path.is_file() and path.stat().st_size for path in paths):
        run.save(partial(_leave_out, rows, FILE_GONE))
        return
    left = list(rows)
    try:
        with open_slide(paths, scene=slide.scene) as reader:
            for row in rows:
                patch = cut_patch(reader, row.x_l0, row.y_l0, row.mpp_x, row.mpp_y)
                left.remove(row)
                if patch is None:
                    run.save(partial(_leave_out, [row], OFF_SLIDE))
                else:
                    yield row, patch
    except (SlideRefused, OSError):
        run.save(partial(_leave_out, left, UNREADABLE))


def _leave_out(rows: list[DataSetRow], why: str) -> None:
    standing = DataSetRow.objects.standing().filter(pk__in=[row.pk for row in rows])
    standing.update(left_at=timezone.now(), left_why=why)


def _write_patch(folder: Path, row: DataSetRow, patch: np.ndarray) -> None:
    try:
        data_set_folder.write_patch(folder, patch_file(row.number), patch)
    except OSError as error:
        raise _explain_disk(error) from error


def _explain_disk(error: OSError) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return core.JobFailed("The disk is full. What was cut is kept: make room, then let the job go on.")


def _complete(data_set_id, revision: int) -> bool:
    """Write the table of what stands, unless somebody changed the rows since; inside the job's transaction."""
    data_set = DataSet.objects.select_for_update().get(pk=data_set_id)
    if data_set.revision != revision:
        return False
    rows = list(_select_standing(data_set))
    left_out = [LeftOut(**row) for row in list_left_out(data_set)]
    folder = folder_of(data_set.pk)
    data_set_folder.remove_other_patches(folder, [patch_file(row.number) for row in rows])
    try:
        table = data_set_folder.write_data_set(
            folder, str(data_set.pk), data_set.name, [describe_row(row) for row in rows], left_out, data_set.notes
        )
    except OSError as error:
        raise _explain_disk(error) from error
    data_set.hash, data_set.folder_revision = table.hash, revision
    data_set.save(update_fields=["hash", "folder_revision"])
    return True


def describe_row(row: DataSetRow) -> PatchRow:
    """As the folder tells it: without a name of a case, a slide or a reader."""
    return PatchRow(
        file=patch_file(row.number),
        label=row.label,
        settled=row.settled,
        weight=row.weight,
        case=hash_case(row.case_id),
        slide=hash_slide(row.slide_id),
        scanner=row.scanner,
        tumour=row.tumour,
        x_l0=row.x_l0,
        y_l0=row.y_l0,
        purpose=row.purpose,
        verdicts=tuple(map(str, row.verdicts)),
        added=row.added,
        readers=row.readers,
    )


def erase_patches(run: core.Run) -> None:
    """Remove the patches of what left. The table is written anew at once where all others are there; else by the job
    that cuts them."""
    data_set = _load_data_set(run)
    stopped = Job.objects.filter(kind=CUT, object_id=data_set.pk, state=Job.State.RUNNING, cancel_requested=True)
    while retry_database(stopped.exists):
        run.beat(0, 1)
        time.sleep(LOOK_EVERY_S)
    folder = folder_of(data_set.pk)
    files = [patch_file(row.number) for row in retry_database(lambda: list(_select_standing(data_set)))]
    data_set_folder.remove_other_patches(folder, files)
    if data_set.folder_revision:
        try:
            while not run.save(partial(_complete, data_set.pk, data_set.revision)):
                data_set = _load_data_set(run)
        except DatasetRefused as refusal:
            raise core.JobFailed(f"{refusal} What left was erased.") from refusal


def _select_standing(data_set: DataSet):
    return data_set.rows.standing().select_related("slide").order_by("number")


def _load_data_set(run: core.Run) -> DataSet:
    data_set = retry_database(lambda: DataSet.objects.filter(pk=run.object_id).first())
    if data_set is None:
        raise core.JobFailed("What this job was for has been deleted.")
    return data_set
