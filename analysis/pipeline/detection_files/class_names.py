"""What the class names of label and detection files stand for: a mitosis, a look-alike, or something else."""

import difflib
import re
from functools import lru_cache

MITOSIS, LOOK_ALIKE, OTHER = "mitosis", "look_alike", "other"

# Names found in MIDOG, MIDOG++, CCMCT, CMC, TUPAC_AL, OMG-Octo, this product and QuPath, spelt as `_plain` leaves them.
_MITOSIS_NAMES = {
    "mitosis", "mitoses", "mitotic figure", "mitotic figures", "mitotic cell", "mitotic", "mf", "mitosis figure",
    "atypical mitosis", "atypical mitotic figure", "normal mitotic figure", "atypical", "amf",
}  # fmt: skip
_LOOK_ALIKE_NAMES = {
    "hard negative", "hard negative look alike", "hard negative lookalike", "imposter", "impostor", "look alike",
    "lookalike", "mitosis like", "mitotic like", "mitosislike", "mitosis look alike", "mimic", "mitosis mimic",
    "mitotic figure look alike", "false positive",
}  # fmt: skip
# "mitosys" is as near to "mitosis"; "apoptosis" and "mitochondrion" are not.
_MISSPELT = 0.8
_DENIED = re.compile(r"(not|non|no)(?: a| an)? (.+)")


@lru_cache(maxsize=1024)
def kind_of(class_name: str) -> str:
    """The kind that a class name stands for, by its name and synonyms; OTHER for all that is not known.

    "not", "non" or "no" before a name of mitosis makes it a look-alike ("non-mitotic figure", "not_mitosis").
    """
    name = _plain_name(class_name)
    if name in _LOOK_ALIKE_NAMES or name.removesuffix("s") in _LOOK_ALIKE_NAMES:
        return LOOK_ALIKE
    if name in _MITOSIS_NAMES:
        return MITOSIS
    denied = _DENIED.fullmatch(name)
    return LOOK_ALIKE if denied and denied[2] in _MITOSIS_NAMES else OTHER


def meant_class(class_name: str) -> str:
    """The known name that an unknown one is nearly spelt as, "" where there is none."""
    denied = {f"{no} {name}" for no in ("not", "non") for name in _MITOSIS_NAMES}
    known = sorted(_MITOSIS_NAMES | _LOOK_ALIKE_NAMES | denied)
    return next(iter(difflib.get_close_matches(_plain_name(class_name), known, 1, _MISSPELT)), "")


def _plain_name(class_name: str) -> str:
    """Lower case, with single spaces for all that is no letter or digit; "nonmitosis" parted."""
    words = re.sub(r"[^a-z0-9]+", " ", class_name.lower()).strip()
    return re.sub(r"^(not|non)(mito)", r"\1 \2", words)
