"""A second head: normal or atypical mitosis, and its phase, from the features of the network that found it.

A research hint and nothing else: it changes no probability, no call and no count. A head belongs to one network's
weights, since features of other weights mean something else.

    hints_at(detector, reader, [(x_l0, y_l0)])     # None where no heads were fitted for these weights

Labels: the MIDOG 2021 figures of the data folder's README, normal or atypical by the majority of three experts (Bertram
et al., BVM 2023), the phase as one of them named it.
"""

SUBTYPES = ("normal", "atypical")
# Of figures that the expert did not call atypical; ring shapes are too few (18) to learn or to measure.
PHASES = ("prometaphase", "metaphase", "anaphase_telophase")

# The kind of features, and how many there are of the hybrid; changed together with features.py, so that no head or
# cache of older ones is used.
FEATURES, LENGTH = "pooled-1", 768
