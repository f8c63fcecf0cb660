"""Small real slide files of every format, made from one known picture.

The picture: a smooth ramp with a softened box, so that lossy coding stays close and a shift shows. SIZE is level 0.
"""

import struct
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless, generate_uid

WIDTH, HEIGHT = 600, 400
MPP = 0.25
TILE = 128
WHOLE_COLOUR = (1, 1)  # else the black that fills the last tiles bleeds into the picture
APERIO = "Aperio Image Library v12.0.0 \r\n{w}x{h} [0,0 {w}x{h}] ({t}x{t}) JPEG/RGB Q=90|AppMag = 40|MPP = {mpp}"


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(height, width, 3) uint8 RGB."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([60 + 150 * x / width, 90 + 120 * y / height, 180 - 80 * (x + y) / (width + height)], axis=2)
    image[height // 4 : height // 2, width // 4 : width // 2] -= 50
    return cv2.GaussianBlur(image, (0, 0), 3).astype(np.uint8)


def halves(pixels: np.ndarray, count: int = 3) -> list[np.ndarray]:
    """The picture and its halvings."""
    levels = [pixels]
    while len(levels) < count:
        height, width = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    return levels


def write_pages(
    path: Path, levels: list[np.ndarray], *, mpp: float | tuple[float, float] | None = MPP, **options
) -> Path:
    """A tiled pyramid of separate pages."""
    mpp_x, mpp_y = mpp if isinstance(mpp, tuple) else (mpp, mpp)
    first_description = options.pop("description", None)
    with tifffile.TiffWriter(path, bigtiff=options.pop("bigtiff", False)) as tiff:
        for number, level in enumerate(levels):
            options.setdefault("compression", "jpeg")
            density = (
                {} if mpp_x is None else {"resolution": (1e4 / mpp_x, 1e4 / mpp_y), "resolutionunit": "CENTIMETER"}
            )
            tiff.write(
                level,
                subfiletype=1 if number else 0,
                tile=(TILE, TILE),
                photometric="minisblack" if level.ndim == 2 else "rgb",
                metadata=None,
                subsampling=WHOLE_COLOUR if options["compression"] == "jpeg" else None,
                description=first_description if number == 0 else None,
                **(density | options),
            )
    return path


def svs(folder: Path, mpp: str | float = MPP) -> Path:
    """Aperio: the thumbnail is the second page, in strips."""
    path, levels = folder / "slide.svs", halves(picture())
    description = APERIO.format(w=WIDTH, h=HEIGHT, t=TILE, mpp=mpp)
    common = {"photometric": "rgb", "metadata": None, "compression": "jpeg", "subsampling": WHOLE_COLOUR}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(levels[0], tile=(TILE, TILE), description=description, **common)
        tiff.write(levels[2], rowsperstrip=HEIGHT, description="Aperio Image Library v12.0.0 \r\n-", **common)
        for level in levels[1:]:
            tiff.write(level, tile=(TILE, TILE), description="Aperio Image Library v12.0.0 \r\n-", **common)
    return path


def tiff_jpeg(folder: Path) -> Path:
    return write_pages(folder / "slide.tiff", halves(picture()))


def tiff_zstd(folder: Path) -> Path:
    return write_pages(folder / "slide.tif", halves(picture()), compression="zstd")


def tiff_png(folder: Path) -> Path:
    """A coding that OpenSlide does not read."""
    return write_pages(folder / "slide.tiff", halves(picture()), compression="png")


def tiff_grey(folder: Path) -> Path:
    return write_pages(folder / "slide.tiff", [level[..., 1] for level in halves(picture())], compression="deflate")


def tiff_gap(folder: Path) -> Path:
    """The first tile is left out, as makers do with blank glass: no bytes stored for it."""
    path = write_pages(folder / "slide.tiff", [picture()], compression="deflate")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.tags["TileByteCounts"]
        tag.overwrite((0, *tag.value[1:]))
    return path


def tiff_planar(folder: Path) -> Path:
    planes = [np.ascontiguousarray(level.transpose(2, 0, 1)) for level in halves(picture())]
    return write_pages(folder / "slide.tiff", planes, compression="lzw", planarconfig="separate")


def ome(folder: Path, mpp: float = MPP) -> Path:
    """OME-TIFF with its levels in SubIFDs."""
    path, levels = folder / "slide.ome.tif", halves(picture())
    metadata = {"axes": "YXS", "PhysicalSizeX": mpp * 1e3, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": mpp}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "jpeg", "subsampling": WHOLE_COLOUR}
        tiff.write(levels[0], subifds=len(levels) - 1, metadata=metadata, **options)
        for level in levels[1:]:
            tiff.write(level, subfiletype=1, **options)
    return path


def tiff_strips(folder: Path) -> Path:
    path = folder / "slide.tif"
    tifffile.imwrite(
        path, picture(), photometric="rgb", compression="lzw", metadata=None,
        resolution=(1e4 / MPP, 1e4 / MPP), resolutionunit="CENTIMETER",
    )  # fmt: skip
    return path


def jpeg(folder: Path) -> Path:
    Image.fromarray(picture()).save(folder / "slide.jpg", quality=95)
    return folder / "slide.jpg"


def png(folder: Path) -> Path:
    Image.fromarray(picture()).save(folder / "slide.png")
    return folder / "slide.png"


def png_grey(folder: Path) -> Path:
    Image.fromarray(picture()[..., 1]).save(folder / "slide.png")
    return folder / "slide.png"


def scn(folder: Path, left_px: int = 0) -> Path:
    """Leica: BigTIFF, the levels named in XML, sizes in nm. The scan fills half of the slide, from left_px on."""
    levels, nm = halves(picture()), round(MPP * 1000)
    dimensions = "".join(
        f'<dimension sizeX="{level.shape[1]}" sizeY="{level.shape[0]}" r="{number}" ifd="{number}"/>'
        for number, level in enumerate(levels)
    )
    view = f'sizeX="{WIDTH * nm}" sizeY="{HEIGHT * nm}"'
    description = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'
        f'<collection name="c" sizeX="{2 * WIDTH * nm}" sizeY="{HEIGHT * nm}"><image name="i"><device model="m"/>'
        f'<pixels sizeX="{WIDTH}" sizeY="{HEIGHT}">{dimensions}</pixels>'
        f'<view {view} offsetX="{left_px * nm}" offsetY="0"/><scanSettings><objectiveSettings><objective>40</objective>'
        "</objectiveSettings><illuminationSettings><illuminationSource>brightfield</illuminationSource>"
        "</illuminationSettings></scanSettings></image></collection></scn>"
    )
    return write_pages(folder / "slide.scn", levels, bigtiff=True, description=description)


def scn_that_aborts(folder: Path) -> Path:
    """Level 0 reads well; a tile of level 1 makes OpenSlide ask for 26 GB, which ends the process."""
    path = scn(folder)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[1].tags["TileLength"].overwrite(3 * 2**24 + TILE, dtype="I")
    return path


def ndpi(folder: Path, heights_nm: tuple[int, ...] = (0,)) -> Path:
    """Hamamatsu: one JPEG per level and file offsets of 8 bytes in a classic TIFF. Planes other than 0 are darker."""
    data, directories, position = bytearray(), [], 12
    for number, level in enumerate(halves(picture())):
        for height_nm in heights_nm:
            code = imagecodecs.jpeg8_encode(level if height_nm == 0 else level // 2, level=90)
            place, size = position + len(data), (level.shape[1], level.shape[0])
            directories.append((*size, place, len(code), 40.0 / 2**number, height_nm, 2**number))
            data += code + b"\0" * (len(code) % 2)
    out = bytearray(b"II*\0" + struct.pack("<Q", position + len(data)) + data)
    for number, directory in enumerate(directories):
        out += _ndpi_directory(*directory, start=len(out), last=number == len(directories) - 1)
    (folder / "slide.ndpi").write_bytes(out)
    return folder / "slide.ndpi"


def _ndpi_directory(
    w: int, h: int, offset: int, length: int, lens: float, height_nm: int, downsample: int, start: int, last: bool
) -> bytes:
    ascii_, short, long_, rational, signed, floating = 2, 3, 4, 5, 9, 11
    entries = [
        (254, long_, 0), (256, long_, w), (257, long_, h), (258, short, 8), (259, short, 7), (262, short, 6),
        (271, ascii_, None),
        (273, long_, offset), (277, short, 3), (278, long_, h), (279, long_, length), (282, rational, None),
        (283, rational, None), (296, short, 3), (65420, long_, 1), (65421, floating, lens),
        (65424, signed, height_nm & 0xFFFFFFFF),
    ]  # fmt: skip
    maker = b"Hamamatsu\0"
    behind = start + 2 + 12 * len(entries) + 8 + 4 * len(entries)
    body = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        if kind == floating:
            packed = struct.pack("<f", value)
        else:
            packed = struct.pack("<I", behind + 8 * (kind == ascii_) if value is None else value)
        body += struct.pack("<HHI", tag, kind, len(maker) if kind == ascii_ else 1) + packed
    body += struct.pack("<Q", 0 if last else behind + 8 + len(maker)) + b"\0" * (4 * len(entries))
    return body + struct.pack("<II", round(1e4 / (MPP * downsample)), 1) + maker


def spoil_first_tile(path: Path) -> Path:
    """Overwrite the code of level 0's first tile or strip behind its header, so that the slide still opens."""
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    data = bytearray(path.read_bytes())
    middle = offset + length // 2
    data[middle : middle + 400] = b"\xff\xc0" * 200
    path.write_bytes(data)
    return path


def dicom(folder: Path, levels: int = 2) -> Path:
    """A folder with one JPEG instance per level."""
    series, frame = generate_uid(), generate_uid()
    for number, level in enumerate(halves(picture(), levels)):
        data = _dicom_level(level, MPP * 2**number, series, frame, JPEGBaseline8Bit)
        data.save_as(folder / f"level{number}.dcm", enforce_file_format=True)
    return folder


def dicom_jpegls(folder: Path) -> Path:
    """A coding that OpenSlide does not read."""
    data = _dicom_level(picture(), MPP, generate_uid(), generate_uid(), JPEGLSLossless)
    data.save_as(folder / "slide.dcm", enforce_file_format=True)
    return folder / "slide.dcm"


def _dicom_level(pixels: np.ndarray, mpp: float, series: str, frame: str, syntax: str) -> FileDataset:
    """One VOLUME instance, TILED_FULL."""
    height, width = pixels.shape[:2]
    columns, rows = -(-width // TILE), -(-height // TILE)
    padded = np.pad(pixels, ((0, rows * TILE - height), (0, columns * TILE - width), (0, 0)), mode="edge")
    encode = imagecodecs.jpegls_encode if syntax == JPEGLSLossless else _jpeg
    tiles = [
        encode(np.ascontiguousarray(padded[y : y + TILE, x : x + TILE]))
        for y in range(0, rows * TILE, TILE)
        for x in range(0, columns * TILE, TILE)
    ]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": generate_uid(), "SeriesInstanceUID": series, "FrameOfReferenceUID": frame,
        "Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "PatientID": "", "PatientName": "", "InstanceNumber": 1,
        "Rows": TILE, "Columns": TILE, "SamplesPerPixel": 3, "PlanarConfiguration": 0,
        "PhotometricInterpretation": "RGB" if syntax == JPEGLSLossless else "YBR_FULL_422",
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
        "NumberOfFrames": len(tiles), "TotalPixelMatrixColumns": width, "TotalPixelMatrixRows": height,
        "TotalPixelMatrixFocalPlanes": 1, "NumberOfOpticalPaths": 1, "DimensionOrganizationType": "TILED_FULL",
        "ImagedVolumeWidth": width * mpp / 1e3, "ImagedVolumeHeight": height * mpp / 1e3, "ImagedVolumeDepth": 0.001,
        "BurnedInAnnotation": "NO", "FocusMethod": "AUTO", "ExtendedDepthOfField": "NO",
        "VolumetricProperties": "VOLUME",
        "SpecimenLabelInImage": "NO", "LossyImageCompression": "00", "ContainerIdentifier": "x",
        "ImageOrientationSlide": [0, -1, 0, -1, 0, 0],
    }  # fmt: skip
    for name, value in values.items():
        setattr(data, name, value)
    data.OpticalPathSequence = Sequence([_items(OpticalPathIdentifier="1", ObjectiveLensPower=40)])
    measures = _items(PixelSpacing=[mpp / 1e3, mpp / 1e3], SliceThickness=0.001)
    data.SharedFunctionalGroupsSequence = Sequence([_items(PixelMeasuresSequence=Sequence([measures]))])
    origin = _items(XOffsetInSlideCoordinateSystem=0, YOffsetInSlideCoordinateSystem=0)
    data.TotalPixelMatrixOriginSequence = Sequence([origin])
    data.PixelData = encapsulate(tiles)
    data["PixelData"].VR = "OB"
    return data


def _jpeg(tile: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(tile, level=95)


def _items(**values: object) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data
