"""Cases, their slides, the uploads they came by, and regions drawn on them, each with who sees it.

Geometry is float pixels of level 0: origin top left, x right, y down.
"""

from slides.models.case import Case, Species
from slides.models.erasure import Erasure
from slides.models.pixel_size import ScannerPixelSize
from slides.models.region import Region
from slides.models.slide import Slide
from slides.models.upload import Upload

__all__ = ["Case", "Erasure", "Region", "ScannerPixelSize", "Slide", "Species", "Upload"]
