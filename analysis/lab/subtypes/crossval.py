"""How good a head is on slides it was not fitted on: folds by slide, balanced accuracy with an interval by slide."""

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from analysis.pipeline.subtypes.heads import balanced_weights, fit_heads

FOLDS, INNER_FOLDS = 5, 4
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
DRAWS, SEED = 2000, 20
BINS = 10


def folds_by_slide(slides: np.ndarray, labels: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each figure, int (n,): a slide's figures are in one fold, and folds have much the same classes.

    `slides` (n,) str, `labels` int (n,). Slides with most figures of the rarest class come first, each into the fold
    that has fewest of it, then fewest at all. No more folds than slides. Deterministic.
    """
    names, of_slide = np.unique(slides, return_inverse=True)
    folds = min(folds, len(names))
    counts = np.zeros((len(names), labels.max() + 1), int)
    np.add.at(counts, (of_slide, labels), 1)
    rarest = counts.sum(0).argmin()
    order = sorted(range(len(names)), key=lambda i: (-counts[i, rarest], -counts[i].sum(), names[i]))
    held, fold_of = np.zeros((folds, counts.shape[1]), int), np.zeros(len(names), int)
    for index in order:
        fold_of[index] = min(range(folds), key=lambda fold: (held[fold, rarest], held[fold].sum(), fold))
        held[fold_of[index]] += counts[index]
    return fold_of[of_slide]


def left_out_logits(
    features: np.ndarray, labels: np.ndarray, slides: np.ndarray, classes: Sequence[str]
) -> tuple[np.ndarray, list[float]]:
    """Logits (n, c) of each figure by a head fitted on other slides, and the penalty of each fold.

    The penalty is chosen within the other slides, by folds of their own: nothing of a fold's figures decides about the
    head that they are tested with.
    """
    fold_of = folds_by_slide(slides, labels, FOLDS)
    logits, penalties = np.zeros((len(labels), len(classes))), []
    for fold in range(fold_of.max() + 1):
        test = fold_of == fold
        rest = ~test
        penalty = best_penalty(features[rest], labels[rest], slides[rest], classes)
        (head,) = fit_heads(features[rest], labels[rest], classes, [penalty])
        logits[test] = head.logits(features[test])
        penalties.append(penalty)
    return logits, penalties


def best_penalty(features: np.ndarray, labels: np.ndarray, slides: np.ndarray, classes: Sequence[str]) -> float:
    """The penalty of PENALTIES with the highest balanced accuracy on slides left out; the stronger one of equals."""
    fold_of = folds_by_slide(slides, labels, INNER_FOLDS)
    calls = np.zeros((len(PENALTIES), len(labels)), int)
    for fold in range(fold_of.max() + 1):
        test = fold_of == fold
        if len(set(labels[~test])) == len(classes):
            heads = fit_heads(features[~test], labels[~test], classes, PENALTIES)
            calls[:, test] = [head.logits(features[test]).argmax(1) for head in heads]
    tables = (confusion_table(labels, of_one, len(classes)) for of_one in calls)
    return max((float(balanced_accuracy(table)), penalty) for table, penalty in zip(tables, PENALTIES, strict=True))[1]


def confusion_table(labels: np.ndarray, calls: np.ndarray, classes: int) -> np.ndarray:
    """int (c, c): rows are labels, columns calls."""
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, calls), 1)
    return table


def balanced_accuracy(table: np.ndarray) -> np.ndarray:
    """The mean of the classes' recalls, of tables (..., c, c); nan where a class has no figure."""
    totals = table.sum(-1)
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    return np.divide(hits, totals, out=np.full(hits.shape, np.nan), where=totals > 0).mean(-1)


def interval_by_slide(labels: np.ndarray, calls: np.ndarray, slides: np.ndarray, classes: int) -> tuple[float, float]:
    """95 % bootstrap interval of the balanced accuracy; slides are drawn, since figures of one slide are alike."""
    names, of_slide = np.unique(slides, return_inverse=True)
    tables = np.zeros((len(names), classes, classes))
    np.add.at(tables, (of_slide, labels, calls), 1)
    draws = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    scores = balanced_accuracy(np.tensordot(draws.astype(float), tables, 1))
    low, high = np.nanpercentile(scores, (2.5, 97.5))
    return float(low), float(high)


def calibration_error(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Expected calibration error of the likeliest class in ten bins of equal width, classes weighing the same."""
    probabilities = softmax(logits / temperature, axis=1)
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    weights = balanced_weights(labels) / len(labels)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = np.zeros(BINS)
    np.add.at(gaps, bins, weights * (right - sure))
    return float(np.abs(gaps).sum())
