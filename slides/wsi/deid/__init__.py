"""Making the working copy of a slide: an allowlist decides what goes into it, and the copy is verified.

    made = deidentify(paths, empty_folder, timeout_s=600, memory_mb=2048)

People may see the copy only where it is verified and nothing in it was unknown.
"""

from slides.wsi.deid.api import Deidentified
from slides.wsi.deid.run import deidentify

__all__ = ["Deidentified", "deidentify"]
