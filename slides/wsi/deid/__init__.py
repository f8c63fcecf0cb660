"""Making the working copy of a slide: an allowlist decides what goes into it, and the copy is verified.

made = deidentify([slide], folder, timeout_s=600, memory_mb=2048)
"""

from slides.wsi.deid.api import Deidentified, deidentify

__all__ = ["Deidentified", "deidentify"]
