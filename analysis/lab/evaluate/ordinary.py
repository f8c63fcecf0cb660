"""False detections per mm² of ordinary tissue, away from hot spots: tiles of patients that nothing was trained on.

No mitosis is labelled there and some occur, so what is called is an upper bound of what is called falsely.
"""

from collections import Counter
from pathlib import Path

from analysis.lab.datasets import tissue
from analysis.pipeline.cards.store import Model
from analysis.pipeline.ood.check import Found
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.run import Detector
from slides.wsi.reader import open_slide


def ordinary_metrics(model: Model, data: Path, folder: str = tissue.FOLDERS[0]) -> dict:
    """What a model version calls on the half of the tiles that is held back, at its own threshold: JSON-able. Raises
    DatasetRefused where the data lack them.
    """
    called, candidates, area_mm2 = Counter[str](), 0, 0.0
    tiles = tissue.tiles_of(data, folder, tissue.HELD_BACK)
    for tile in tiles:
        settings = Settings(tile.mpp, tile.mpp, normaliser=model.card.normaliser)
        with open_slide(tile.path) as reader:
            detector, work = Detector(model, settings), plan_work(reader, settings, model.card)
            found = Found.of([detector.detect_tile(reader, work, each) for each in work.tiles])
            called[tile.path.name] = found.mitoses
            candidates += found.candidates
            area_mm2 += reader.info.width * reader.info.height * tile.mpp**2 * 1e-6
    return {
        "protocol": f"tiles of {folder} whose patients are held back, at the version's threshold; mitoses are not "
        "labelled and some occur, so this is an upper bound of false ones",
        "threshold": model.card.threshold,
        "tiles": len(tiles),
        "area_mm2": round(area_mm2, 3),
        "called": sum(called.values()),
        "false_per_mm2": round(sum(called.values()) / area_mm2, 3),
        "candidates_per_mm2": round(candidates / area_mm2, 1),
        "tiles_with_most": dict(called.most_common(5)),
    }
