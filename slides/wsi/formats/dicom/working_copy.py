"""The working copy of a DICOM slide: each instance is written anew from a list of attributes that may stay.

Identifiers become fresh ones, the same throughout the series; labels, overviews and private blocks go; coded frames are
copied without being decoded. An instance is held in memory up to its pixels, which pass in pieces.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, private_dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from slides.wsi.deid.byte_search import find_in_bytes
from slides.wsi.deid.draft import Draft
from slides.wsi.deid.icc import neutral_profile
from slides.wsi.deid.leftovers import words_of
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.dicom import numbers, rules
from slides.wsi.formats.dicom.pixels import copy_pixels
from slides.wsi.formats.dicom.source import SPOILT, Instance, largest_volume, read_instance
from slides.wsi.metadata import SCANNER_MAKERS
from slides.wsi.sandbox.one_task import FULL

KEPT_FLAVOURS = ("VOLUME", "THUMBNAIL")
DROPPED_FLAVOURS = {"LABEL": "label picture", "OVERVIEW": "overview picture", "LOCALIZER": "overview picture"}
MIN_CHARS = 4
MIN_CHARS_IN_PIXELS = 8  # shorter words turn up in coded pixels by chance
MAX_DEPTH = 8
MAX_WORDS = 16  # of one attribute
MAX_UNKNOWN = 50
ODD = "with numbers that it cannot have"
NOT_LIKE_THIS = "This DICOM file is stored in a way that is not read here; export it as explicit little endian."


@dataclasses.dataclass
class Notes:
    """What is met on the way. uids: old → fresh. paths_of_light: old name of an optical path → its number.

    values: removed words. kept: the words of the copy, all by the rules. left: removed words that are in the copy.
    """

    uids: dict[str, str] = dataclasses.field(default_factory=dict)
    paths_of_light: dict[str, str] = dataclasses.field(default_factory=dict)
    fields: int = 0
    private: int = 0
    pictures: set[str] = dataclasses.field(default_factory=set)
    unknown: dict[str, None] = dataclasses.field(default_factory=dict)
    values: set[str] = dataclasses.field(default_factory=set)
    kept: set[str] = dataclasses.field(default_factory=set)
    left: set[str] = dataclasses.field(default_factory=set)

    def fresh(self, uid: str) -> str:
        """The identifier that stands for this one everywhere in the copy."""
        return self.uids.setdefault(uid, generate_uid(prefix=None))

    def removed(self) -> tuple[str, ...]:
        """In words."""
        counts = ((self.fields, "metadata field"), (self.private, "private field"))
        told = [f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts if count]
        return (*sorted(self.pictures), *told)

    def look_for(self, paths: list[Path], min_chars: int) -> None:
        """Search these files for removed words of `min_chars` and more that the rules do not keep elsewhere."""
        kept = "\n".join(self.kept)
        words = {word for word in (*self.values, *self.uids) if len(word) >= min_chars and word not in kept}
        self.left.update(find_in_bytes(paths, words))


def rewrite(paths: list[Path], folder: Path) -> Draft:
    """The working copy of one series in `folder`. Raises SlideRefused where a file of it is damaged or no slide."""
    instances = _kept_instances(paths, notes := Notes())
    originals, copies = [], []
    for number, instance in enumerate(instances, 1):
        copy = folder / f"{number:04d}.dcm"
        try:
            _rewrite_instance(instance.path, copy, notes)
        except (*SPOILT, AttributeError, IndexError, OverflowError) as error:
            if getattr(error, "errno", None) in FULL:
                raise
            raise SlideRefused("The DICOM file is damaged and does not open.", "broken") from None
        originals.append(instance.path)
        copies.append(copy)
    notes.look_for(copies, MIN_CHARS_IN_PIXELS)
    return Draft(
        originals=tuple(originals),
        copies=tuple(copies),
        method="dicom",
        removed=notes.removed(),
        unknown=tuple(notes.unknown)[:MAX_UNKNOWN],
        is_clean=not notes.left,
    )


def _kept_instances(paths: list[Path], notes: Notes) -> list[Instance]:
    """The instances that hold the slide, level 0 first; labels and overviews are left out."""
    instances = [read_instance(path) for path in paths]
    main = largest_volume(instances)
    for instance in instances:
        if instance.flavour not in KEPT_FLAVOURS:
            notes.pictures.add(DROPPED_FLAVOURS.get(instance.flavour, "picture of another kind"))
    kept = [each for each in instances if each.flavour in KEPT_FLAVOURS and each is not main]
    return [main, *sorted(kept, key=lambda each: -each.pixels)]


def _rewrite_instance(path: Path, copy: Path, notes: Notes) -> None:
    with path.open("rb") as source:
        old = dcmread(source, stop_before_pixels=True)
        syntax = old.file_meta.TransferSyntaxUID
        if syntax in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian) or syntax.is_private:
            raise SlideRefused(NOT_LIKE_THIS, "format")
        for element in old.file_meta:  # of which nothing is kept but the transfer syntax
            if element.tag.element > 0x0012:
                notes.fields += 1
                _note_words(element, notes)
        if old.preamble:
            notes.values.update(words_of([old.preamble]))
        for keyword in ("BurnedInAnnotation", "SpecimenLabelInImage"):
            if str(old.get(keyword, "NO")) == "YES":
                notes.unknown[f"{keyword} says YES"] = None
        new = _filtered(old, notes, 0)
        _complete(new, old)
        new = _with_meta(new, syntax)
        new.save_as(copy, enforce_file_format=True)
        for element in (*new.iterall(), *new.file_meta):
            if element.VR in rules.TEXTS:
                notes.kept.update(_values(element))
        notes.look_for([copy], MIN_CHARS)
        with copy.open("ab") as target:
            cleaned = copy_pixels(source, target, syntax == ImplicitVRLittleEndian, _native_bytes(new))
    notes.values.update(words_of(cleaned.payloads))
    notes.pictures |= cleaned.removed
    notes.unknown |= dict.fromkeys(sorted(cleaned.unknown))


def _filtered(old: Dataset, notes: Notes, depth: int) -> Dataset:
    """What may stay of a dataset and of the sequences in it."""
    if depth > MAX_DEPTH:
        raise SlideRefused("The DICOM file nests its fields too deeply.", "broken")
    new = Dataset()
    for element in old:
        kept = _kept(element, old, notes, depth)
        if kept is not None:
            new.add(kept)
        else:
            _note_removed(element, old, notes)
            if not element.is_empty and element.keyword in numbers.NUMBERS | rules.SEQUENCES:
                notes.unknown[f"{element.keyword} {ODD}"] = None
    return new


def _kept(element: DataElement, within: Dataset, notes: Notes, depth: int) -> DataElement | None:
    """The element for the copy, or None where it goes."""
    keyword, value = element.keyword, element.value
    if element.tag.is_private or element.is_empty and keyword not in rules.SEQUENCES:
        return None
    if keyword in rules.SEQUENCES and element.VR == "SQ":
        if not numbers.has_items(keyword, len(value), within):
            return None
        items = [_filtered(item, notes, depth + 1) for item in value]
        return DataElement(element.tag, "SQ", Sequence(items))
    if keyword in rules.CODE_SEQUENCES and element.VR == "SQ":
        _note_words(element, notes)
        return _kept_codes(element)
    if keyword == "ICCProfile":
        profile = neutral_profile(bytes(value))
        notes.values.update(words_of([bytes(value)], profile or b""))
        return DataElement(element.tag, "OB", profile + bytes(len(profile) % 2)) if profile else None
    if keyword == "OpticalPathIdentifier":
        _note_words(element, notes)
        number = notes.paths_of_light.setdefault(str(value), str(len(notes.paths_of_light) + 1))
        return DataElement(element.tag, "SH", number)
    if keyword in rules.UIDS and element.VR == "UI" and element.VM == 1:
        return DataElement(element.tag, "UI", notes.fresh(str(value)))
    if keyword in numbers.NUMBERS:
        return element if numbers.is_plausible(element, within) else None
    if keyword == "SOPClassUID":
        return element  # looked at when the instance was read
    # Words of the list have no place for a name.
    allowed, words = rules.WORDS.get(keyword), _values(element)
    return element if allowed is not None and len(words) <= MAX_WORDS and set(words) <= allowed else None


def _kept_codes(element: DataElement) -> DataElement | None:
    """Codes of the list, with the standard's words in place of the file's."""
    items = []
    for item in element.value:
        code = (str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", "")))
        if code in rules.CODES:
            kept = Dataset()
            kept.CodingSchemeDesignator, kept.CodeValue = code
            kept.CodeMeaning = rules.CODES[code]
            items.append(kept)
    return DataElement(element.tag, "SQ", Sequence(items)) if items else None


def _note_removed(element: DataElement, within: Dataset, notes: Notes) -> None:
    """Count it, keep its words for the search, and name it where no rule knows it."""
    if element.tag.is_private:
        notes.private += 1
        if not element.tag.is_private_creator and not _is_known_private(element, within):
            notes.unknown[f"private {element.tag}"] = None
    else:
        notes.fields += 1
        if not dictionary_has_tag(element.tag) and element.tag.element != 0:
            notes.unknown[f"unknown {element.tag}"] = None
    if element.VR == "SQ":
        for item in element.value:
            for inner in item:
                _note_removed(inner, item, notes)
    _note_words(element, notes)


def _note_words(element: DataElement, notes: Notes) -> None:
    """Keep the words of an element, and of those in it, for the search."""
    if element.VR == "SQ":
        for item in element.value:
            for inner in item:
                _note_words(inner, notes)
    elif isinstance(element.value, bytes):
        notes.values.update(words_of([element.value]))
    elif element.VR in rules.TEXTS:
        notes.values.update(_values(element))


def _is_known_private(element: DataElement, within: Dataset) -> bool:
    creator = str(element.private_creator or "")
    if creator in rules.PRIVATE_MAKERS:
        return True
    try:
        return bool(private_dictionary_VR(element.tag, creator))
    except KeyError:
        return False


def _values(element: DataElement) -> list[str]:
    """The value's parts as text."""
    value = element.value
    if value is None or value == "":
        return []
    several = value if isinstance(value, (list, tuple)) or element.VM > 1 else [value]
    return [str(each).strip() for each in several]


def _complete(new: Dataset, old: Dataset) -> None:
    """What has to be there, and of the scanner its maker and model where they are known ones."""
    for keyword, value in rules.NEUTRAL.items():
        setattr(new, keyword, value)
    maker = str(old.get("Manufacturer", "")).lower()
    if name := next((name for word, name in SCANNER_MAKERS.items() if word in maker), ""):
        new.Manufacturer = name
    model = str(old.get("ManufacturerModelName", "")).split()
    if name and len(model) <= 5 and all(rules.MODEL_WORD.fullmatch(word) for word in model):
        new.ManufacturerModelName = " ".join(model)


def _with_meta(new: Dataset, syntax: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = new.SOPClassUID
    meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID
    meta.ImplementationClassUID, meta.ImplementationVersionName = PYDICOM_IMPLEMENTATION_UID, "PYDICOM"
    return FileDataset("", new, file_meta=meta, preamble=bytes(128))


def _native_bytes(new: Dataset) -> int:
    frames = int(new.get("NumberOfFrames", 1))
    bits = int(new.BitsAllocated)
    photometric = str(new.get("PhotometricInterpretation", ""))
    pixels = int(new.Rows) * int(new.Columns) * frames
    if photometric == "YBR_FULL_422":
        return pixels * 2 * bits // 8
    return pixels * int(new.SamplesPerPixel) * bits // 8
