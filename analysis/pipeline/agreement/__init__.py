"""How well readers agree, on single places, on counts and on scores. No Django, no pixels.

    answers     readers' answers to the same places, and what is told of them
    kappas      Cohen's for two readers, also weighted for scores; Fleiss' for several
    pairs       F1 of two sets of places or answers, where nobody is the truth
    counts      intraclass correlation of counts, and Bland and Altman's limits
    draws       intervals: whole cases drawn with replacement

Each statistic is equal, in tests, to a worked example that was published with it.
"""

from analysis.pipeline.agreement.answers import Answers
from analysis.pipeline.agreement.counts import BlandAltman, Icc, bland_altman, icc_a1
from analysis.pipeline.agreement.draws import CaseDraws, draw_cases
from analysis.pipeline.agreement.errors import AgreementRefused
from analysis.pipeline.agreement.kappas import cohen_kappa, fleiss_kappa
from analysis.pipeline.agreement.pairs import f1_between

__all__ = [
    "AgreementRefused", "Answers", "BlandAltman", "CaseDraws", "Icc", "bland_altman", "cohen_kappa", "draw_cases",
    "f1_between", "fleiss_kappa", "icc_a1",
]  # fmt: skip
