"""Units of length that files name, in µm. Source: UnitsLength of the OME schema, 2016-06; ImageJ's own words."""

from __future__ import annotations

import re
import unicodedata

POWERS_OF_TEN = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "": 0, "d": -1, "c": -2,
    "m": -3, "\N{GREEK SMALL LETTER MU}": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
INCH_UM = 25_400.0
OTHERS_UM = {
    "Å": 1e-4, "thou": INCH_UM / 1000, "li": INCH_UM / 12, "in": INCH_UM, "ft": 12 * INCH_UM, "yd": 36 * INCH_UM,
    "mi": 63_360 * INCH_UM, "pt": INCH_UM / 72, "ua": 149_597_870_700e6, "ly": 9_460_730_472_580_800e6,
    "pc": 3.0856775814913673e22, "um": 1.0, "micron": 1.0, "microns": 1.0, "inch": INCH_UM,
}  # fmt: skip
WORDS_UM = {"milli": 1e3, "micro": 1.0, "nano": 1e-3}
# A µ that a program wrote in one coding and another read in a second: UTF-8 as Latin-1, an escape, an unknown sign.
SPOILT_MU = re.compile(r"(?:Â[µ\N{GREEK SMALL LETTER MU}]|Î¼|\\u00[bB]5|\\u03[bB][cC]|\ufffd|\?)m")
UNITS_UM = {f"{prefix}m": 10.0 ** (power + 6) for prefix, power in POWERS_OF_TEN.items()} | OTHERS_UM
WRITTEN_OUT = {f"{word}met{end}{s}": size for word, size in WORDS_UM.items() for end in ("er", "re") for s in ("", "s")}
UNITS_UM |= WRITTEN_OUT
WITHOUT_LENGTH = ("pixel", "reference frame")  # of the schema, and no length


def micrometres_of(unit: str) -> float | None:
    """How many µm the unit is, whichever of two equal signs it is written with; None for what is no length."""
    name = unicodedata.normalize("NFKC", SPOILT_MU.sub("um", unit.strip()))
    return UNITS_UM.get(name, UNITS_UM.get(name.lower()) if name.lower() in WRITTEN_OUT else None)
