"""What OME-XML says of the pictures of a file: pixel size, lens and scanner of each."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from slides.wsi.errors import SlideRefused
from slides.wsi.lengths import micrometres_of
from slides.wsi.metadata import known_scanner
from slides.wsi.safe_xml import XmlRefused, parse_xml, plain_name


class OmeDocument:
    """A parsed description. Pictures are counted as tifffile does: one for each Pixels."""

    def __init__(self, xml: str) -> None:
        """xml: SlideRefused where it is damaged, or no such description."""
        self.root = parse_ome(xml)
        self._pictures = [
            (image, pixels) for image in children(self.root, "Image") for pixels in children(image, "Pixels")
        ]

    def pixel_size(self, number: int = 0) -> tuple[float | None, float | None]:
        """µm per pixel in x and y of a picture; None for what is not said, or in a unit that is no length."""
        if number >= len(self._pictures):
            return None, None
        pixels = self._pictures[number][1]
        return _micrometres(pixels, "PhysicalSizeX"), _micrometres(pixels, "PhysicalSizeY")

    def objective(self, number: int = 0) -> float | None:
        """Nominal power of the lens that a picture names, else of the only one, or of several of one power."""
        lenses = [each for each in self.root.iter() if plain_name(each.tag) == "Objective"]
        if number < len(self._pictures):
            named = {each.get("ID") for each in children(self._pictures[number][0], "ObjectiveSettings")}
            lenses = [lens for lens in lenses if lens.get("ID") in named] or lenses
        powers = {_number(lens.get("NominalMagnification") or lens.get("CalibratedMagnification")) for lens in lenses}
        return powers.pop() if len(powers) == 1 else None

    def scanner(self) -> str:
        """Maker and model of the first microscope."""
        found = next((each for each in self.root.iter() if plain_name(each.tag) == "Microscope"), None)
        return "" if found is None else known_scanner(found.get("Manufacturer", ""), found.get("Model", ""))

    def significant_bits(self, number: int = 0) -> int:
        """Of the stored ones, as a picture says; 0 where it does not."""
        bits = _number(self._pictures[number][1].get("SignificantBits")) if number < len(self._pictures) else None
        return int(bits or 0)


def parse_ome(xml: str) -> ET.Element:
    """The root of a description; SlideRefused where it cannot be read."""
    try:
        return parse_xml(xml)
    except XmlRefused:
        raise SlideRefused("The OME-TIFF's description is damaged.", "broken") from None


def children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Those of a name, whatever their namespace."""
    return (child for child in element if plain_name(child.tag) == name)


def _micrometres(pixels: ET.Element, name: str) -> float | None:
    factor, size = micrometres_of(pixels.get(f"{name}Unit", "µm")), _number(pixels.get(name))
    return None if factor is None or size is None else size * factor


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
