"""The work of a replay: case after case told anew. Killed, it goes on with the cases that are not there yet.

For another version each decided slide is looked at anew, as an analysis would, and of what is found only the calls are
told: no analysis comes of it, so that nobody is asked to judge by a version that is not in use.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from analysis.models import Analysis, ModelVersion, Replay
from analysis.pipeline.cards.store import Model
from analysis.pipeline.errors import PipelineRefused
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from analysis.services import protocols, replays
from analysis.services.decided_cases import DecidedCase, list_decided_cases
from analysis.services.protocols import Version
from analysis.training_jobs import load_base
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs import core
from mitoweb.lib.jobs.database_retry import retry_database
from slides.files import slide_paths
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import open_slide


def replay_cases(run: core.Run) -> None:
    row = retry_database(lambda: Replay.objects.with_facts().filter(pk=run.object_id).first())
    if row is None:
        raise core.JobFailed("What this job was for has been deleted.")
    if row.done:
        return  # killed between its last write and its end
    model = load_base(row.model) if row.model else None
    version = retry_database(lambda: _find_version(row))
    run.step("Looking for decided cases")
    decided = retry_database(lambda: list(list_decided_cases()))
    told = retry_database(lambda: replays.list_replayed(row.pk))
    for number, each in enumerate(decided):
        run.beat(number, len(decided))
        if each.case.pk not in told:
            facts = _tell_case(run, row, model, version, each)
            run.save(partial(replays.keep_case, row.pk, each, facts))
    run.beat(len(decided), len(decided))
    run.save(partial(replays.finish_replay, row.pk))


def _find_version(row: Replay) -> Version | None:
    """Of the protocol that is asked for."""
    return protocols.map_versions()[row.protocol.name, row.protocol.version] if row.protocol else None


def _tell_case(
    run: core.Run, row: Replay, model: Model | None, version: Version | None, decided: DecidedCase
) -> dict[str, Any]:
    """Facts of the case, or why there are none."""
    places = retry_database(lambda: replays.load_places(decided))
    if version is not None:
        return retry_database(lambda: replays.tell_protocol(decided, version, places.confirmed_l0))
    try:
        if model is not None:
            calls_l0 = find_calls(run, decided.analysis, model, row.model)
        else:
            calls_l0 = retry_database(lambda: replays.load_calls(decided.analysis, row.threshold))
    except (Refused, PipelineRefused, SlideRefused, OSError) as refusal:
        return {"lacks": str(refusal)[:300]}
    return retry_database(lambda: replays.tell_calls(decided, places.called_l0, calls_l0, places.confirmed_l0))


def find_calls(run: core.Run, analysis: Analysis, model: Model, version: ModelVersion) -> np.ndarray:
    """What a version calls where the analysis looked: level-0 px, float (n, 2). Raises SlideRefused and OSError for a
    slide that cannot be read, PipelineRefused for what the version cannot look at."""
    paths = slide_paths(analysis.slide) if analysis.slide.folder else []
    if not paths or not all(Path(path).exists() for path in paths):
        raise Refused("the slide's file is missing on the server", "slide_missing")
    how = Settings(
        mpp_x=analysis.mpp_x,
        mpp_y=analysis.mpp_y,
        mode=analysis.mode,
        normaliser=model.card.normaliser,
        region_l0=[analysis.polygon] if analysis.polygon else None,
        threshold=version.threshold,
        tile_px=settings.TILE_PX,
    )
    calls: list[tuple[float, float]] = []
    with open_slide(paths, scene=analysis.slide.scene) as reader:
        work = plan_work(reader, how, model.card)
        if not work.tiles:
            return np.zeros((0, 2))
        detector = Detector(model, how, device=settings.DEVICE, threads=settings.TORCH_THREADS)
        for number, tile in enumerate(detector.detect_tiles(reader, work, work.tiles), 1):
            calls += [(found.x_l0, found.y_l0) for found in tile.detections if found.mitosis]
            run.step(f"Looking at {analysis.slide.label}"[:60], number, len(work.tiles))
    return np.array(calls, float).reshape(-1, 2)
