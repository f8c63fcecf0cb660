"""Why the network says what it says: maps of evidence. What they are worth is checked in `analysis.lab.explain`.

    cam        Grad-CAM of both classes, and the same without scaling: evidence in logits
    places     both maps of the places that a detector found
    region     the red and blue map of a region (the paper's Figure 10), one scale for all patches

A map shows where in a patch the network found its evidence. It does not show that the evidence is right.
"""

from analysis.pipeline.explain.cam import Evidence, enlarge_maps, find_peaks, grad_cam, map_evidence
from analysis.pipeline.explain.places import explain_places

__all__ = ["Evidence", "enlarge_maps", "explain_places", "find_peaks", "grad_cam", "map_evidence"]
