"""Fitting the second head: labels, cross-validation by slide, heads."""
