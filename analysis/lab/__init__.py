"""Where models are made and measured: nothing here runs on a patient's slide, and nothing that does imports this.

    datasets/    labels of seven formats: checked, split by patient, cut into patches
    augment      what a training window may look like
    finder/, train/     the two networks' trainings, each run from one configuration file
    evaluate/    detection F1 and patch F1 on frames that a network has not seen (with `matching`, `calibrate`)
    compare/     the paper's comparisons, each with one budget for all its arms
    gate/        whether a version may follow another, by clauses set beforehand (in `tolerances`)
    normalise/, explain/, ood/, subtypes/     the halves that are fitted or checked in advance
    hardness     what a finished finder says of each nucleus, so that the second network sees the hard ones
    provenance   what a model was trained on, so that no metric is quoted of that
    release      a model version: weights and card
    reproduce/   the whole chain from data to docs/MODEL.md

Arrays and frozen dataclasses in and out, no web, as in `analysis.pipeline`. The command line is `analysis.commands`.
"""
