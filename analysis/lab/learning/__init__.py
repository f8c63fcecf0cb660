"""From readers' verdicts to a candidate for the next model version: data sets of patches, and the training on them."""
