"""A slide's measures beside those of the training slides: ok, caution or not valid, with the reasons in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.pipeline.ood.limits import NetworkLimits, SlideLimits
from analysis.pipeline.ood.measures import Measures
from analysis.pipeline.ood.rules import CAUTION, GRADES, NETWORK_RULES, NOT_VALID, OK, PICTURE_RULES, Reason

MANY_CAUTIONS = 4


@dataclass(frozen=True)
class Validity:
    """`grade` is one of GRADES; `reasons` are sentences, the heaviest first; `measures` as they were judged."""

    grade: str
    reasons: tuple[str, ...]
    measures: Measures

    def as_json(self) -> dict:
        """The same as plain lists, numbers and strings, numbers with few digits."""
        measures = {name: None if x is None else float(f"{x:.4g}") for name, x in sorted(self.measures.items())}
        return {"grade": self.grade, "reasons": list(self.reasons), "measures": measures}


def judge_measures(
    measures: Measures, limits: SlideLimits, network: NetworkLimits | None, known: Sequence[Reason] = ()
) -> Validity:
    """The verdict on measures; without a network's limits what the network does is not judged. `known`: reasons that
    no measure gives.
    """
    reasons = list(known)
    reasons += [reason for rule in PICTURE_RULES for reason in rule(measures, limits)]
    if network is not None:
        reasons += [reason for rule in NETWORK_RULES for reason in rule(measures, network)]
    return grade_reasons(reasons, measures)


def grade_reasons(reasons: list[Reason], measures: Measures) -> Validity:
    """The worst of the reasons; many cautions at once make a slide not valid, since one alone could be chance."""
    reasons = sorted(reasons, key=lambda reason: -GRADES.index(reason.grade))
    grade = reasons[0].grade if reasons else OK
    if grade == CAUTION and len(reasons) >= MANY_CAUTIONS:
        grade = NOT_VALID
    return Validity(grade, tuple(reason.text for reason in reasons), measures)
