"""The learned first stage: a small fully convolutional network that says where a mitosis could be.

    geometry    sizes of its map
    network     130 thousand parameters, 0.5 µm/px in, one logit per 2 µm out
    propose     places of an image from the network's map, in pieces without seams

It replaces darkness and a cap, which lose mitoses in lymphocyte-rich tissue. Its threshold is set for recall and it has
no cap. What it finds is scored by the hybrid network, whose probability is the only one people see.
"""

PARAMETERS = 130_209
