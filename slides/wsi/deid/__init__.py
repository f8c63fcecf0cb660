"""Cleaning what goes into a working copy: allowlists for coded pictures, profiles and words, for every format.

Formats put a copy together with it (`slides.wsi.formats`); `slides.wsi.working_copy` has that done and verifies it.
"""
