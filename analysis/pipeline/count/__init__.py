"""Where to count, and how sure a count is.

    protocols/      what a count is of: windows, cut-offs and their sources, as versioned data
    shapes          the forms of a window
    search/         the best square, rectangle, circle or fields
    score           what a whole count scores, and how far it is from the next score
    guards          what stands beside a count, or in its way
    report          a count as it is told
    decide          whether a count can still change its score, and what to judge next
    effect          how likely each open point of a window is asked
    point_files     points to be counted, from a file
    judged_points   points with their answers, from a file
    outlook         all that pages tell beside a count, worked out together
    child           the process that does so beside the web threads
    fields_walk     the way of a field through a region, and what has been looked at
    missed          what a random sample of fields says of figures that were missed
    scanlines       the area that outlines share, and points in them: a region's tissue
    polygons        points in a drawn region
    interval        the Poisson interval of a count, and one that knows of the search

Geometry is float pixels of level 0 (origin top left, x right, y down). Loads no torch,
so that web processes may use it.
"""

from analysis.pipeline.count.interval import poisson_interval
from analysis.pipeline.count.polygons import points_in_polygon
from analysis.pipeline.count.scanlines import points_in_area, points_in_rings, shared_area_px2

__all__ = ["points_in_area", "points_in_polygon", "points_in_rings", "poisson_interval", "shared_area_px2"]
