"""The work of a gate's report: the locked set cut, both versions run over it, and what is left for the page.

A killed attempt begins anew: with the same locked set it is the same look, and what it gives is the same.
"""

from functools import partial

from analysis.lab.errors import DatasetRefused
from analysis.lab.gate import compare, find_in
from analysis.lab.gate.found import Found
from analysis.lab.gate.locked_set_folder import LockedSet
from analysis.lab.gate.pictures import draw_report
from analysis.locked_set_jobs import cut_locked_set
from analysis.models import GateReport, ModelVersion
from analysis.pipeline.errors import PipelineRefused
from analysis.services import gates
from analysis.services.learning.locked_set import review_locked_set
from analysis.training_jobs import load_base
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.database_retry import retry_database

PICTURES = "pictures"


def evaluate(run: core.Run) -> None:
    rows = GateReport.objects.with_facts()
    report = retry_database(lambda: rows.filter(pk=run.object_id).first())
    if report is None:
        raise core.JobFailed("What this job was for has been deleted.")
    if report.done:
        return  # killed between its last write and its end
    run.step("Cutting the locked set")
    try:
        locked = cut_locked_set(retry_database(review_locked_set), run.beat)
        run.save(partial(gates.note_look, report.pk, locked.hash))
        found = [_find(run, version, locked) for version in (report.base, report.candidate)]
        run.step("Comparing")
        judged = compare(*found, locked)
        names = draw_report(judged, locked, gates.folder_of(report.pk))
    except (PipelineRefused, DatasetRefused) as refusal:
        raise core.JobFailed(str(refusal)) from refusal
    run.save(partial(gates.keep_report, report.pk, judged.as_json() | {PICTURES: names}))


def _find(run: core.Run, version: ModelVersion, locked: LockedSet) -> Found:
    return find_in(load_base(version), locked, lambda said: run.step(str(said)[:60]))
