"""Where to count, and how sure a count is.

    protocols       what a count is of
    shapes          a window's form and size
    search/         the best square, rectangle, circle or fields
    square          the window of the highest count, exactly
    tissue_raster   how much of a window is tissue, and its area
    scanlines       the area that outlines share, and points in them: a region's tissue
    polygons        points in a drawn region
    interval        the Poisson interval of a count

Geometry is float pixels of level 0 (origin top left, x right, y down). Loads no torch,
so that web processes may use it.
"""

from analysis.pipeline.count.interval import poisson_interval
from analysis.pipeline.count.polygons import points_in_polygon
from analysis.pipeline.count.protocols import PLAIN_SQUARE, Protocol
from analysis.pipeline.count.scanlines import points_in_rings, shared_area_px2
from analysis.pipeline.count.square import Square, best_square
from analysis.pipeline.count.tissue_raster import TissueMap, tissue_map

__all__ = [
    "PLAIN_SQUARE",
    "Protocol",
    "Square",
    "TissueMap",
    "best_square",
    "points_in_polygon",
    "points_in_rings",
    "poisson_interval",
    "shared_area_px2",
    "tissue_map",
]
