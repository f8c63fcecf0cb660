"""Slide files of several pictures, planes or parts, made as `makers` makes the simple ones."""

import configparser
import struct
import uuid
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile

from tests.wsi.makers import HEIGHT, MPP, TILE, WIDTH, halves, picture

GREY_OF_PLANE = (40, 80, 120, 160, 200)


def sixteen_bits(folder: Path, bits: int = 12) -> Path:
    """Colour of 16 bits, of which some are used."""
    path = folder / "deep.tif"
    deep = picture().astype(np.uint16) << (bits - 8)
    deep[-1, -1] = (1 << bits) - 1
    tifffile.imwrite(
        path, deep, tile=(TILE, TILE), photometric="rgb", compression="zlib", metadata=None,
        resolution=(1e4 / MPP, 1e4 / MPP), resolutionunit="CENTIMETER",
    )  # fmt: skip
    return path


def jpeg2000(folder: Path) -> Path:
    path = folder / "j2k.tif"
    tifffile.imwrite(path, picture(), tile=(TILE, TILE), photometric="rgb", compression="jpeg2000", metadata=None)
    return path


def ome_sub_levels(folder: Path) -> Path:
    """An OME-TIFF with its smaller levels in SubIFDs."""
    path = folder / "sub.ome.tif"
    levels = halves(picture())
    with tifffile.TiffWriter(path, ome=True) as tiff:
        _ome(tiff, levels, MPP)
    return path


def ome_scenes(folder: Path) -> Path:
    """Two scenes and a label picture."""
    path = folder / "scenes.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        _ome(tiff, halves(picture()), MPP)
        _ome(tiff, halves(picture(WIDTH // 2, HEIGHT // 2), 2), 2 * MPP)
        _ome(tiff, [picture(256, 256)], 10, Name="label image")
    return path


def ome_planes(folder: Path) -> Path:
    """Five focus planes, each of a grey of its own."""
    path = folder / "planes.ome.tif"
    stack = np.stack([np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in GREY_OF_PLANE])
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(
            stack, tile=(TILE, TILE), photometric="rgb", compression="zlib",
            metadata={"axes": "ZYXS", "PhysicalSizeX": MPP, "PhysicalSizeY": MPP},
        )  # fmt: skip
    return path


def _ome(tiff: tifffile.TiffWriter, levels: list[np.ndarray], mpp: float, **more) -> None:
    options = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "zlib"}
    about = {"axes": "YXS", "PhysicalSizeX": mpp, "PhysicalSizeY": mpp, **more}
    tiff.write(levels[0], subifds=len(levels) - 1, metadata=about, **options)
    for level in levels[1:]:
        tiff.write(level, subfiletype=1, **options)


def mirax(folder: Path, name: str = "slide", inside: dict[str, dict[str, str]] | None = None) -> Path:
    """A MIRAX slide of one camera image per tile without overlap: the .mrxs and its folder.

    inside: further sections and keys of Slidedat.ini.
    """
    side, zooms = 128, 3
    columns, rows = WIDTH // side, HEIGHT // side
    place = folder / name
    place.mkdir()
    slide_id = uuid.uuid4().hex.upper()
    levels = [level[: rows * side >> n, : columns * side >> n] for n, level in enumerate(halves(picture(), zooms))]
    records, data = [], bytearray(_data_header(slide_id))
    for zoom, level in enumerate(levels):
        found, step = [], 1 << zoom
        for row in range(0, rows, step):
            for column in range(0, columns, step):
                y, x = row // step * side, column // step * side
                part = np.full((side, side, 3), 255, np.uint8)
                seen = level[y : y + side, x : x + side]
                part[: seen.shape[0], : seen.shape[1]] = seen
                coded = simplejpeg.encode_jpeg(part, quality=95, colorspace="RGB", colorsubsampling="444")
                found.append((row * columns + column, len(data), len(coded), 0))
                data += coded
        records.append(found)
    (place / "Data0000.dat").write_bytes(bytes(data))
    (place / "Index.dat").write_bytes(_index(slide_id, records))
    _slidedat(place / "Slidedat.ini", slide_id, columns, rows, side, zooms, inside or {})
    path = folder / f"{name}.mrxs"
    path.write_bytes(simplejpeg.encode_jpeg(picture(64, 64), quality=90))
    return path


def _data_header(slide_id: str) -> bytes:
    return b"01.02" + slide_id.encode()


def _index(slide_id: str, records: list[list[tuple[int, int, int, int]]]) -> bytes:
    """Header, two pointers, a list of levels' places, and for each level one page of (tile, offset, bytes, file)."""
    head = b"01.02" + slide_id.encode()
    start = len(head) + 8
    table = start + 4 * len(records)
    pages, places = b"", []
    for found in records:
        page = struct.pack("<ii", len(found), 0) + b"".join(struct.pack("<iiii", *record) for record in found)
        places.append(table + len(pages))
        first = struct.pack("<ii", 0, table + len(pages) + 8)  # no entries, then where the page is
        pages += first + page
    empty = start + 4 * len(records) + len(pages)
    hierarchy = struct.pack(f"<{len(records)}i", *places)
    return head + struct.pack("<ii", start, empty) + hierarchy + pages


def _slidedat(path: Path, slide_id: str, columns: int, rows: int, side: int, zooms: int, inside: dict) -> None:
    ini = configparser.ConfigParser()
    ini.optionxform = str
    ini["GENERAL"] = {
        "SLIDE_VERSION": "01.02", "SLIDE_ID": slide_id, "IMAGENUMBER_X": columns, "IMAGENUMBER_Y": rows,
        "OBJECTIVE_MAGNIFICATION": 40, "CameraImageDivisionsPerSide": 1,
    }  # fmt: skip
    ini["HIERARCHICAL"] = {
        "INDEXFILE": "Index.dat", "HIER_COUNT": 1, "NONHIER_COUNT": 0, "HIER_0_NAME": "Slide zoom level",
        "HIER_0_SECTION": "LAYER_0", "HIER_0_COUNT": zooms,
    } | {f"HIER_0_VAL_{n}_SECTION": f"LAYER_0_LEVEL_{n}" for n in range(zooms)}  # fmt: skip
    ini["DATAFILE"] = {"FILE_COUNT": 1, "FILE_0": "Data0000.dat"}
    for n in range(zooms):
        ini[f"LAYER_0_LEVEL_{n}"] = {
            "OVERLAP_X": 0, "OVERLAP_Y": 0, "MICROMETER_PER_PIXEL_X": MPP * 2**n, "MICROMETER_PER_PIXEL_Y": MPP * 2**n,
            "IMAGE_FILL_COLOR_BGR": 16777215, "DIGITIZER_WIDTH": side, "DIGITIZER_HEIGHT": side,
            "IMAGE_CONCAT_FACTOR": 0 if n == 0 else 1, "IMAGE_FORMAT": "JPEG",
        }  # fmt: skip
    for section, keys in inside.items():
        ini.read_dict({section: keys})
    with path.open("w", encoding="utf-8-sig") as file:
        ini.write(file, space_around_delimiters=False)
