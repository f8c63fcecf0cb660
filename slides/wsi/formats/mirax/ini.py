"""Slidedat.ini of a MIRAX slide: read without trust, and written anew from the few values that show the slide."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from slides.wsi.errors import SlideRefused

MAX_BYTES = 2**20  # OpenSlide reads no longer ones
MAX_LEVELS, MAX_DATA_FILES, MAX_OTHER_LAYERS = 32, 10_000, 200
INTEGER, NUMBER = re.compile(r"-?[0-9]{1,10}"), re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")
ZOOM = "Slide zoom level"
GENERAL_KEPT = {
    "SLIDE_VERSION": re.compile(r"[0-9]{2}\.[0-9]{2}"),
    "IMAGENUMBER_X": INTEGER,
    "IMAGENUMBER_Y": INTEGER,
    "OBJECTIVE_MAGNIFICATION": INTEGER,
}
LEVEL_KEPT = {
    "OVERLAP_X": NUMBER, "OVERLAP_Y": NUMBER, "MICROMETER_PER_PIXEL_X": NUMBER, "MICROMETER_PER_PIXEL_Y": NUMBER,
    "IMAGE_FILL_COLOR_BGR": INTEGER, "DIGITIZER_WIDTH": INTEGER, "DIGITIZER_HEIGHT": INTEGER,
    "IMAGE_CONCAT_FACTOR": INTEGER, "IMAGE_FORMAT": re.compile(r"JPEG|PNG|BMP24"),
}  # fmt: skip
DIVISIONS = "CameraImageDivisionsPerSide"
POSITION_LAYERS = ("VIMSLIDE_POSITION_BUFFER", "StitchingIntensityLayer")
PICTURES = {
    "ScanDataLayer_SlideBarcode": "label picture",
    "ScanDataLayer_SlideThumbnail": "overview picture",
    "ScanDataLayer_SlidePreview": "preview picture",
}


def parse(data: bytes) -> dict[str, dict[str, str]]:
    """Sections and keys as OpenSlide takes them: the last of several wins."""
    if len(data) > MAX_BYTES:
        raise broken()
    sections: dict[str, dict[str, str]] = {}
    keys: dict[str, str] | None = None
    for line in data.decode("utf-8-sig", "replace").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            keys = sections.setdefault(text[1:-1], {})
        elif "=" in text and not text.startswith("#") and keys is not None:
            key, _, value = text.partition("=")
            keys[key.strip()] = value.strip()
    return sections


@dataclasses.dataclass(frozen=True, slots=True)
class Slidedat:
    """What shows the slide. levels: the kept keys of each zoom level. positions: (number of the record that says where
    the camera stood, whether it is compressed), or None. pictures: in words, what lies beside the slide."""

    slide_id: str
    general: dict[str, str]
    levels: tuple[dict[str, str], ...]
    index_name: str
    data_names: tuple[str, ...]
    positions: tuple[int, bool] | None
    pictures: tuple[str, ...]

    @property
    def camera_positions(self) -> int:
        """How many there are."""
        side = int(self.general[DIVISIONS])
        return int(self.general["IMAGENUMBER_X"]) // side * (int(self.general["IMAGENUMBER_Y"]) // side)

    def text(self, slide_id: str, data_files: int, has_positions: bool) -> str:
        """The file anew, of an identifier and a number of data files of its own."""
        hierarchy = {
            "INDEXFILE": "Index.dat", "HIER_COUNT": "1", "NONHIER_COUNT": str(int(has_positions)),
            "HIER_0_NAME": ZOOM, "HIER_0_SECTION": "LAYER_0_SECTION", "HIER_0_COUNT": str(len(self.levels)),
        }  # fmt: skip
        for n in range(len(self.levels)):
            hierarchy |= {f"HIER_0_VAL_{n}": f"ZoomLevel_{n}", f"HIER_0_VAL_{n}_SECTION": _level_section(n)}
        if has_positions:
            hierarchy |= {"NONHIER_0_NAME": POSITION_LAYERS[0], "NONHIER_0_COUNT": "1", "NONHIER_0_VAL_0": "default"}
        sections = {"GENERAL": {"SLIDE_ID": slide_id, **self.general}, "HIERARCHICAL": hierarchy}
        sections["DATAFILE"] = {"FILE_COUNT": str(data_files)} | {f"FILE_{n}": data_name(n) for n in range(data_files)}
        sections |= {_level_section(n): level for n, level in enumerate(self.levels)}
        return "".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            for section, keys in sections.items()
        )


def data_name(number: int) -> str:
    """The name of a data file of the copy."""
    return f"Data{number:04d}.dat"


def read(sections: dict[str, dict[str, str]]) -> Slidedat:
    """The facts that show the slide; SlideRefused where one is missing or is no number."""
    general, hierarchy, files = (sections.get(name, {}) for name in ("GENERAL", "HIERARCHICAL", "DATAFILE"))
    slide_id = general.get("SLIDE_ID", "")
    if not 1 <= len(slide_id) <= 200 or hierarchy.get("HIER_0_NAME") != ZOOM:
        raise broken()
    levels = [
        _checked(sections.get(hierarchy.get(f"HIER_0_VAL_{n}_SECTION", ""), {}), LEVEL_KEPT)
        for n in range(_count(hierarchy, "HIER_0_COUNT", MAX_LEVELS))
    ]
    kept = _checked(general, GENERAL_KEPT)
    kept[DIVISIONS] = general.get(DIVISIONS) or "1"
    if not INTEGER.fullmatch(kept[DIVISIONS]) or min(int(kept[key]) for key in (DIVISIONS, *_SIZES)) < 1 or not levels:
        raise broken()
    layers = list(_other_layers(hierarchy))
    return Slidedat(
        slide_id=slide_id,
        general=kept,
        levels=tuple(levels),
        index_name=hierarchy.get("INDEXFILE", ""),
        data_names=tuple(files.get(f"FILE_{n}", "") for n in range(_count(files, "FILE_COUNT", MAX_DATA_FILES))),
        positions=next(
            (
                (record, name != POSITION_LAYERS[0])
                for name in POSITION_LAYERS
                for layer, record, _ in layers
                if layer == name
            ),
            None,
        ),
        pictures=tuple(PICTURES[value] for _, _, values in layers for value in values if value in PICTURES),
    )


def broken() -> SlideRefused:
    """The refusal of a set whose Slidedat.ini does not make a slide."""
    return SlideRefused("The MIRAX slide's Slidedat.ini is damaged or lacks what shows the slide.", "broken")


_SIZES = ("IMAGENUMBER_X", "IMAGENUMBER_Y")


def _level_section(number: int) -> str:
    return f"LAYER_0_LEVEL_{number}_SECTION"


def _checked(keys: dict[str, str], kept: dict[str, re.Pattern[str]]) -> dict[str, str]:
    found = {}
    for key, pattern in kept.items():
        value = keys.get(key, "")
        if not pattern.fullmatch(value):
            raise broken()
        found[key] = value
    return found


def _count(keys: dict[str, str], key: str, most: int) -> int:
    text = keys.get(key, "0")
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) > most:
        raise broken()
    return int(text)


def _other_layers(hierarchy: dict[str, str]) -> Iterator[tuple[str, int, list[str]]]:
    """(name, number of its first record, its values) of each layer that is no zoom level."""
    record = 0
    for n in range(_count(hierarchy, "NONHIER_COUNT", MAX_OTHER_LAYERS)):
        count = _count(hierarchy, f"NONHIER_{n}_COUNT", MAX_DATA_FILES)
        values = [hierarchy.get(f"NONHIER_{n}_VAL_{each}", "") for each in range(count)]
        yield hierarchy.get(f"NONHIER_{n}_NAME", ""), record, values
        record += count
