"""The gate: is a candidate at least as good as the version that is in use, on slides that nobody trained on?"""
