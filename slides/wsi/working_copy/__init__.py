"""Making the working copy of a slide: an allowlist decides what goes into it, and the copy is verified.

    api       asks a child for one; nothing here opens what may be hostile
    child     has the slide's format write it, and compares it with the slide
    verify    whether both are the same picture

made = deidentify([slide], folder, timeout_s=600, memory_mb=2048)
"""

from slides.wsi.working_copy.api import Deidentified, deidentify

__all__ = ["Deidentified", "deidentify"]
