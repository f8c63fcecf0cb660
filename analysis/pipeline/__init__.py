"""From a slide to mitotic figures, without a web: arrays and frozen dataclasses in and out.

The way of a slide, one module per step:

    window          the slide at the model's pixel size (0.25 µm), on one grid of pixels
    tissue          where there is tissue, on a thumbnail of 8 µm/px
    regions         polygons people draw, checked
    run             plan, tiles and the detector that puts the steps together
    finder/         where a mitosis could be: a small network at 0.5 µm/px; candidates: the darkest nuclei, to compare
    patches         100 x 100 px about each candidate
    normalise/      none, Macenko, Reinhard, fitted per slide
    classifiers/    the hybrid network, model files and their cards
    classify        scores of patches, on GPU or CPU
    merge           one detection within 7.5 µm
    explain         Grad-CAM for both classes
    count           best square, areas, intervals

Beside the way: `ood/` says whether a slide is like those trained on, `subtypes/` gives a hint of a mitosis's kind. How a
model is made and measured is `analysis.lab`; the command line over both is `analysis.commands`.

Coordinates are float pixels of level 0, origin top left, pixel centres at whole numbers + 0.5, unless a name says
otherwise (`_um`, `_px` of the model's grid).
"""
