"""Units of length that files name, in µm. Source: UnitsLength of the OME schema, 2016-06; ImageJ's own words."""

from __future__ import annotations

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
UNITS_UM = {f"{prefix}m": 10.0 ** (power + 6) for prefix, power in POWERS_OF_TEN.items()} | OTHERS_UM
WITHOUT_LENGTH = ("pixel", "reference frame")  # of the schema, and no length


def micrometres_of(unit: str) -> float | None:
    """How many µm the unit is, whichever of two equal signs it is written with; None for what is no length."""
    return UNITS_UM.get(unicodedata.normalize("NFKC", unit.strip()))
