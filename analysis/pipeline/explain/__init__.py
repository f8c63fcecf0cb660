"""Why the network says what it says: maps of evidence, and checks of what these maps are worth.

    cam        Grad-CAM of both classes, and the same without scaling: evidence in logits
    pointing   does a map's peak lie on a mitosis that is not in the middle? (the pointing game)
    sanity     do the maps change with the weights and with the class?
    region     the red and blue map of a region (the paper's Figure 10), one scale for all patches
    figures    pictures of all this

A map shows where in a patch the network found its evidence. It does not show that the evidence is right.
"""

from analysis.pipeline.explain.cam import Evidence, enlarged, evidence, grad_cam, peaks

__all__ = ["Evidence", "enlarged", "evidence", "grad_cam", "peaks"]
