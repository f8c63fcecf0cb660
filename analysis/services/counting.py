"""The count of one analysis, as each reader has it: which region, how many, per mm², how sure, and what can change it.

*Confirmed* is what the reader judged to be mitoses, on the model's detections and on figures added by hand.
*Provisional* adds what is open: the model's calls and others' figures that the reader has not judged; unsure leaves it.
*Decided* is what `mitosis decide` says of the reader's own verdicts: who is unsure has not decided, so what is unsure
may still become a figure. It holds given the list of calls and figures, and knows nothing of what neither found.
Readers are kept apart: where they differ is listed, never settled here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth import get_user_model

from analysis.models import Analysis
from analysis.pipeline.count import poisson_interval
from analysis.pipeline.count.guards import Guard
from analysis.pipeline.count.missed import MissedEstimate
from analysis.pipeline.count.outlook import REGIONS, Outlook, OutlookTask
from analysis.pipeline.count.protocols import Protocol
from analysis.pipeline.count.score import distances, score_of
from analysis.services import audits, count_child, count_guards, count_notes, count_regions, protocols
from analysis.services.count_area import TUMOUR, CountArea, find_count_area
from analysis.services.count_regions import ALTERNATE, BEST, DRAWN, FITS, WHOLE, CountedRegion
from analysis.services.label_table import NONE, LabelTable, count_true
from analysis.services.protocols import Choice
from slides.models import Region

__all__ = ["BEST", "DRAWN", "RANKS", "WHOLE", "count_by_ids", "count_mitoses", "name_people", "name_region"]

RANKS = {BEST: 1, "1": 1, "2": 2, "3": 3}  # regions of the protocol that can be asked for
SUMMARY = ("confirmed", "provisional", "judged", "open")
SECONDS, DRAW_SECONDS = 8.0, 4.0  # that a count may take for what stands beside it
Where = str | Region  # a key of RANKS, WHOLE, or a drawn region


@dataclass(frozen=True)
class _Told:
    """The region that is told, and what is known beside it. area: all that may be counted in. inside: which places the
    region holds. regions: of the protocol."""

    area: CountArea
    counted: CountedRegion
    inside: np.ndarray
    regions: list[CountedRegion]
    outlook: Outlook
    notes: tuple[str, ...] = ()


def count_mitoses(analysis: Analysis, reader, where: Where = BEST) -> dict:
    """The reader's count in a region of the protocol, the whole or a drawn one, as CountSerializer describes it.

    Raises NotNow where others are counted meanwhile.
    """
    return name_people(count_by_ids(analysis, reader, where))


def name_people(count: dict) -> dict:
    """The count with users in place of their ids."""
    people = get_user_model().objects.in_bulk([row["reader"] for row in count["readers"]])
    readers = [row | {"reader": people[row["reader"]]} for row in count["readers"]]
    return count | {"reader": people[count["reader"]], "readers": readers}


def is_finished(count: dict) -> bool:
    """Whether no part of the count is missing for want of time."""
    return not {guard["code"] for guard in count["guards"]} & {code for code, _ in count_guards.LATE.values()}


def find_counted(analysis: Analysis, count: dict, points_l0: np.ndarray) -> np.ndarray:
    """Which of the points (n, 2) lie in the region of a count: bool (n,)."""
    shape, frame = count_regions.shape_of(count), count_regions.make_frame(analysis)
    return count_regions.find_inside(count["region"], shape, frame, points_l0)


def name_region(count: dict) -> str:
    """What the region of a count is called; a drawn one as the person called it."""
    region, name = count["region"], count["protocol"]["name"]
    whole = "all of the drawn tumour" if count["looked_in"]["where"] == TUMOUR else "all that was analysed"
    names = {BEST: f"best {name}", ALTERNATE: f"region {region['rank']}, {name}", WHOLE: whole}
    return names.get(region["kind"], region["name"])


def count_by_ids(
    analysis: Analysis, reader, where: Where = BEST, quick: bool = False, choice: Choice | None = None
) -> dict:
    """The count in plain values, people by their ids. quick: without what takes searches of many draws, and refused
    (NotNow) where the region alone takes long. choice: the case's protocol, where the caller has read it."""
    choice = choice or protocols.choice_of(analysis.slide.case)
    protocol = choice.protocol
    table = LabelTable(analysis, reader)
    listed = _list_places(table, reader.pk)
    told = _choose_region(analysis, protocol, table, listed, reader.pk, where, quick)
    counted, inside = told.counted, told.inside
    tallies = {pk: table.count_labels(pk, inside) for pk in table.readers}
    tally = tallies[reader.pk]
    nobody_judged = not (table.labels != NONE).any()
    no_density = count_notes.why_no_density(analysis, told.area, counted)
    area_mm2 = None if no_density else counted.area_mm2
    added = table.points[inside & table.is_figure & table.find_provisional(reader.pk)]
    off_tissue = 0 if no_density else count_regions.count_off_tissue(analysis, added)
    guards = count_guards.find_guards(
        analysis, protocol, told.area, counted, tally["open"], count_true(~table.is_placed), told.outlook.late
    )
    scores = _tell_scores(protocol, table, told, reader.pk, guards)
    audit = audits.find_audit(analysis, table, reader, reader.pk)
    missed = audit.estimate if audit and audit.is_of(counted.as_json()) else None
    decision_note = count_notes.describe_decision(told.outlook, scores["decided"], tally["unsure"])
    notes = count_notes.write_notes(analysis, counted, no_density, tally, nobody_judged, off_tissue)
    notes += count_notes.say_where(analysis, told.area, told.outlook)
    return {
        "region": counted.as_json(),
        "looked_in": told.area.as_json(analysis, told.outlook.mask_cell_um),
        "protocol": describe_protocol(choice),
        "smaller_than_protocol": counted.fit != FITS,
        "protocol_fit": counted.fit,
        "protocol_note": counted.fit_note,
        "reader": reader.pk,
        **tally,
        "model_only": tally["judged"] == 0,
        "nobody_judged": nobody_judged,
        "per_mm2": area_mm2 and {name: tally[name] / area_mm2 for name in ("confirmed", "provisional")},
        "interval": area_mm2 and _measure_interval(tally, area_mm2),
        "interval_with_choice": area_mm2 and _measure_with_choice(told, tally, area_mm2),
        **scores,
        "regions": [_describe_rank(table, region, protocol, analysis, reader.pk) for region in told.regions],
        "next": _name_next(table, listed, told.outlook),
        "missed": missed and audits.tell_estimate(missed),
        "guards": [{"code": guard.code, "sentence": guard.sentence, "blocks": guard.blocks} for guard in guards],
        "decision_note": decision_note,
        "mpp_x": analysis.mpp_x,
        "mpp_y": analysis.mpp_y,
        "mpp_source": analysis.mpp_source,
        "doubts": analysis.slide.open_doubts,
        "readers": [{"reader": pk} | {name: each[name] for name in SUMMARY} for pk, each in tallies.items()],
        "differ": table.list_differing(inside),
        "notes": [*notes, *told.notes, *choice.notes, *filter(None, [decision_note]), *_say_missed(missed)],
    }


def _say_missed(missed: MissedEstimate | None) -> list[str]:
    return [missed.sentence] if missed and missed.fields_looked else []


def describe_protocol(choice: Choice) -> dict:
    """name: the window as a noun, which sentences are made with; code: what programs call the protocol."""
    protocol, shape = choice.protocol, choice.protocol.shape
    return {
        "name": count_regions.name_window(shape),
        "area_mm2": shape.area_mm2,
        "code": protocol.name,
        "title": protocol.title,
        "version": protocol.version,
        "shape": shape.kind,
        "fields": shape.fields or None,
        "field_um": shape.field_um or None,
        "cutoffs": [{"score": cutoff.score, "from": cutoff.from_count} for cutoff in protocol.cutoffs],
        "divided_by": protocol.divided_by,
        "sources": dict(protocol.sources),
        "on": protocol.on,
        "chosen": choice.chosen,
    }


def _list_places(table: LabelTable, reader_id: int) -> np.ndarray:
    """Columns of the places that a search is told of: what the reader is asked about or confirmed."""
    return np.flatnonzero((table.find_provisional(reader_id) | table.is_asked) & table.is_placed)


def _choose_region(
    analysis: Analysis,
    protocol: Protocol,
    table: LabelTable,
    listed: np.ndarray,
    reader_id: int,
    where: Where,
    quick: bool,
) -> _Told:
    """The region asked for; all that may be counted where no window of the protocol can be had."""
    area = find_count_area(analysis)
    frame, wants_rank = count_regions.make_frame(analysis), RANKS.get(where, 0) if isinstance(where, str) else 0
    outlook, notes = Outlook(), []
    is_whole = count_regions.is_counted_whole(analysis, protocol, area)
    if not is_whole and where != WHOLE:
        task = _make_task(analysis, protocol, area, table, listed, reader_id, wants_rank == 1 and not quick)
        outlook = count_child.find_outlook(task, may_wait=not quick)
    regions = [
        count_regions.describe_found(analysis, protocol, found, rank) for rank, found in enumerate(outlook.regions, 1)
    ]
    if isinstance(where, Region):
        counted = count_regions.describe_drawn(analysis, protocol, where, area)
    elif where == WHOLE or is_whole or REGIONS in outlook.late:
        counted = count_regions.describe_whole(analysis, protocol, area)
    elif not regions:
        counted = count_regions.describe_whole(analysis, protocol, area, has_room=False)
    else:
        counted = regions[min(wants_rank, len(regions)) - 1]
        if wants_rank > len(regions):
            notes.append(f"There is no region {wants_rank}: region {len(regions)} is shown.")
    inside = count_regions.find_inside(counted.as_json(), protocol.shape, frame, table.points)
    return _Told(area, counted, inside, regions, outlook, tuple(notes))


def _make_task(
    analysis: Analysis,
    protocol: Protocol,
    area: CountArea,
    table: LabelTable,
    listed: np.ndarray,
    reader_id: int,
    wants_interval: bool,
) -> OutlookTask:
    return OutlookTask(
        table.points[listed],
        table.find_provisional(reader_id)[listed],
        table.find_states(reader_id)[listed],
        table.probabilities[listed],
        protocol.shape,
        protocol.cutoffs,
        count_regions.make_frame(analysis),
        tissue=analysis.tissue,
        tumour=area.bounds_windows(analysis),
        wants_interval=wants_interval,
        seconds=SECONDS,
        draw_seconds=DRAW_SECONDS,
    )


def _tell_scores(
    protocol: Protocol, table: LabelTable, told: _Told, reader_id: int, guards: list[Guard]
) -> dict[str, Any]:
    """Scores of the told region, and what the protocol's other windows may do to them. None without cut-offs, and where
    a guard blocks."""
    states = table.find_states(reader_id)[told.inside]
    confirmed, undecided = count_true(states == 1), count_true(states == 0)
    has_score = bool(protocol.cutoffs) and not any(guard.blocks for guard in guards)
    cutoffs = protocol.cutoffs if has_score else ()
    to_next, to_previous = distances(confirmed, cutoffs)
    outlook = told.outlook
    return {
        "score": score_of(confirmed, cutoffs),
        "to_next_score": to_next,
        "to_previous_score": to_previous,
        "score_low": score_of(confirmed, cutoffs),
        "score_high": score_of(confirmed + undecided, cutoffs),
        "decided": outlook.decided if has_score else None,
        "verdicts_to_go": outlook.verdicts_to_go if has_score else None,
        "rival": _find_rival(told) if protocol.cutoffs else None,
        "most_elsewhere": outlook.highest and outlook.highest["count"],
    }


def _find_rival(told: _Told) -> dict | None:
    """Of the windows that hold least and most at the end, the one that holds most and is not told; it may overlap."""
    rivals = [row for row in (told.outlook.highest, told.outlook.lowest) if row is not None]
    rival = next((row for row in rivals if row["polygon_l0"] != told.counted.polygon), None)
    if rival is None:
        return None
    return {
        "polygon": rival["polygon_l0"],
        "fields_l0": rival["fields_l0"],
        "most": rival["confirmed"] + rival["open"],
    }


def _describe_rank(
    table: LabelTable, region: CountedRegion, protocol: Protocol, analysis: Analysis, reader_id: int
) -> dict:
    row = region.as_json()
    frame = count_regions.make_frame(analysis)
    tally = table.count_labels(reader_id, count_regions.find_inside(row, protocol.shape, frame, table.points))
    told = {name: row[name] for name in ("rank", "polygon", "fields_l0", "area_mm2")}
    told |= {name: tally[name] for name in ("confirmed", "provisional")} | {"tissue_fraction": row["tissue_fraction"]}
    return told | {"exact": region.exact, "bound": region.bound}


def _name_next(table: LabelTable, listed: np.ndarray, outlook: Outlook) -> list[dict]:
    return [table.name_place(listed[index]) | {"effect": round(effect, 6)} for index, effect in outlook.next]


def _measure_interval(tally: dict[str, int], area_mm2: float) -> dict[str, float] | None:
    """The 95 % interval per mm². None while anything is open: it would take what is not judged for not there."""
    if tally["open"]:
        return None
    low, high = poisson_interval(tally["confirmed"])
    return {"low": low / area_mm2, "high": high / area_mm2}


def _measure_with_choice(told: _Told, tally: dict[str, int], area_mm2: float) -> dict[str, float] | None:
    """The same of the best region, knowing that it was chosen as the busiest; of none the choice flatters nothing."""
    if told.counted.kind != BEST or tally["open"]:
        return None
    if not tally["confirmed"]:
        return _measure_interval(tally, area_mm2)
    interval = told.outlook.interval
    return interval and {"low": interval.low / area_mm2, "high": interval.high / area_mm2}
