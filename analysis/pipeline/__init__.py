"""From a slide to mitotic figures, without a web: arrays and frozen dataclasses in and out.

The way of a slide, one module per step:

    slide_grid      the slide at the model's pixel size (0.25 µm), on one grid of pixels
    surround        black around a scan, seen as white
    tissue          where there is tissue, on a thumbnail of 8 µm/px
    regions         polygons people draw, checked
    plan            how a slide is analysed, and the tiles that are to be worked on
    run             the detector, which puts the steps together for one tile after the other
    proposers/      where a mitosis could be: the finder, a small network at 0.5 µm/px; the darkest nuclei and the
                    paper's grid, to compare
    patches         squares about each candidate
    normalise/      none, Macenko, Reinhard, StainNet
    slide_colours   the one that is used, fitted once per slide
    networks/       the networks, each registered once with what is to be known of it
    cards/          model files and the cards that travel with them
    classify        scores of patches, on GPU or CPU
    score_level     scores told from the slide's own nuclei
    calibration     probabilities of scores
    merge           one detection within 7.5 µm
    explain/        Grad-CAM for both classes
    count           best square, areas, intervals

Beside the way: `ood/` says whether a slide is like those trained on, `subtypes/` gives a hint of a mitosis's kind. How
a model is made and measured is `analysis.lab`; the command line over both is `analysis.commands`.

Coordinates are float pixels of level 0, origin top left, pixel centres at whole numbers + 0.5, unless a name says
otherwise (`_um`, `_px` of the model's grid, `_half` of pixels at 0.5 µm).
"""
