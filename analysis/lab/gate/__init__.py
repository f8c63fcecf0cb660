"""The gate: is a candidate at least as good as the version in use, on slides that nobody trained on?

    locked_set_folder   the frames and what readers agree on in them
    found       what a version finds there, also in changed colours, blurred and recoded
    draws       the paired bootstrap
    changes     each figure of both, and how much it changes
    counting    counts and scores in the region that a protocol asks for
    flips       where the two call differently
    clauses     tolerances, and what follows from each figure
    comparing   all clauses together
    pictures    F1 with intervals, FROC, calibration, flips as crops; the only module that needs matplotlib

A poisoned candidate is stopped by the labels of people who had no part in its training: nothing here knows what a
candidate was trained on.
"""

from analysis.lab.gate.comparing import GateReport, compare
from analysis.lab.gate.found import Found, find_in

__all__ = ["Found", "GateReport", "compare", "find_in"]
