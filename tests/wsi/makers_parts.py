"""Slide files of several pictures, planes or parts, made as `makers` makes the simple ones."""

import configparser
import struct
import uuid
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGLSLossless, generate_uid

from tests.wsi.makers import APERIO, HEIGHT, MPP, TILE, WIDTH, _dicom_level, halves, ndpi, picture, write_pages

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


def lzw(folder: Path) -> Path:
    return write_pages(folder / "lzw.tif", halves(picture()), compression="lzw", predictor=True)


def aperio_jpeg2000(folder: Path) -> Path:
    """Aperio's own way with JPEG 2000."""
    about = APERIO.format(w=WIDTH, h=HEIGHT, t=TILE, mpp=MPP)
    return write_pages(
        folder / "j2k.svs", halves(picture()), compression="aperio_jp2000_rgb", description=about, mpp=None
    )


def sixteen_bits_grey(folder: Path, bits: int = 12) -> Path:
    """Grey of 16 bits in strips."""
    path = folder / "deep-grey.tif"
    deep = picture()[..., 0].astype(np.uint16) << (bits - 8)
    deep[:8, -200:] = (1 << bits) - 1
    tifffile.imwrite(path, deep, photometric="minisblack", metadata=None)
    return path


def planes_in_strips(folder: Path) -> Path:
    """Five focus planes as ImageJ keeps them."""
    path = folder / "stack.tif"
    stack = np.stack([np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in GREY_OF_PLANE])
    about = {"axes": "ZYXS", "unit": "um", "spacing": 2.0}
    tifffile.imwrite(path, stack, imagej=True, metadata=about, resolution=(1 / MPP, 1 / MPP))
    return path


def ome_that_names(path: Path, other: str, grey: int, more: str = "") -> Path:
    """An OME-TIFF of one grey whose XML says that its pixels lie in `other`."""
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        f'{more}<Image ID="Image:0" Name="a"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="{WIDTH}" '
        f'SizeY="{HEIGHT}" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="{MPP}" PhysicalSizeY="{MPP}">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1">'
        f'<UUID FileName="{other}">urn:uuid:2</UUID></TiffData></Pixels></Image></OME>'
    )
    pixels = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    tifffile.imwrite(path, pixels, tile=(TILE, TILE), photometric="rgb", metadata=None, description=xml)
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


def dicom_planes(folder: Path) -> Path:
    """Five focus planes in one DICOM instance, each of a grey of its own."""
    series, frame, tiles = generate_uid(), generate_uid(), []
    for grey in GREY_OF_PLANE:
        data = _dicom_level(np.full((HEIGHT, WIDTH, 3), grey, np.uint8), MPP, series, frame, JPEGLSLossless)
        tiles += generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames)
    data.NumberOfFrames, data.TotalPixelMatrixFocalPlanes = len(tiles), len(GREY_OF_PLANE)
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 0.002
    data.Manufacturer, data.ManufacturerModelName, data.DeviceSerialNumber = "Leica Biosystems", "GT450", "SS12345"
    data.PixelData = encapsulate(tiles)
    data["PixelData"].VR = "OB"
    data.save_as(folder / "planes.dcm", enforce_file_format=True)
    return folder / "planes.dcm"


def ndpi_planes(folder: Path) -> Path:
    """Three focus planes as Hamamatsu keeps them, the one at the scanner's focus first."""
    return ndpi(folder, heights_nm=(0, -2000, 2000))


def mirax(
    folder: Path, name: str = "slide", inside: dict[str, dict[str, str]] | None = None, scanned_from: int = 0
) -> Path:
    """A MIRAX slide of one camera image per tile without overlap: the .mrxs and its folder.

    inside: further sections and keys of Slidedat.ini. scanned_from: the first column of images that was scanned.
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
            for column in range(scanned_from // step * step, columns, step):
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
