"""The jobs of this app: run an analysis, check its slide and explain what it found, explain what is asked for.

Each runs in a process of its own (mitoweb.lib.jobs), the only ones that run networks. The work happens outside
transactions; a tile or a batch of maps is stored in one fenced transaction when it is finished, so a run that is killed
goes on with the tiles that are not there yet and finds what it would have found without the kill.
"""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings

from analysis.models import Analysis, Detection, ModelUpload
from analysis.pipeline.cards.card import decisive_parts
from analysis.services import (
    explanations,
    first_looks,
    follow_ups,
    gates,
    model_files,
    model_uploads,
    model_versions,
    replays,
    results,
    runs,
)
from analysis.services.learning import data_sets, leaving, training_runs
from mitoweb.lib.errors import NotNow, Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.database_retry import retry_database
from mitoweb.lib.jobs.models import Job
from slides import files
from slides.files import slide_paths

LEASE_S = 300  # the first beat comes after torch is loaded, which takes minutes on a machine that does much else
DAY_S = 24 * 3600
# What takes seconds to load, where somebody waits for the first mark.
NEEDS = ("analysis.pipeline.run", "analysis.pipeline.engines.openvino_engine", "slides.wsi.reader")
TILE_PX_OF_OLD = 1024  # of analyses from before it was noted
logger = logging.getLogger(__name__)


def _note_end(job: Job) -> None:
    runs.note_end(job)
    follow_ups.queue_after(job)


@core.handler(runs.KIND, lane="compute", lease_s=LEASE_S, wall_s=DAY_S, on_end=_note_end, needs=NEEDS)
def run_analysis(run: core.Run) -> None:
    """Done when the tiles are in: what follows is a job of its own."""
    analysis = _load_row(Analysis.objects.select_related("slide__case__team", "model", "job"), run.object_id)
    stored = retry_database(lambda: results.list_done_tiles(analysis.pk))
    if stored and len(stored) == analysis.tiles:
        return  # killed between its last tile and its end
    if sentence := runs.describe_open_doubts(analysis.slide):
        raise core.JobFailed(sentence)
    if analysis.model is None:
        _measure_tissue(run, analysis)
        return
    run.step("Opening slide and model")
    with _open_analysis(analysis) as opened:
        run.step("Looking for tissue")
        work = opened.plan_tiles()
        done = _record_start(run, analysis, opened, work)
        if len(done) < len(work.tiles):
            _look_at_nuclei(run, analysis, opened, work)
            _scan_tiles(run, analysis, opened, work, done)


def _measure_tissue(run: core.Run, analysis: Analysis) -> None:
    """All that imported detections lack for a count: where the slide has tissue, and how much."""
    from analysis.pipeline.errors import PipelineRefused
    from analysis.pipeline.plan import Settings, find_slide_tissue
    from slides.wsi.errors import SlideRefused
    from slides.wsi.reader import open_slide

    run.step("Looking for tissue")
    how = Settings(mpp_x=analysis.mpp_x, mpp_y=analysis.mpp_y)
    try:
        with open_slide(_existing_paths(analysis)) as reader:
            tissue = find_slide_tissue(reader, how)
    except SlideRefused as refusal:
        raise core.JobFailed(f"The slide could not be read: {refusal.reason}") from refusal
    except PipelineRefused as refusal:
        raise core.JobFailed(str(refusal)) from refusal
    area_mm2 = tissue.area_l0(None) * analysis.mpp_x * analysis.mpp_y * 1e-6
    run.save(lambda: results.keep_start(analysis.pk, area_mm2=area_mm2, tissue=tissue.outline()))


@core.handler(follow_ups.KIND, lane="compute", lease_s=LEASE_S, wall_s=DAY_S, in_background=True)
def follow_up(run: core.Run) -> None:
    """Slide check and explanations. Killed, it goes on with what is not there yet."""
    analysis = _load_row(Analysis.objects.select_related("slide", "model"), run.object_id)
    run.step("Opening slide and model")
    with _open_analysis(analysis) as opened:
        wanted = retry_database(explanations.wanted_with_the_analysis(analysis).count)
        due = retry_database(lambda: list(explanations.due_with_the_analysis(analysis)))
        run.beat(wanted - len(due), wanted)
        work = opened.plan_tiles()
        _check_slide(run, analysis, opened, work)
        _explain_detections(run, analysis, opened, due, wanted, work)


@core.handler(explanations.KIND, lane="compute", lease_s=LEASE_S, wall_s=1800)
def make_explanation(run: core.Run) -> None:
    rows = Detection.objects.select_related("analysis__slide", "analysis__model")
    detection = _load_row(rows, explanations.read_detection_id(run.object_id))
    due = retry_database(lambda: list(explanations.due_around(detection)))
    if due:
        with _open_analysis(detection.analysis) as opened:
            _explain_detections(run, detection.analysis, opened, due, len(due))


@core.handler(data_sets.CUT, lane="compute", lease_s=LEASE_S, wall_s=DAY_S, in_background=True)
def cut_data_set(run: core.Run) -> None:
    from analysis import data_set_jobs  # with the job: web processes know its tasks, too

    data_set_jobs.cut_patches(run)


@core.handler(data_sets.ERASE, lane="erase", lease_s=120, wall_s=3600)
def erase_from_data_set(run: core.Run) -> None:
    from analysis import data_set_jobs

    data_set_jobs.erase_patches(run)


@core.handler(leaving.ERASE_FRAMES, lane="erase", lease_s=120, wall_s=3600)
def erase_frames_of_locked_set(run: core.Run) -> None:
    from analysis import locked_set_jobs

    locked_set_jobs.erase_frames(run)


@core.handler(
    training_runs.KIND,
    lane="training",
    lease_s=1800,  # a step of a large batch on a machine that analyses, and the original data's loading
    wall_s=30 * DAY_S,
    in_background=True,
    on_end=training_runs.note_end,
)
def train_candidate(run: core.Run) -> None:
    from analysis import training_jobs  # with the job: web processes know its tasks, too

    training_jobs.train(run)


@core.handler(gates.KIND, lane="training", lease_s=3600, wall_s=DAY_S, in_background=True)
def evaluate_gate(run: core.Run) -> None:
    from analysis import gate_jobs

    gate_jobs.evaluate(run)


@core.handler(replays.KIND, lane="training", lease_s=1800, wall_s=30 * DAY_S, in_background=True)
@core.handler(replays.KIND_OF_STORED, lane="compute", lease_s=LEASE_S, wall_s=DAY_S, in_background=True)
def replay_decided_cases(run: core.Run) -> None:
    from analysis import replay_jobs

    replay_jobs.replay_cases(run)


@core.handler(model_uploads.KIND, lane="ingest", lease_s=LEASE_S, wall_s=2 * model_files.CHECK_WALL_S)
def check_model_upload(run: core.Run) -> None:
    """A version comes of it, or a refusal; killed, it is checked anew."""
    upload = _load_row(ModelUpload.objects.select_related("by"), run.object_id)
    path = model_uploads.folder_of(upload) / model_uploads.WEIGHTS
    if upload.state == ModelUpload.State.CHECKING:  # else killed after its end was noted
        run.step("Checking the file, then what it finds")
        try:
            model_files.add_model(path, upload.by, run.fenced, partial(model_uploads.note_taken, upload))
        except NotNow as busy:
            raise core.TryAgain(str(busy)) from busy
        except Refused as refusal:
            sentence = str(refusal)
            run.save(lambda: model_uploads.note_refused(upload, sentence))
            run.conclude("refused", sentence)
    files.remove_tree(path.parent)


@dataclass
class OpenAnalysis:
    """An open slide, the network, and how they are used together."""

    reader: Any
    model: Any
    how: Any  # analysis.pipeline.run.Settings
    device: str

    def __post_init__(self) -> None:
        self._detector = None

    @property
    def detector(self):
        """Made when the first tile needs it: a slide without tissue needs none."""
        if self._detector is None:
            from analysis.pipeline.run import Detector

            self._detector = Detector(self.model, self.how, device=self.device, threads=settings.TORCH_THREADS)
        return self._detector

    def find_hints(self, places: list[tuple[float, float]], work=None) -> list[dict | None]:
        """Type and phase of what lies at the places, level-0 px; None each where the model has no heads for it."""
        from analysis.pipeline.errors import ModelRefused
        from analysis.pipeline.subtypes.hints import hints_at

        try:
            return hints_at(self.detector, self.reader, places, work) or [None] * len(places)
        except ModelRefused as refusal:
            # A hint is an extra: without it maps and counts are what they are.
            logger.warning("No hints of type and phase: %s", refusal)
            return [None] * len(places)

    def plan_tiles(self):
        from analysis.pipeline.plan import plan_work

        return plan_work(self.reader, self.how, self.model.card)


@contextmanager
def _open_analysis(analysis: Analysis) -> Iterator[OpenAnalysis]:
    """The slide and the pinned model, ready for work. What they refuse becomes a sentence on the job, now and later."""
    from analysis.pipeline.errors import ModelRefused, PipelineRefused
    from analysis.pipeline.plan import Settings
    from slides.wsi.errors import SlideRefused
    from slides.wsi.reader import open_slide

    try:
        model = _load_pinned_model(analysis)
        with open_slide(_existing_paths(analysis), scene=analysis.slide.scene) as reader:
            yield OpenAnalysis(
                reader,
                model,
                Settings(
                    mpp_x=analysis.mpp_x,
                    mpp_y=analysis.mpp_y,
                    mode=analysis.mode,
                    normaliser=analysis.normaliser,
                    region_l0=[analysis.polygon] if analysis.polygon else None,
                    threshold=analysis.threshold,
                    tile_px=_choose_tile_px(analysis),
                ),
                _choose_device(analysis),
            )
    except SlideRefused as refusal:
        raise core.JobFailed(f"The slide could not be read: {refusal.reason}") from refusal
    except ModelRefused as refusal:
        raise core.JobFailed(f"The model {analysis.model.name} could not be used: {refusal}") from refusal
    except PipelineRefused as refusal:
        raise core.JobFailed(str(refusal)) from refusal


def _choose_device(analysis: Analysis) -> str:
    """As the settings say; what was begun on a CPU goes on there in the same number format, for the same scores."""
    from analysis.pipeline.engines.devices import OPENVINO_FORMATS  # with the job: web processes know its tasks, too

    begun_in = re.search(rf"^CPU.*, (OpenVINO )?({'|'.join(OPENVINO_FORMATS)})$", analysis.device)
    if begun_in is None or settings.DEVICE not in {"auto", "cpu"}:
        return settings.DEVICE
    return f"cpu:{'openvino-' if begun_in[1] else ''}{begun_in[2]}"


def _choose_tile_px(analysis: Analysis) -> int:
    """As the settings say; what was begun in tiles of one size goes on in them, so that their numbers stay."""
    if not analysis.tiles:
        return settings.TILE_PX
    return analysis.tile_px or TILE_PX_OF_OLD


def _existing_paths(analysis: Analysis) -> list[Path]:
    paths = slide_paths(analysis.slide) if analysis.slide.folder else []
    if not paths or not all(path.exists() for path in paths):
        raise core.JobFailed("The slide's file is missing on the server; upload the slide again.")
    return paths


def _load_pinned_model(analysis: Analysis):
    """The network whose weights have the hash that was pinned when the analysis was asked for."""
    from analysis.pipeline.cards.store import load_model

    path = model_versions.find_weights(analysis.model_sha256)
    if path is None:
        raise core.JobFailed(
            f"The weights of {analysis.model.name} are missing or altered; an administrator must install them again."
        )
    return _refuse_altered_card(load_model(path), analysis)


def _refuse_altered_card(model, analysis: Analysis):
    """The hash covers the weights alone: how they are used must be what it was, too."""
    if decisive_parts(model.card.as_json()) != decisive_parts(analysis.model.card):
        raise core.JobFailed(
            f"The card of {analysis.model.name} was altered; an administrator must install that version again."
        )
    return model


def _record_start(run: core.Run, analysis: Analysis, opened: OpenAnalysis, work) -> set[int]:
    """Record what the analysis covers, where and by which version it runs; the tiles that are done already.

    One that another version began goes on, unless this one lays its tiles otherwise: then a new one takes its place.
    """
    done = retry_database(lambda: results.list_done_tiles(analysis.pk))
    if done and not _has_the_same_tiles(analysis, work):
        run.save(partial(runs.begin_anew, analysis))
        raise core.Cancelled("MitoWeb was updated in the middle of this analysis; a new one was begun in its place.")
    begun_with = first_looks.begun_with(analysis) if done else settings.VERSION
    analysis.software = begun_with if begun_with == settings.VERSION else f"{begun_with}; {settings.VERSION}"
    device = ""
    if work.tiles:
        # What an earlier attempt ran on is named, too, since scores then differ in their last digits.
        earlier, now = analysis.device, opened.detector.device
        device = (f"{earlier}; {now}" if earlier and now not in earlier else earlier or now)[:100]
    facts = {"area_mm2": work.area_mm2, "tissue": work.tissue_outline, "tiles": len(work.tiles)}
    facts |= {"software": analysis.software, "device": device, "tile_px": opened.how.tile_px}
    run.save(lambda: results.keep_start(analysis.pk, **facts))
    run.beat(len(done), len(work.tiles))
    return done


def _has_the_same_tiles(analysis: Analysis, work) -> bool:
    """Whether the tissue is what it was when the first tile was stored: so a tile's number means the same place."""
    tissue = json.loads(json.dumps(work.tissue_outline))
    return (analysis.tiles, analysis.area_mm2, analysis.tissue) == (len(work.tiles), work.area_mm2, tissue)


def _look_at_nuclei(run: core.Run, analysis: Analysis, opened: OpenAnalysis, work) -> None:
    """The first look, from which the slide's scores are told: kept tile by tile, so that nothing is looked at twice."""
    if opened.model.card.standard is None:
        return
    run.step("First look at the nuclei")
    key = first_looks.make_key(analysis, opened.detector.device)
    known = retry_database(lambda: first_looks.load_seen(analysis, key))
    for look in opened.detector.look_at_nuclei(opened.reader, work, known):
        if look.seen is not known.get(look.index):
            run.save(partial(first_looks.keep_seen, analysis, key, look.index, look.seen))
            run.step("First look at the nuclei", look.number, look.of)


def _scan_tiles(run: core.Run, analysis: Analysis, opened: OpenAnalysis, work, done: set[int]) -> None:
    count = len(done)
    run.step("Looking for mitoses")
    began = time.monotonic()
    tiles = [tile for tile in work.tiles if tile.index not in done]
    with closing(opened.detector.detect_tiles(opened.reader, work, tiles)) as results_of_tiles:
        for found in results_of_tiles:
            seconds = time.monotonic() - began
            kept = [detection for detection in found.detections if detection.probability >= analysis.floor]
            run.save(partial(results.keep_tile, analysis.pk, found.index, found.candidates_l0, kept, seconds))
            count += 1
            run.beat(count, len(work.tiles))
            began = time.monotonic()


def _check_slide(run: core.Run, analysis: Analysis, opened: OpenAnalysis, work) -> None:
    """Whether the slide is like those the model was trained on: judged when all tiles are there, from the slide and
    the rows alone, so that it is the same after a kill."""
    from analysis.pipeline.errors import PipelineRefused
    from analysis.pipeline.ood import check_slide

    if analysis.validity is not None:
        return
    run.step("Comparing with the training slides")
    found, detector = (_gather_found(analysis), opened.detector) if work.tiles else (None, None)
    try:
        tell = partial(run.step, "Comparing with the training slides")
        files, scanner = _existing_paths(analysis), analysis.slide.scanner
        checked = check_slide(opened.reader, opened.how, work, detector, found, files, tell=tell, scanner=scanner)
    except PipelineRefused as refusal:
        # What was found is there and stays: the slide is then shown as not checked.
        logger.warning("The slide of analysis %s was not compared: %s", analysis.pk, refusal)
        return
    run.save(lambda: results.keep_validity(analysis.pk, checked.as_json()))


def _gather_found(analysis: Analysis):
    """What the tiles hold together, as the check wants it."""
    import numpy as np

    from analysis.pipeline.ood import PLACES, UNSURE, Found
    from analysis.pipeline.spread import spread_evenly

    counts = retry_database(lambda: results.count_found(analysis.pk, UNSURE))
    numbers = spread_evenly(counts["candidates"], PLACES).tolist()
    places = retry_database(lambda: results.load_candidates(analysis.pk, numbers))
    return Found(**counts, places_l0=np.array(places, float).reshape(-1, 2))


def _explain_detections(
    run: core.Run, analysis: Analysis, opened: OpenAnalysis, due: list[Detection], wanted: int, work=None
) -> None:
    """Maps batch by batch; `wanted` counts those that were there before, too."""
    from analysis.pipeline.explain import explain_places

    run.step("Making explanations")
    for first in range(0, len(due), explanations.BATCH):
        batch = due[first : first + explanations.BATCH]
        run.beat(wanted - len(due) + first, wanted)
        places = [(detection.x_l0, detection.y_l0) for detection in batch]
        maps = explain_places(opened.detector, opened.reader, places, work)
        hints, target_layer = opened.find_hints(places, work), opened.model.card.target_layer
        run.save(partial(explanations.keep_maps, analysis.pk, batch, maps, hints, target_layer))
    run.beat(wanted, wanted)


def _load_row(rows, pk):
    row = retry_database(lambda: rows.filter(pk=pk).first())
    if row is None:
        raise core.JobFailed("What this job was for has been deleted.")
    return row
