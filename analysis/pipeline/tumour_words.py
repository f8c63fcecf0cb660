"""What tumours are called, compared as people write them."""

import re
import unicodedata
from collections.abc import Iterable


def words_of(tumour: str) -> set[str]:
    """A tumour's words as they are compared: without capitals and punctuation."""
    return set(re.findall(r"\w+", unicodedata.normalize("NFKC", tumour).casefold()))


def is_one_of(tumour: str, names: Iterable[str]) -> bool:
    """Whether a tumour, as somebody wrote it, has all words of one of the names."""
    words = words_of(tumour)
    return any(words_of(name) <= words for name in names)
