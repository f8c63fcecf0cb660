"""Where a mitosis could be.

    finder             places from a small fully convolutional network (`networks.finder`), in pieces without seams
    finder_geometry    sizes of its map
    darkest            the darkest nuclei, to compare

The finder replaces darkness and a cap, which lose mitoses in lymphocyte-rich tissue. Its threshold is set for recall
and it has no cap. What it finds is scored by the patch classifier, whose probability is the only one people see.
"""

PARAMETERS = 130_209
