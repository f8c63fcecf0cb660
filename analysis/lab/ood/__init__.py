"""Limits of what the training slides look like, and how well the check tells others."""
