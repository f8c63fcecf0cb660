"""What a running analysis stores. Each function is one transaction's work, called inside the job's fence.

A tile counts once: it is written together with its detections, and a tile that is there already is left alone, so a
write whose answer got lost may be done again.
"""

import uuid
from collections.abc import Sequence

from django.db.models import F, Max
from django.db.models.functions import Coalesce

from analysis.models import Analysis, Detection, TileDone
from analysis.services import revisions


def keep_start(analysis_id: uuid.UUID, **facts) -> None:
    """Store what was found out before the first tile: device, area_mm2, tissue, tiles, software."""
    Analysis.objects.filter(pk=analysis_id).update(**facts)


def keep_tile(
    analysis_id: uuid.UUID,
    index: int,
    candidates: Sequence[tuple[float, float]],
    detections: Sequence,
    seconds: float,
) -> None:
    """Store one finished tile: candidates (x_l0, y_l0); detections with x_l0, y_l0, probability, mitosis."""
    revision = revisions.take_revision(analysis_id)
    tile, is_new = TileDone.objects.get_or_create(
        analysis_id=analysis_id, index=index, defaults={"candidates": [[float(x), float(y)] for x, y in candidates]}
    )
    if not is_new:
        return
    highest = Detection.objects.filter(analysis_id=analysis_id).aggregate(number=Max("number"))["number"] or 0
    ordered = sorted(detections, key=lambda found: (found.y_l0, found.x_l0))
    Detection.objects.bulk_create(
        Detection(
            analysis_id=analysis_id,
            number=number,
            tile_index=index,
            x_l0=float(found.x_l0),
            y_l0=float(found.y_l0),
            probability=float(found.probability),
            mitosis=bool(found.mitosis),
            revision=revision,
        )
        for number, found in enumerate(ordered, highest + 1)
    )
    Analysis.objects.filter(pk=analysis_id).update(
        candidates=F("candidates") + len(tile.candidates), seconds=Coalesce(F("seconds"), 0.0) + seconds
    )


def list_done_tiles(analysis_id: uuid.UUID) -> set[int]:
    return set(TileDone.objects.filter(analysis_id=analysis_id).values_list("index", flat=True))


def keep_validity(analysis_id: uuid.UUID, validity: dict) -> None:
    """Store how far the slide is like those the model was trained on: {"grade", "reasons", "measures"}."""
    Analysis.objects.filter(pk=analysis_id).update(validity=validity)


def count_found(analysis_id: uuid.UUID, unsure: tuple[float, float]) -> dict[str, int]:
    """Numbers of candidates, of detections with a probability between the bounds of `unsure`, of those called mitosis.

    Read from the rows, so that they are the same however often the run was stopped.
    """
    detections = Detection.objects.filter(analysis_id=analysis_id)
    return {
        "candidates": Analysis.objects.values_list("candidates", flat=True).get(pk=analysis_id),
        "unsure": detections.filter(probability__gt=unsure[0], probability__lt=unsure[1]).count(),
        "mitoses": detections.filter(mitosis=True).count(),
    }


def load_candidates(analysis_id: uuid.UUID, numbers: Sequence[int]) -> list[list[float]]:
    """The candidates [x_l0, y_l0] with these numbers, counted from 0 through the tiles in their order."""
    wanted = set(numbers)
    tiles = TileDone.objects.filter(analysis_id=analysis_id).order_by("index").values_list("candidates", flat=True)
    places = (place for tile in tiles.iterator(chunk_size=100) for place in tile)
    return [place for number, place in enumerate(places) if number in wanted]
