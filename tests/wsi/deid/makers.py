"""TIFF slides with identifiers planted in every place that a TIFF has for them."""

import struct
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile

from tests.wsi.deid.makers_parts import PLANTED, UNKNOWN_KEYS, png_chunk
from tests.wsi.makers import APERIO, HEIGHT, MPP, TILE, WHOLE_COLOUR, WIDTH, halves, picture

APERIO_KEYS = (
    "Patient", "Title", "Filename", "ScanScope ID", "User", "Date", "Time", "DSR ID", "ImageID", "Barcode",
    "Accession", "CustomField.First_Name", "Rack", "Parmset", "Comment",
)  # fmt: skip
ASCII_TAGS = (269, 305, 306, 315, 316, 285, 333, 337, 33432)
XMP, IPTC, PHOTOSHOP, EXIF = 700, 33723, 34377, 34665
EXIF_STAND_IN = 34664  # tifffile writes no EXIF itself


def tag(code: int, value: str) -> tuple:
    """An extra tag of text for tifffile."""
    return (code, 2, len(value) + 1, value, True)


def raw_tag(code: int, value: bytes) -> tuple:
    """An extra tag of bytes."""
    return (code, 7, len(value), value, True)


def svs(folder: Path, unknown: bool = False) -> Path:
    """Aperio with a thumbnail, a label and a macro; identifiers in descriptions, tags and behind the end."""
    path, levels = folder / f"{PLANTED[29]}.svs", halves(picture())
    words = "".join(f"|{key} = {value}" for key, value in zip(APERIO_KEYS, PLANTED, strict=False))
    words += "|StripeWidth = 2040|Left = 25.691574|OriginalWidth = 600"
    words += "".join(f"|{key} = {PLANTED[14]}" for key in UNKNOWN_KEYS) if unknown else ""
    common = {"photometric": "rgb", "metadata": None, "compression": "jpeg", "subsampling": WHOLE_COLOUR}
    more = [tag(code, value) for code, value in zip(ASCII_TAGS[2:6], PLANTED[15:19], strict=True)]
    first = APERIO.format(w=WIDTH, h=HEIGHT, t=TILE, mpp=MPP) + words
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(levels[0], tile=(TILE, TILE), description=first, extratags=more, software=PLANTED[19], **common)
        tiff.write(levels[2], rowsperstrip=HEIGHT, description=f"Aperio Image Library v12.0.0 \r\n-{words}", **common)
        for level in levels[1:]:
            tiff.write(level, tile=(TILE, TILE), description=f"Aperio Image Library v12.0.0 \r\n-{words}", **common)
        for name, kind, value in (("label", 1, PLANTED[20]), ("macro", 9, PLANTED[21])):
            tiff.write(
                picture(80, 60), rowsperstrip=60, subfiletype=kind, photometric="rgb", compression="lzw", metadata=None,
                description=f"Aperio Image Library v12.0.0 \r\n{name} 80x60", extratags=[tag(315, value)],
            )  # fmt: skip
    return _with_strays(path, PLANTED[22:29])


def ome(folder: Path, unknown: bool = False) -> Path:
    """OME-TIFF with its levels in SubIFDs, a label picture, and identifiers in its XML and tags."""
    path, levels = folder / f"{PLANTED[29]}.ome.tif", halves(picture())
    options = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "jpeg", "subsampling": WHOLE_COLOUR}
    metadata = {"axes": "YXS", "PhysicalSizeX": MPP, "PhysicalSizeY": MPP, "Name": PLANTED[0]}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(picture(160, 128), metadata={"axes": "YXS", "Name": f"label {PLANTED[1]}"}, **options)
        more = [tag(code, value) for code, value in zip(ASCII_TAGS[3:7], PLANTED[2:6], strict=True)]
        tiff.write(levels[0], subifds=2, metadata=metadata, software=PLANTED[6], extratags=more, **options)
        for level in levels[1:]:
            tiff.write(level, subfiletype=1, extratags=[tag(315, PLANTED[7])], **options)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        xml = tiff.ome_metadata
        extra = f'<Experimenter ID="Experimenter:0" UserName="{PLANTED[8]}" FirstName="{PLANTED[9]}"/>'
        extra += f'<Plate ID="Plate:0" ExternalIdentifier="{PLANTED[10]}"/>'
        extra += f'<StructuredAnnotations><XMLAnnotation ID="Annotation:{PLANTED[11]}"><Value><P n="{PLANTED[12]}">'
        extra += f"{PLANTED[13]}</P></Value></XMLAnnotation></StructuredAnnotations><Rights>{PLANTED[14]}</Rights>"
        extra += "".join(f'<{key} v="{PLANTED[15]}">{PLANTED[16]}</{key}>' for key in UNKNOWN_KEYS) if unknown else ""
        extra += f'<Project ID="Project:1" Name="{PLANTED[15]}"><Description>{PLANTED[16]}</Description></Project>'
        about = f"<AcquisitionDate>{PLANTED[17]}</AcquisitionDate><Description>{PLANTED[18]}</Description>"
        xml = xml.replace("<Pixels", f"{about}<Pixels").replace("</OME>", f"{extra}</OME>")
        xml = xml.replace('SizeT="1"', 'SizeT="1" ' + f'TimeIncrement="{PLANTED[19]}"')
        tiff.pages.first.tags["ImageDescription"].overwrite(xml)
    return _with_strays(path, PLANTED[20:29])


def tiled(folder: Path, unknown: bool = False, bigtiff: bool = False, byteorder: str = "<") -> Path:
    """A generic pyramid with every tag that has room for words, an EXIF directory, odd tiles and trailing bytes."""
    path, levels = folder / f"{PLANTED[29]}.tiff", halves(picture())
    texts = [tag(code, value) for code, value in zip((269, *ASCII_TAGS[2:]), PLANTED[:8], strict=True)]
    more = [
        *texts,
        raw_tag(XMP, f"<x:xmpmeta><dc:creator>{PLANTED[8]}</dc:creator></x:xmpmeta>".encode()),
        raw_tag(IPTC, b"\x1c\x02\x50\x00\x20" + (PLANTED[9] + PLANTED[12]).encode()),
        raw_tag(PHOTOSHOP, b"8BIM\x04\x04" + PLANTED[10].encode("utf-16-le")),
        raw_tag(40093, PLANTED[11].encode("utf-16-le")),
        (EXIF_STAND_IN, 16 if bigtiff else 4, 1, 0, True),
    ]
    more += [tag(50_000 + 100 + n, PLANTED[12]) for n in range(10)] if unknown else []
    with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder=byteorder) as tiff:
        for number, level in enumerate(levels):
            tiff.write(
                level, tile=(TILE, TILE), photometric="rgb", metadata=None, compression="deflate",
                subfiletype=1 if number else 0, resolution=(1e4 / MPP, 1e4 / MPP), resolutionunit="CENTIMETER",
                description=f"Case {PLANTED[13]} of {PLANTED[14]}", software=PLANTED[15], extratags=more,
            )  # fmt: skip
        tiff.write(picture(90, 70), photometric="rgb", metadata=None, description=f"label {PLANTED[16]}")
    exif = path.stat().st_size + path.stat().st_size % 2
    data = path.read_bytes().ljust(exif, b"\0")
    text = PLANTED[17].encode() + b"\0"
    order = byteorder
    if bigtiff:
        entry = struct.pack(order + "QHHQQQ", 1, 37510, 2, len(text), exif + 36, 0)
    else:
        entry = struct.pack(order + "HHHIII", 1, 37510, 2, len(text), exif + 18, 0)
    path.write_bytes(data + entry + text)
    with tifffile.TiffFile(path) as tiff:
        places = [page.tags[EXIF_STAND_IN] for page in tiff.pages[:3]]
    with path.open("r+b") as file:
        for place in places:
            file.seek(place.offset)
            file.write(struct.pack(order + "H", EXIF))
            file.seek(place.valueoffset)
            file.write(struct.pack(order + ("Q" if bigtiff else "I"), exif))
    return _with_strays(path, PLANTED[18:29])


def svs_with_words_in_its_tiles(folder: Path) -> Path:
    """An Aperio whose first tile holds a comment, an EXIF segment and bytes behind its end."""
    path = folder / "slide.svs"
    tile = simplejpeg.encode_jpeg(np.ascontiguousarray(picture(TILE, TILE)), colorsubsampling="444")
    extra = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for marker, body in ((0xFE, PLANTED[0].encode()), (0xE1, b"Exif\0\0" + PLANTED[1].encode()))
    )
    whole = tile[:2] + extra + tile[2:] + PLANTED[2].encode()
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter([whole] * 4), shape=(2 * TILE, 2 * TILE, 3), dtype=np.uint8, tile=(TILE, TILE), photometric="ycbcr",
            compression="jpeg", metadata=None, subsampling=(1, 1),
            description=APERIO.format(w=2 * TILE, h=2 * TILE, t=TILE, mpp=MPP),
        )  # fmt: skip
    return path


def _with_strays(path: Path, values: tuple[str, ...]) -> Path:
    """The file with values in bytes that nothing points at: behind its end, in two codings."""
    half = len(values) // 2
    stray = "\n".join(values[:half]).encode() + "\n".join(values[half:]).encode("utf-16-le")
    path.write_bytes(path.read_bytes() + stray + png_chunk(b"tEXt", values[0].encode()))
    return path
