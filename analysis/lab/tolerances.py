"""What the gate asks of a candidate: its clauses, each with a tolerance that is set before anything is measured.

Imports nothing that computes, since pages list it where there is no result yet.
"""

from dataclasses import dataclass

LEAST_CASES, LEAST_MITOSES = 2, 50
F1_LEAST, F1_LOW = -0.01, -0.02
DOMAIN_LEAST = -0.03
RECALL_LEAST, FROC_LEAST = -0.02, 0.98
POOR_MOST, LEAST_POOR_MM2 = 1.10, 0.5
CANDIDATES_LEAST = 0.97
CALIBRATION_MOST = 0.01
LOST_MOST = 0.05
ROBUST_LEAST = -0.02
DEARER, FAR_DEARER = 1.10, 2.0


@dataclass(frozen=True)
class Asked:
    """number: its place in the list; title: what is measured, in general; bound: the tolerance in words, and `limit` as
    a number on the scale of the change, None where it has none.
    """

    number: int
    title: str
    bound: str
    limit: float | None = None


def tell_change(value: float, digits: int = 2) -> str:
    """With its sign, a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


F1 = Asked(
    1,
    "Detection F1, all slides",
    f"at least {tell_change(F1_LEAST)}; low end above {tell_change(F1_LOW)}",
    F1_LEAST,
)
DOMAINS = Asked(
    2, f"Each scanner and tumour from {LEAST_MITOSES} mitoses on", f"above {tell_change(DOMAIN_LEAST)}", DOMAIN_LEAST
)
RECALL = Asked(
    3,
    "Recall at the base's false ones per mm²",
    f"at least {tell_change(RECALL_LEAST)}; FROC area not {_percent(1 - FROC_LEAST)} lower",
    RECALL_LEAST,
)
POOR = Asked(4, "False ones, tissue without mitoses", f"at most {POOR_MOST:.2f} times", POOR_MOST)
CANDIDATES = Asked(5, "Candidate recall", f"at least {_percent(CANDIDATES_LEAST)}", CANDIDATES_LEAST)
CALIBRATION = Asked(6, "Calibration error", f"at most {tell_change(CALIBRATION_MOST)}", CALIBRATION_MOST)
COUNTS = Asked(7, "Count error in the hot spot", "not higher, score κ not lower", 0.0)
FLIPS = Asked(8, "Mitoses found before, now lost", f"at most {_percent(LOST_MOST)}, each seen", LOST_MOST)
CHANGED = Asked(9, "F1 with other colours, blur and JPEG", f"at least {tell_change(ROBUST_LEAST)}", ROBUST_LEAST)
COST = Asked(10, "Arithmetic per mm²", f"at most {DEARER:.2f} times; time at most {FAR_DEARER:g} times", DEARER)
REPEATS = Asked(11, "The same twice", "the very same")
ALL = (F1, DOMAINS, RECALL, POOR, CANDIDATES, CALIBRATION, COUNTS, FLIPS, CHANGED, COST, REPEATS)
