"""Every system of the paper's Table 1, built, trained, measured and timed alike.

A patch classifier is trained by the paper's recipe and detects behind a finder that is trained on the same slides; what
looks at whole images is trained on windows of the same frames. All start from random weights and get the same time of
training. Detection is measured by the official matching on slides that none of them has seen.

    table       the systems, and their parameters as the paper counts them
    fields      windows of frames with their mitoses, for those that look at whole images
    training    runs of those
    measuring   detection, patch metrics, time and arithmetic per mm²
    running     all systems one after the other; what is done already is not done again
    shown       the table and the picture of how far from converged each is
"""

from analysis.lab.systems.running import run_systems
from analysis.lab.systems.shown import systems_table
from analysis.lab.systems.table import SYSTEMS, System, counted_row, pick_systems

__all__ = ["SYSTEMS", "System", "counted_row", "pick_systems", "run_systems", "systems_table"]
