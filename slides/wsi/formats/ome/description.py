"""OME-XML for a working copy: built anew from the elements and attributes that say how pixels are laid out.

Names, dates, people, experiments, annotations and identifiers are left out; what no list knows is told as unknown.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from slides.wsi.formats.ome.document import parse_ome
from slides.wsi.formats.tiff.chain import MAX_DIRECTORIES
from slides.wsi.formats.tiff.words import Words, is_named_beside
from slides.wsi.lengths import WITHOUT_LENGTH, micrometres_of
from slides.wsi.safe_xml import plain_name

NAMESPACE = re.compile(r"http://www\.openmicroscopy\.org/Schemas/OME/\d{4}-\d{2}")
NEWEST = "http://www.openmicroscopy.org/Schemas/OME/2016-06"

INTEGER = re.compile(r"\d{1,10}")
DECIMAL = re.compile(r"[-+]?(\d{1,20}(\.\d{0,60})?|\.\d{1,60})([eE][-+]?\d{1,3})?")  # kept as far as floats go
UNIT = re.compile(r".{1,15}")  # and one of those that there are, see `_fits`
FLAG = re.compile("true|false", re.IGNORECASE)
ORDER = re.compile("XY[ZCT]{3}")
TYPE = re.compile("u?int(8|16|32)|float|double|bit|complex|double-complex")
IDENTIFIER = re.compile(r"(Image|Pixels|Channel|Instrument|LightPath)(:\d{1,4}){1,3}")
LENS = re.compile(r".*", re.DOTALL)  # what pictures call their objective by, in the copy its number
COLOUR = re.compile(r"-?\d{1,10}")
ALLOWED: dict[str, dict[str, re.Pattern[str]]] = {
    "OME": {},
    "Instrument": {"ID": IDENTIFIER},
    "Objective": {
        "ID": LENS, "NominalMagnification": DECIMAL, "CalibratedMagnification": DECIMAL, "LensNA": DECIMAL,
    },
    "Image": {"ID": IDENTIFIER},
    "InstrumentRef": {"ID": IDENTIFIER},
    "ObjectiveSettings": {"ID": LENS},
    "Pixels": {
        "ID": IDENTIFIER, "DimensionOrder": ORDER, "Type": TYPE, "SizeX": INTEGER, "SizeY": INTEGER, "SizeZ": INTEGER,
        "SizeC": INTEGER, "SizeT": INTEGER, "PhysicalSizeX": DECIMAL, "PhysicalSizeY": DECIMAL,
        "PhysicalSizeZ": DECIMAL, "PhysicalSizeXUnit": UNIT, "PhysicalSizeYUnit": UNIT, "PhysicalSizeZUnit": UNIT,
        "BigEndian": FLAG, "Interleaved": FLAG, "SignificantBits": INTEGER,
    },
    "Channel": {"ID": IDENTIFIER, "SamplesPerPixel": INTEGER, "Color": COLOUR},
    "TiffData": {
        "IFD": INTEGER, "PlaneCount": INTEGER, "FirstC": INTEGER, "FirstZ": INTEGER, "FirstT": INTEGER,
    },
    "LightPath": {"ID": IDENTIFIER},
    "Plane": {"TheC": INTEGER, "TheZ": INTEGER, "TheT": INTEGER},
}  # fmt: skip
OWN_WORDS = (NEWEST, *ALLOWED, *{key for attributes in ALLOWED.values() for key in attributes})  # in every copy
KNOWN_ELEMENTS = {
    "AcquisitionDate", "AcquiredDate", "Description", "Experimenter", "ExperimenterRef", "ExperimenterGroup",
    "ExperimenterGroupRef", "Experiment", "ExperimentRef", "Group", "GroupRef", "Project", "ProjectRef", "Dataset",
    "DatasetRef", "Folder", "StructuredAnnotations", "AnnotationRef", "Annotations", "Rights", "UUID", "ROI", "ROIRef",
    "Plate", "Screen", "ImagingEnvironment", "StageLabel", "MicrobeamManipulation", "MicrobeamManipulationRef",
    "Microscope", "Detector", "DetectorSettings", "Filter", "FilterSet", "FilterSetRef", "Dichroic", "LightSource",
    "LightSourceSettings", "Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource", "BinData",
    "MetadataOnly", "CreationDate", "BinaryOnly", "CustomAttributes", "Reference",
}  # fmt: skip
KNOWN_ATTRIBUTES = {
    "Name", "UUID", "Creator", "schemaLocation", "Manufacturer", "Model", "SerialNumber", "LotNumber", "FileName",
    "UserName", "AcquisitionMode", "ContrastMethod", "IlluminationType", "EmissionWavelength", "ExcitationWavelength",
    "EmissionWavelengthUnit", "ExcitationWavelengthUnit", "Fluor", "PinholeSize", "PinholeSizeUnit", "NDFilter",
    "DeltaT", "DeltaTUnit", "ExposureTime", "ExposureTimeUnit", "PositionX", "PositionXUnit", "PositionY",
    "PositionYUnit", "PositionZ", "PositionZUnit", "HashSHA1", "Correction", "Immersion", "Iris", "WorkingDistance",
    "WorkingDistanceUnit", "TimeIncrement", "TimeIncrementUnit", "Medium", "RefractiveIndex", "CorrectionCollar", "ID",
    "MetadataOnly",
}  # fmt: skip


class Ome:
    """The XML of a file. kept: numbers of the main directories with planes of its pictures, less the label's, macro's
    and overview's. has_dropped: whether there are such.
    """

    def __init__(self, xml: str) -> None:
        self._root = parse_ome(xml)
        lenses = [each for each in self._root.iter() if plain_name(each.tag) == "Objective"]
        self._lenses = {lens.get("ID", ""): f"Objective:{number}" for number, lens in enumerate(lenses)}
        images = [image for image in self._root if plain_name(image.tag) == "Image"]
        beside = [image for image in images if is_named_beside(image.get("Name", ""))]
        self._beside = beside if len(beside) < len(images) else beside[1:]
        self.kept = {number for image in images if image not in self._beside for number in _directories_of(image)}
        self.has_dropped = bool(self._beside)

    def rewritten(self) -> Words:
        """The XML with what is allowed alone, its directories counted without the dropped ones."""
        words = Words()
        namespace = self._root.tag[1:].partition("}")[0] if self._root.tag.startswith("{") else ""
        root = ET.Element("OME", {"xmlns": namespace if NAMESPACE.fullmatch(namespace) else NEWEST})
        self._fill(root, self._root, words)
        words.text = ET.tostring(root, encoding="unicode")
        return words

    def _fill(self, made: ET.Element, found: ET.Element, words: Words) -> None:
        name = plain_name(found.tag)
        attributes = {plain_name(key): value.strip() for key, value in found.attrib.items()}
        for key, value in attributes.items():
            pattern, unit = ALLOWED[name].get(key), attributes.get(f"{key}Unit")
            # A size without its unit would be another size.
            if not _fits(value, pattern) or (unit is not None and not _fits(unit, UNIT)):
                words.drop(value, "" if pattern or key in KNOWN_ATTRIBUTES else f"{name}.{key}")
            else:
                made.set(key, self._copied(name, key, value, words))
        if (found.text or "").strip():
            words.drop(found.text or "")
        for child in found:
            if (child.tail or "").strip():
                words.drop(child.tail or "")
            child_name = plain_name(child.tag)
            if child in self._beside:
                _drop_all(child, words)
            elif child_name in ALLOWED:
                self._fill(ET.SubElement(made, child_name), child, words)
            else:
                _drop_all(child, words)
                if child_name not in KNOWN_ELEMENTS:
                    words.unknown.add(child_name)

    def _copied(self, name: str, key: str, value: str, words: Words) -> str:
        """How the copy writes an attribute that may stay."""
        if (name, key) == ("TiffData", "IFD"):
            return str(sum(number < int(value) for number in self.kept))
        if ALLOWED[name][key] is DECIMAL:
            return repr(float(value))
        if ALLOWED[name][key] is LENS:
            number = self._lenses.get(value, "Objective:9999")
            if value != number:
                words.drop(value)
            return number
        return value


def _fits(value: str, pattern: re.Pattern[str] | None) -> bool:
    """Whether an attribute's value is such as the list allows."""
    if pattern is None or not pattern.fullmatch(value):
        return False
    return pattern is not UNIT or value in WITHOUT_LENGTH or micrometres_of(value) is not None


def _directories_of(image: ET.Element) -> set[int]:
    """The main directories that hold a picture's planes. One that names neither a first nor a count holds them all."""
    found: set[int] = set()
    for pixels in image:
        planes = 1
        for name in ("SizeZ", "SizeC", "SizeT"):
            planes *= _number(pixels.get(name), 1)
        for part in (part for part in pixels if plain_name(part.tag) == "TiffData"):
            first = _number(part.get("IFD"), 0)
            count = _number(part.get("PlaneCount"), 1 if "IFD" in part.attrib else planes)
            found |= set(range(first, first + min(count, MAX_DIRECTORIES)))
    return found


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and INTEGER.fullmatch(text) else otherwise


def _drop_all(element: ET.Element, words: Words) -> None:
    """Note the words of an element and what is in it, less the numbers that say how pixels are laid out."""
    for each in element.iter():
        for key, value in each.attrib.items():
            pattern = ALLOWED.get(plain_name(each.tag), {}).get(plain_name(key))
            if pattern is LENS or not _fits(value.strip(), pattern):
                words.drop(value)
        for value in (each.text or "", each.tail or ""):
            if value.strip():
                words.drop(value)
