"""How long an analysis will take, from those that this installation has finished; None where it has finished none."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from django.db.models import Q

from analysis.models import Analysis, ModelVersion
from mitoweb.lib.jobs.models import Job
from slides.models import Slide

RECENT = 20  # newest analyses that count: a machine gets a graphics card, or loses one
NO_ESTIMATE = "no estimate yet"
LONGEST_IN_MINUTES = 90 * 60


@dataclass(frozen=True)
class Pace:
    """Seconds per mm² of tissue, and the share of a slide's area that is tissue (None: no whole slide was analysed)."""

    seconds_per_mm2: float
    tissue_share: float | None


def measure_pace(model: ModelVersion | None) -> Pace | None:
    """Medians over the newest finished analyses of the model, on the device of the newest of them."""
    ended = Analysis.objects.filter(model=model, mode=Analysis.Mode.CANDIDATES, job__state=Job.State.DONE)
    facts = ("device", "seconds", "area_mm2", "is_whole", "slide__width", "slide__height", "mpp_x", "mpp_y")
    measured = ended.filter(seconds__gt=0, area_mm2__gt=0).annotate(is_whole=Q(polygon__isnull=True))
    rows = list(measured.order_by("-created").values(*facts)[:RECENT])
    rows = [row for row in rows if row["device"] == rows[0]["device"]]
    if not rows:
        return None
    shares = [
        row["area_mm2"] / _area_mm2(row["slide__width"], row["slide__height"], row["mpp_x"], row["mpp_y"])
        for row in rows
        if row["is_whole"]
    ]
    pace = median(row["seconds"] / row["area_mm2"] for row in rows)
    return Pace(pace, min(1.0, median(shares)) if shares else None)


def estimate_seconds(slides: Iterable[Slide], pace: Pace | None) -> float | None:
    """Of whole slides, one after the other. What waits before them is not in it."""
    if pace is None or pace.tissue_share is None:
        return None
    area_mm2 = sum(_area_mm2(slide.width, slide.height, slide.mpp_x, slide.mpp_y) for slide in slides if slide.mpp)
    return area_mm2 * pace.tissue_share * pace.seconds_per_mm2


def describe_seconds(seconds: float | None) -> str:
    """ "about 12 min", never less than a minute; "no estimate yet"."""
    if seconds is None:
        return NO_ESTIMATE
    if seconds < LONGEST_IN_MINUTES:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {seconds / 3600:.1f} h".replace(".0 h", " h")


def _area_mm2(width_px: int, height_px: int, mpp_x: float, mpp_y: float) -> float:
    return width_px * mpp_x * height_px * mpp_y * 1e-6
