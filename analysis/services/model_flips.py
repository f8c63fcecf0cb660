"""Where two versions answer otherwise: what one calls a mitosis on a slide and the other does not."""

from dataclasses import dataclass

import numpy as np

from analysis.models import Analysis, Detection, ModelVersion
from analysis.pipeline.count.replay import find_alone
from analysis.pipeline.merge import RADIUS_UM
from mitoweb.lib.jobs.models import Job

SLIDES = 12  # the newest that both have analysed
SHOWN = 8  # flips of a slide and direction, the surest first
MOST = 20_000  # detections of an analysis that are compared, the surest first
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Flip:
    """A place in level-0 px that one version calls, with its probability there, and the highest of the other within
    7.5 µm, None where it has none."""

    x_l0: float
    y_l0: float
    probability: float
    other: float | None


@dataclass(frozen=True)
class Compared:
    """Two whole analyses of one slide: how many places both call, and what one alone does, the surest shown."""

    first: Analysis
    second: Analysis
    both: int
    only_first: int
    only_second: int
    shown_first: list[Flip]
    shown_second: list[Flip]


def compare_on_slides(first: ModelVersion, second: ModelVersion, user) -> list[Compared]:
    """On slides that the user sees and both have analysed whole, the newest analyses of each; newest slides first."""
    found = [_map_newest(model, user) for model in (first, second)]
    shared = [pk for pk in found[0] if pk in found[1]][:SLIDES]
    return [_compare(found[0][pk], found[1][pk]) for pk in shared]


def _map_newest(model: ModelVersion, user) -> dict:
    """{slide: the newest finished analysis of all of it by the version}, the newest first."""
    rows = Analysis.objects.visible_to(user).filter(model=model, polygon__isnull=True, withdrawn=None)
    rows = rows.filter(job__state=Job.State.DONE).select_related("slide__case").order_by("-created")
    newest: dict = {}
    for row in rows:
        newest.setdefault(row.slide_id, row)
    return newest


def _compare(first: Analysis, second: Analysis) -> Compared:
    found = [_load(analysis) for analysis in (first, second)]
    um_per_px = np.array([first.mpp_x, first.mpp_y])
    of_first = _find_flips(found[0], found[1], um_per_px)
    of_second = _find_flips(found[1], found[0], um_per_px)
    calls = int(found[0][:, 3].sum())
    return Compared(
        first, second, calls - len(of_first), len(of_first), len(of_second), of_first[:SHOWN], of_second[:SHOWN]
    )


def _load(analysis: Analysis) -> np.ndarray:
    """x, y in level-0 px, probability, whether called: float (n, 4), the surest first."""
    rows = Detection.objects.filter(analysis=analysis).order_by("-probability")
    return np.array(list(rows.values_list("x_l0", "y_l0", "probability", "mitosis")[:MOST]), float).reshape(-1, 4)


def _find_flips(mine: np.ndarray, others: np.ndarray, um_per_px: np.ndarray) -> list[Flip]:
    """My calls near which the other calls none, the surest first."""
    calls, flips = mine[mine[:, 3] > 0], []
    alone = calls[find_alone(calls[:, :2], others[others[:, 3] > 0, :2], um_per_px)]
    for start in range(0, len(alone), ROWS_AT_ONCE):
        rows = alone[start : start + ROWS_AT_ONCE]
        away_um = np.linalg.norm((rows[:, None, :2] - others[None, :, :2]) * um_per_px, axis=2)
        best = np.where(away_um <= RADIUS_UM, others[None, :, 2], -1.0).max(1, initial=-1.0)
        flips += [
            Flip(x, y, probability, None if other < 0 else other)
            for (x, y, probability, _), other in zip(rows.tolist(), best.tolist(), strict=True)
        ]
    return flips
