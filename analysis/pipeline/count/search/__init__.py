"""Where most lies: the exact best square, rectangle or circle among points, and the best fields that were found.

    regions       the search as it is asked for, by shape, with alternates
    frame         pixel size and bounds in, a found region out
    windows       what a box and a disc hold, anywhere in a cell of centres
    best_window   branch and bound over the centre
    cells, bins   the cells that it cuts, and bounds on all of them to begin with
    mask          where tissue and tumour allow a window
    fields        several fields that do not overlap
    field_bound   what no such fields exceed
    apart         fields laid one by one
    touching      fields that are one cluster
    packing       whether fields have room at all

Inside, all is µm from the slide's origin, so that a circle is one whatever the pixels.
"""

from analysis.pipeline.count.search.errors import SearchRefused, SearchTooLong
from analysis.pipeline.count.search.frame import Found, Frame
from analysis.pipeline.count.search.regions import MIN_TISSUE_FRACTION, Search, find_regions, members, outline_fields

__all__ = [
    "MIN_TISSUE_FRACTION", "Found", "Frame", "Search", "SearchRefused", "SearchTooLong", "find_regions", "members",
    "outline_fields",
]  # fmt: skip
