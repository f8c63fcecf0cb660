"""What can be wrong with what people hand in. Each message is a sentence for them, and says what to do where that is
known.
"""

import difflib
from collections.abc import Sequence


def meant(word: object, known: Sequence[str], start: str = "; did") -> str:
    """What to say behind an unknown word: which of those known was probably meant, or nothing. `start` is how it goes
    on, " Did" for a sentence of its own.
    """
    close = difflib.get_close_matches(str(word), known, n=1)
    return f"{start} you mean {close[0]}?" if close else ""


class PipelineRefused(ValueError):
    """Input that cannot be used; `str(error)` is a sentence for people, `code` a word for programs."""

    code = "input"


class ModelRefused(PipelineRefused):
    """A model file or its card that is not used."""

    code = "model"


class RegionRefused(PipelineRefused):
    """A region that encloses nothing that could be analysed."""

    code = "region"


class PixelSizeRefused(PipelineRefused):
    """A pixel size that is missing or absurd."""

    code = "pixel_size"


class NormaliserFailed(PipelineRefused):
    """A slide whose stain could not be fitted."""

    code = "normaliser"
