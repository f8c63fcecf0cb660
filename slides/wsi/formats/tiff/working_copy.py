"""The working copy of a TIFF slide: a new file of the scan's own directories, each with the tags on a list alone.

Coded tiles are copied as they are. Labels, macros and all that no directory of the scan points at stay behind.
"""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

from slides.wsi.deid.byte_search import find_in_bytes
from slides.wsi.deid.draft import Draft
from slides.wsi.deid.icc import neutral_profile
from slides.wsi.deid.jpeg_tables import Name
from slides.wsi.deid.leftovers import words_of
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.by_openslide import has_pictures_beside
from slides.wsi.formats.tiff import tag_numbers, tag_rules
from slides.wsi.formats.tiff.coded_pixels import Pixels, is_tiled
from slides.wsi.formats.tiff.copy_rules import CopyRules
from slides.wsi.formats.tiff.directories import ASCII, UNDEFINED, Directory, Entry, Tiff
from slides.wsi.formats.tiff.kept_pages import OTHERS, Chosen
from slides.wsi.formats.tiff.words import Words
from slides.wsi.formats.tiff.writer import TiffWriter, numbers_entry, text_entry
from slides.wsi.metadata import known_scanner

POINTERS = (tag_rules.EXIF_IFD, tag_rules.GPS_IFD, tag_rules.INTEROPERABILITY_IFD)
SPARE_BYTES = 16 * 2**20


def rewrite(path: Path, copy: Path, rules: CopyRules) -> Draft:
    """Write the working copy of one TIFF. SlideRefused where the file is damaged.

    The file's directories must not run in a circle, see `chain.refuse_tangled`.
    """
    with closing(Tiff(path)) as tiff, closing(TiffWriter(copy, tiff.layout)) as writer:
        work = Work(tiff, writer, rules)
        work.write()
    unknown = set(work.words.unknown) | work.pixels.unknown
    return Draft(
        originals=(path,),
        copies=(copy,),
        method=rules.method,
        removed=work.removed_in_words(),
        unknown=tag_rules.clean_names(unknown),
        is_clean=not find_in_bytes([copy], work.removed_values()) and not has_pictures_beside(copy),
        unknown_if_differs=("verification",),
    )


Place = tuple[int, int, frozenset[Name]]  # of one part: offset, length, tables


@dataclasses.dataclass
class Copied:
    """Where the parts of a directory came to lie in the copy. needed: names of JPEG tables that they lack."""

    offsets: list[int] = dataclasses.field(default_factory=list)
    lengths: list[int] = dataclasses.field(default_factory=list)
    needed: set[Name] = dataclasses.field(default_factory=set)

    def add(self, place: Place) -> None:
        """Note one more."""
        self.offsets.append(place[0])
        self.lengths.append(place[1])
        self.needed |= place[2]


class Work:
    """One file being written anew. words: the fields left out. pixels: what was cut out of coded tiles."""

    def __init__(self, tiff: Tiff, writer: TiffWriter, rules: CopyRules) -> None:
        self._tiff, self._order, self._writer, self._rules = tiff, tiff.layout.order, writer, rules
        self._placed: dict[tuple[int, int], Place] = {}
        self.words, self.pixels = Words(), Pixels(tiff)
        self._pictures: list[str] = []
        self._payloads: list[bytes] = []
        self._kept_numbers = b""

    def write(self) -> None:
        """Write the copy."""
        chosen = self._rules.choose(self._tiff)
        self._pictures = chosen.left_out
        for directory in chosen.dropped:
            self._note_dropped(directory)
        for number, directory in enumerate(chosen.kept):
            self._copy(directory, chosen, is_main=True, is_first=number == 0)

    def removed_values(self) -> tuple[str, ...]:
        """What must not be in the copy, less what is part of the words that rules write themselves."""
        payloads = words_of([*self._payloads, *self.pixels.payloads], self._kept_numbers)
        values = dict.fromkeys((*self.words.removed, *payloads))
        return tuple(value for value in values if not any(value in words for words in self._rules.own_words))

    def removed_in_words(self) -> tuple[str, ...]:
        """What was left out, for people."""
        fields = self.words.fields
        told = [*dict.fromkeys(self._pictures), *sorted(self.pixels.removed)]
        return tuple(told + ([f"{fields} metadata field{'s' if fields != 1 else ''}"] if fields else []))

    def _copy(self, directory: Directory, chosen: Chosen, is_main: bool, is_first: bool = False) -> int:
        entries = self._kept_tags(directory)
        if description := self._description(directory, is_first):
            entries.append(text_entry(tag_rules.DESCRIPTION, description))
        entries += self._scanner(directory)
        below = self._below(directory, chosen) if is_main else []
        placed = self._copy_pixels(directory)
        if shared := directory.entries.get(tag_rules.JPEG_TABLES):
            tables = self.pixels.jpeg_tables(shared.data, placed.needed)
            entries += [Entry(shared.tag, UNDEFINED, len(tables), tables)] if tables else []
        tags = (
            (tag_rules.TILE_OFFSETS, tag_rules.TILE_BYTES)
            if is_tiled(directory)
            else (tag_rules.STRIP_OFFSETS, tag_rules.STRIP_BYTES)
        )
        layout = self._tiff.layout
        entries += [numbers_entry(tags[0], placed.offsets, layout), numbers_entry(tags[1], placed.lengths, layout)]
        if below:
            entries.append(numbers_entry(tag_rules.SUB_IFDS, below, layout))
        high = {tags[0]: placed.offsets[0] >> 32} if layout.ndpi and len(placed.offsets) == 1 else None
        return self._writer.directory(entries, is_main, high)

    def _copy_pixels(self, directory: Directory) -> Copied:
        """Copy each tile or strip once, also where several places share one."""
        copied = Copied()
        for number, (offset, length) in enumerate(self.pixels.parts(directory)):
            place = self._placed.get((offset, length)) if length else (0, 0, frozenset())
            if place is None:
                if self._writer.at + length > self._tiff.size + SPARE_BYTES:
                    raise SlideRefused("The TIFF file is damaged: its tiles overlap.", "broken")
                start, written = self._writer.data(self.pixels.pieces(directory, number, offset, length))
                place = self._placed[offset, length] = (start, written, self.pixels.needed)
            copied.add(place)
        return copied

    def _below(self, directory: Directory, chosen: Chosen) -> list[int]:
        """The levels that hang below a main directory."""
        below = self._tiff.below(directory)
        kept = chosen.levels_below(directory, below)
        main = {each.offset for each in chosen.kept}
        for each in below:
            if each not in kept and each.offset not in main:
                self._pictures.append(OTHERS)
                self._note_dropped(each)
        return [self._copy(each, chosen, is_main=False) for each in kept]

    def _kept_tags(self, directory: Directory) -> list[Entry]:
        """The tags on the list whose numbers are plausible; the others are noted."""
        ndpi, kept = self._tiff.layout.ndpi, []
        for tag, entry in directory.entries.items():
            if tag in tag_rules.structure(ndpi):
                if not tag_numbers.is_needed(entry, directory, self._order):
                    self._drop(entry, "")
                elif not tag_numbers.is_plausible(entry, directory, self._order):
                    self._drop(entry, tag_rules.tag_name(entry.tag))
                else:
                    kept.append(entry)
            elif tag == tag_rules.ICC_PROFILE:
                kept += self._profile(entry)
            elif tag in tag_rules.REBUILT:
                continue
            elif (words := self._rules.kept_text(entry)) is not None:
                text = self._take(words)
                kept += [text_entry(tag, text)] if text else []
            else:
                self._drop(entry, "" if tag_rules.is_known(tag, ndpi) else tag_rules.tag_name(tag))
        return kept

    def _profile(self, entry: Entry) -> list[Entry]:
        profile = neutral_profile(entry.data)
        self._payloads.append(entry.data)
        if profile != entry.data:
            self.pixels.removed.add("words of the colour profile")
        if profile is None:
            return []
        self._kept_numbers += profile
        return [Entry(entry.tag, UNDEFINED, len(profile), profile)]

    def _description(self, directory: Directory, is_first: bool) -> str:
        """What the description may still say, "" where nothing."""
        text = directory.text(tag_rules.DESCRIPTION)
        words = self._rules.description(text, is_first)
        if words is not None:
            return self._take(words)
        if text:
            self._drop(directory.entries[tag_rules.DESCRIPTION], "")
        return ""

    def _take(self, words: Words) -> str:
        self.words.removed += words.removed
        self.words.fields += words.fields
        self.words.unknown |= words.unknown
        return words.text

    def _scanner(self, directory: Directory) -> list[Entry]:
        """Maker and model where both are plain names; free text there may name people."""
        make, model = directory.text(tag_rules.MAKE), directory.text(tag_rules.MODEL)
        maker, scanner = known_scanner(make, ""), known_scanner(make, model)
        kept = []
        for tag, said, word in (
            (tag_rules.MAKE, make, maker), (tag_rules.MODEL, model, scanner[len(maker) :].strip()),
        ):  # fmt: skip
            if word:
                kept.append(text_entry(tag, word))
            if said and said.strip() != word:
                self.words.drop(said.strip() if not word else "")
        return kept

    def _note_dropped(self, directory: Directory) -> None:
        """The words of a picture that stays behind must not turn up in the copy either."""
        self._scanner(directory)
        for entry in directory.entries.values():
            if (words := self._rules.dropped_text(entry)) is not None:
                self._take(words)
            elif entry.tag in (tag_rules.MAKE, tag_rules.MODEL):
                continue
            elif entry.kind == ASCII or tag_rules.is_known(entry.tag, self._tiff.layout.ndpi):
                self._drop(entry, "")

    def _drop(self, entry: Entry, unknown: str) -> None:
        """Note a tag that is left out, with the words in it and, of EXIF and its like, below it."""
        self.words.drop("", unknown)
        text = entry.text().strip() if entry.kind == ASCII else ""
        if text and len(text) <= tag_rules.MAX_NAME_CHARS:
            self.words.removed.append(text)
        else:
            self._payloads.append(entry.data)
        if entry.tag in POINTERS and entry.count == 1:
            self._drop_below(entry)

    def _drop_below(self, pointer: Entry) -> None:
        """The words of EXIF and its like; one that cannot be read has none to look for."""
        try:
            below = self._tiff.directory(pointer.numbers(self._order)[0])
        except SlideRefused:
            return
        for entry in below.entries.values():
            if entry.tag not in POINTERS:
                self._drop(entry, "")
