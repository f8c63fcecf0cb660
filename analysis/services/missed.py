"""What reader and model may miss: what lies below the threshold in each window that matters, and unmarked fields."""

import uuid

import numpy as np
from django.db import transaction

from analysis.models import Analysis, AuditSample
from analysis.pipeline.count.fields_walk import find_unmarked
from analysis.pipeline.count.missed import draw_order
from analysis.services import audits, count_regions, walks
from analysis.services.label_table import NONE, LabelTable
from analysis.services.review import lock_analysis, used_id_refusal
from analysis.services.revisions import take_revision
from mitoweb.lib.errors import Refused
from slides.models import Region

MOST_SHOWN = 200
MOST_READ = 20_000  # of what lies below the threshold, the most probable
SEEDS = 2**32
RIVAL = "rival"


def tell_missed(analysis: Analysis, user, reader, count: dict) -> dict:
    """As MissedSerializer describes it, beside the reader's count of a region. user: who asks."""
    table = LabelTable(analysis, reader)
    strip = _list_strip(analysis, table, reader.pk, count)
    audit = audits.find_audit(analysis, table, user, reader.pk)
    return {
        "reader": reader,
        "strip": strip[:MOST_SHOWN],
        "strip_left": len(strip),
        "sample": audit and _describe_sample(audit, count["region"]),
        "estimate": audit and audits.tell_estimate(audit.estimate),
    }


def draw_sample(
    analysis: Analysis, reader, sample_id: uuid.UUID, where: str | Region, field_um: float | None = None
) -> tuple[AuditSample, bool]:
    """Draw the unmarked fields of a region in a random order, and whether they were drawn by this request. Rights are
    the caller's.

    Unmarked is a field that holds no call of the model, no figure that somebody stands by, and nothing that the reader
    judged. The seed is kept with what it drew. Refused: a used id, a region of which each field is marked. Raises
    NotNow.
    """
    if (known := AuditSample.objects.filter(pk=sample_id).first()) is not None:
        return _repeat(known, analysis, reader), False
    walk = walks.find_walk(analysis, reader, where, field_um)
    seed = sample_id.int % SEEDS
    with transaction.atomic():
        lock_analysis(analysis)
        if (known := AuditSample.objects.filter(pk=sample_id).first()) is not None:
            return _repeat(known, analysis, reader), False
        table = LabelTable(analysis, reader)
        marked = (table.is_asked | (table.get_labels(reader.pk) != NONE)) & table.is_placed
        unmarked = find_unmarked(walk.centres_l0, table.points[marked], walk.field_um, walk.ground.frame)
        fields = walk.centres_l0[unmarked]
        if not len(fields):
            raise Refused("Every field of the region holds a mark: there is none to draw from.", "nothing_to_draw")
        sample = AuditSample(
            pk=sample_id,
            analysis=analysis,
            reader=reader,
            polygon=walk.count["region"]["polygon"],
            further_rings=walk.count["region"]["further_rings"],
            field_um=walk.field_um,
            seed=seed,
            fields_l0=fields[draw_order(len(fields), seed)].tolist(),
            revision=take_revision(analysis.pk),
        )
        sample.save(force_insert=True)
    return sample, True


def _repeat(known: AuditSample, analysis: Analysis, reader) -> AuditSample:
    if (known.analysis_id, known.reader_id) != (analysis.pk, reader.pk):
        raise used_id_refusal()
    return known


def _describe_sample(audit: audits.Audit, region: dict) -> dict:
    sample = audit.sample
    told = {name: getattr(sample, name) for name in ("id", "seed", "field_um", "revision", "at")}
    fields = [{"x_l0": x, "y_l0": y} for x, y in sample.fields_l0]
    return told | {"fields": fields, "fields_looked": audit.looked, "is_of_region": audit.is_of(region)}


def _list_strip(analysis: Analysis, table: LabelTable, reader_id: int, count: dict) -> list[dict]:
    """Detections below the threshold that the reader has not judged, in the windows that matter, most probable first;
    of each the first window that holds it."""
    rows = analysis.detections.filter(mitosis=False).order_by("-probability", "pk")
    found = list(rows.values_list("pk", "x_l0", "y_l0", "probability")[:MOST_READ])
    judged = {table.keys[column] for column in np.flatnonzero(table.get_labels(reader_id) != NONE)}
    points = np.array([row[1:3] for row in found], float).reshape(-1, 2)
    held_by = np.full(len(found), -1)
    windows = _list_windows(count)
    shape, frame = count_regions.shape_of(count), count_regions.make_frame(analysis)
    for index, (_, window) in reversed(list(enumerate(windows))):
        held_by[count_regions.find_inside(window, shape, frame, points)] = index
    return [
        {"detection": pk, "probability": probability, "window": windows[index][0]}
        for (pk, _, _, probability), index in zip(found, held_by.tolist(), strict=True)
        if index >= 0 and pk not in judged
    ]


def _list_windows(count: dict) -> list[tuple[str, dict]]:
    """What each is called, and the window as `count_regions.find_inside` takes it: the region told, the protocol's best
    ones, and the rival that may have another score."""
    told = count["region"]
    windows = [] if told["rank"] else [(told["kind"], told)]
    windows += [(str(row["rank"]), row) for row in count["regions"]]
    if count["rival"]:
        windows.append((RIVAL, count["rival"] | {"rank": 0}))
    return windows
