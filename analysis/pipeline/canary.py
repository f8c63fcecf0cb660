"""Does a model tell mitoses from ordinary nuclei at all? Tried on crops that come with the program.

    report = try_on_crops(load_model(path))  # ModelRefused where it does not

The crops are those of the teaching sheet (`slides.demo`): sixty mitoses in the middle of one each, and in the same
crops ordinary nuclei, away from the middle and from the edge. A network that was never trained, one whose weights were
overwritten, or a card whose threshold calls everything would find no hole in any check of shapes and values; here they
are seen. It says nothing of how good a model is: that is measured on whole slides. Shipped versions reach the figures
that stand at each bound, measured in float32.
"""

import json
from dataclasses import asdict, dataclass, replace

import numpy as np

from analysis.pipeline.cards.store import Model
from analysis.pipeline.engines import open_engine
from analysis.pipeline.errors import ModelRefused
from analysis.pipeline.merge import RADIUS_UM
from analysis.pipeline.networks import find_network
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.proposers.darkest import dark_spots
from analysis.pipeline.run import Detector
from analysis.pipeline.slide_grid import Reader, half_scale
from analysis.pipeline.spread import spread_evenly
from slides.demo.teaching_sheet import SHEET, TRUTH
from slides.wsi.reader import open_slide

LEAST_AUC = 0.75  # of the network alone, and of the whole way; shipped: 0.83 to 1.00, and 0.82 to 0.97
LEAST_CALLED = 0.3  # of the mitoses at the card's threshold; shipped: 0.47 to 0.93
MOST_CALLED = 0.3  # of the ordinary nuclei; shipped: 0 to 0.04
MOST_PER_MM2 = 7000  # places named, which is what an analysis costs; shipped: 750 to 930
LEAST_SPREAD = 1e-3  # of margins, logits, below which they are one number; shipped: 1.04 to 3.11
ORDINARY = 60
AWAY_UM, EDGE_UM = 10.0, 3.5  # from the labelled mitosis, and from the edge of its crop
ROWS = 3  # of the sheet's six that the whole way is tried on
WITH_GRAPH, WITHOUT = "openvino-float32", "float32"  # what runs a network; the first loads in a moment


@dataclass(frozen=True)
class CanaryReport:
    """auc_network: chance that the network puts a mitosis over an ordinary nucleus, None for one that scores no
    patch; spread: standard deviation of its margins, logits; auc: the same chance with the finder and all else that
    the card says; called, called_ordinary: shares in [0, 1] at the card's threshold; per_mm2: places named.
    """

    auc_network: float | None
    spread: float
    auc: float
    called: float
    called_ordinary: float
    per_mm2: float

    def as_json(self) -> dict[str, float | None]:
        """Rounded, as it is kept with the version."""
        return {name: None if value is None else round(value, 4) for name, value in asdict(self).items()}


def try_on_crops(model: Model) -> CanaryReport:
    """The model on the crops, in float32 on one thread of the CPU: a few seconds. By OpenVINO where its network has a
    graph, whatever formats the card names, else by torch. Raises ModelRefused, saying which bound is passed.
    """
    number_format = WITHOUT if find_network(model.card.architecture).graph is None else WITH_GRAPH
    device = f"cpu:{number_format}"
    model = replace(model, card=replace(model.card, formats=(*model.card.formats, number_format)))
    with open_slide([SHEET]) as reader:
        mitoses_l0, ordinary_l0, side_l0, mpp = read_crops(reader)
        right_l0 = float(reader.info.width)
        top = [[(0.0, 0.0), (right_l0, 0.0), (right_l0, side_l0), (0.0, side_l0)]]
        # With no threshold nothing is left out, so that every place has its probability.
        how = Settings(mpp_x=mpp, mpp_y=mpp, normaliser=model.card.normaliser, region_l0=top, threshold=0.0)
        auc_network, spread = _try_network(model, device, reader, how, mitoses_l0, ordinary_l0)
        detector, work = Detector(model, how, device, threads=1), plan_work(reader, how, model.card)
        tiles = list(detector.detect_tiles(reader, work, work.tiles))
    found = np.array([(d.x_l0, d.y_l0, d.probability) for tile in tiles for d in tile.detections]).reshape(-1, 3)
    of_mitoses, of_ordinary = (
        _surest_near(found, points_l0[points_l0[:, 1] < side_l0], RADIUS_UM / mpp)
        for points_l0 in (mitoses_l0, ordinary_l0)
    )
    report = CanaryReport(
        auc_network,
        float(np.concatenate([of_mitoses, of_ordinary]).std()) if spread is None else spread,
        share_in_order(of_mitoses, of_ordinary),
        float((of_mitoses >= model.card.threshold).mean()),
        float((of_ordinary >= model.card.threshold).mean()),
        sum(len(tile.candidates_l0) for tile in tiles) / work.area_mm2,
    )
    _refuse_unfit(report, model.name)
    return report


def _refuse_unfit(report: CanaryReport, name: str) -> None:
    """What the whole way says, at the card's threshold."""
    _refuse_blind(report.auc, report.spread, name)
    if report.called < LEAST_CALLED:
        raise ModelRefused(f"{name} calls {report.called:.0%} of clear mitoses at its card's threshold, too few.")
    if report.called_ordinary > MOST_CALLED:
        raise ModelRefused(
            f"{name} calls {report.called_ordinary:.0%} of ordinary nuclei mitoses at its card's threshold."
        )
    if report.per_mm2 > MOST_PER_MM2:
        raise ModelRefused(
            f"{name} names {report.per_mm2:,.0f} places per mm² to look at; an analysis may cost {MOST_PER_MM2:,}."
        )


def _refuse_blind(auc: float, spread: float, name: str) -> None:
    if spread < LEAST_SPREAD:
        raise ModelRefused(f"{name} says the same of every picture, so it is of no use.")
    if auc < LEAST_AUC:
        raise ModelRefused(
            f"{name} does not tell mitoses from ordinary nuclei: on crops that come with the program it puts a mitosis "
            f"first in {auc:.0%} of pairs, and {LEAST_AUC:.0%} are the least."
        )


def read_crops(reader: Reader) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Level-0 px of the mitoses (60, 2) and of as many ordinary nuclei, the height of the rows that the whole way is
    tried on, and µm per px.
    """
    truth = json.loads(TRUTH.read_text())
    mpp, half_crop = truth["mpp"], truth["crop_px"] / 2
    mitoses = np.array([(point["x_l0"], point["y_l0"]) for point in truth["points"]])
    sheet = reader.read(0, 0, truth["width"], truth["height"], 1.0)
    spots = 2 * dark_spots(half_scale(sheet))[0].astype(float)
    offsets = np.abs(spots[:, None] - mitoses[None])
    in_crop = offsets.max(2).min(1) <= half_crop - EDGE_UM / mpp
    is_away = np.hypot(offsets[..., 0], offsets[..., 1]).min(1) > AWAY_UM / mpp
    nuclei = spots[in_crop & is_away]
    rows = np.unique(mitoses[:, 1])
    return mitoses, nuclei[spread_evenly(len(nuclei), ORDINARY)], float(rows[ROWS - 1 : ROWS + 1].mean()), mpp


def _try_network(
    model: Model, device: str, reader: Reader, how: Settings, mitoses_l0: np.ndarray, ordinary_l0: np.ndarray
) -> tuple[float | None, float | None]:
    """Of the network without a finder, which would hide that it says nothing: the chance, and the spread of margins.

    None of one that scores no patch. Raises ModelRefused where what comes out is no number, or tells nothing.
    """
    engine = open_engine(model, device, 1)
    if engine.find_places is not None:
        return None, None
    places = [(float(x), float(y)) for x, y in (*mitoses_l0, *ordinary_l0)]
    margins = engine.score(Detector(model, how, device, threads=1).patches_at(reader, places))[0]
    if not np.isfinite(margins).all():
        raise ModelRefused(f"{model.name} gives no numbers for a picture, so it is of no use.")
    auc, spread = share_in_order(margins[: len(mitoses_l0)], margins[len(mitoses_l0) :]), float(margins.std())
    _refuse_blind(auc, spread, model.name)
    return auc, spread


def _surest_near(found: np.ndarray, points_l0: np.ndarray, radius_l0: float) -> np.ndarray:
    """Of detections (n, 3) with x, y, probability the highest within the radius of each point: (m,), 0 for none."""
    if not len(found):
        return np.zeros(len(points_l0))
    away = np.hypot(*(points_l0[:, None] - found[None, :, :2]).transpose(2, 0, 1))
    return np.where(away <= radius_l0, found[:, 2], 0.0).max(1)


def share_in_order(higher: np.ndarray, lower: np.ndarray) -> float:
    """The area under the curve of both: of all pairs the share in which the first is higher, ties half."""
    return float((higher[:, None] > lower[None]).mean() + 0.5 * (higher[:, None] == lower[None]).mean())
