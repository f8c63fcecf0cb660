"""Pictures, DICOM series and MIRAX sets with identifiers planted in them."""

import io
import shutil
import struct
import zlib
from pathlib import Path

import simplejpeg
from PIL import Image, ImageCms, PngImagePlugin
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from tests.wsi import makers, makers_parts
from tests.wsi.makers import picture

PLANTED = tuple(f"PLANTED-{number:02d}-Zq{number * 7919 % 9973:04d}" for number in range(30))
UNKNOWN_KEYS = tuple(f"CustomKey{number}" for number in range(10))
LAYER_KEYS = """
    SCANNER_HARDWARE_ID SCANNER_HARDWARE_VERSION SCANNER_SOFTWARE_VERSION SCANNER_CAMERA_TYPE SCANNING_TIME_IN_SEC
    SCANNED_FOV_COUNT FILTER_NAME EXPOSURE_TIME BARCODE_VALUE BARCODE_TYPE COMPRESSSED_STITCHING_TABLE_WIDTH
"""
TEXT_FIELDS = """
    PatientName PatientID OtherPatientNames AccessionNumber ReferringPhysicianName InstitutionName StationName
    OperatorsName DeviceSerialNumber SeriesDescription StudyDescription LabelText BarcodeValue
    ContainerIdentifier ImageComments ProtocolName ManufacturerModelName PatientComments Manufacturer
"""


def planted_in(paths: list[Path]) -> list[str]:
    """The planted identifiers that are in the bytes or the names of these files."""
    seen = b"".join(path.read_bytes() for path in paths)
    names = " ".join(str(path) for path in paths)
    return [
        value
        for value in PLANTED
        if value.encode() in seen or value.encode("utf-16-le") in seen or value.encode("utf-16-be") in seen
        or value in names
    ]  # fmt: skip


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _exif() -> bytes:
    exif = Image.Exif()
    names = (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x013C, 0x8298, 0x010D)
    for tag, value in zip(names, PLANTED[:8], strict=True):
        exif[tag] = value
    exif.get_ifd(0x8769)[0x9003] = PLANTED[8]
    exif.get_ifd(0x8769)[0xA431] = PLANTED[9]
    exif[0x9C9B] = PLANTED[10].encode("utf-16-le")
    exif[0x0112] = 6
    return exif.tobytes()


def _icc(description: str) -> bytes:
    """The sRGB profile with a description of its own."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace("sRGB".encode("utf-16-be"), description[:4].encode("utf-16-be")) + description.encode()


def jpeg(folder: Path, progressive: bool = False) -> Path:
    """A JPEG with all 30 identifiers in its name, its segments and behind its end."""
    coded = io.BytesIO()
    Image.fromarray(picture()).save(coded, "JPEG", quality=90, dpi=(50_800, 50_800), progressive=progressive)
    plain = coded.getvalue()
    first = 2 + 2 + int.from_bytes(plain[4:6])
    extra = _segment(0xE1, _exif())
    extra += _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + f"<x:xmpmeta>{PLANTED[11]}{PLANTED[12]}".encode())
    extra += _segment(0xED, b"Photoshop 3.0\x008BIM" + PLANTED[13].encode())
    extra += b"".join(_segment(0xFE, value.encode()) for value in PLANTED[14:24])
    extra += _segment(0xE2, b"ICC_PROFILE\0\1\1" + _icc(PLANTED[24]))
    extra += _segment(0xE2, b"MPF\0" + PLANTED[25].encode())
    extra += _segment(0xE0, b"JFXX\0\x10" + PLANTED[26].encode())
    path = folder / f"{PLANTED[29]}.jpg"
    before_scan = plain.rfind(b"\xff\xda")
    before_scan = plain.find(b"\xff\xda") if progressive else before_scan
    path.write_bytes(
        plain[:first] + extra + plain[first:before_scan] + _segment(0xFE, PLANTED[27].encode())
        + plain[before_scan:] + simplejpeg.encode_jpeg(picture(64, 64)) + PLANTED[28].encode()
    )  # fmt: skip
    return path


def png(folder: Path) -> Path:
    """A PNG with all 30 identifiers in its name, its chunks and behind its end."""
    about = PngImagePlugin.PngInfo()
    for number, value in enumerate(PLANTED[11:19]):
        about.add_text(f"Field{number}", value)
    about.add_text(PLANTED[19], "a keyword")
    for value in PLANTED[20:24]:
        about.add_text("Comment", value, zip=True)
    about.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{PLANTED[24]}")
    about.add_itxt("Title", PLANTED[25], zip=True)
    coded = io.BytesIO()
    Image.fromarray(picture()).save(
        coded, "PNG", pnginfo=about, exif=_exif(), dpi=(50_800, 50_800), icc_profile=_icc(PLANTED[26])
    )
    path = folder / f"{PLANTED[29]}.png"
    path.write_bytes(coded.getvalue() + PLANTED[27].encode() + PLANTED[28].encode())
    return path


def png_chunk(name: bytes, body: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(path: Path, chunk: bytes) -> Path:
    """The PNG with a chunk more behind its header."""
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk + data[33:])
    return path


def cut(path: Path, keep_bytes: int) -> Path:
    """The file with nothing but its beginning."""
    path.write_bytes(path.read_bytes()[:keep_bytes])
    return path


def fresh(folder: Path) -> Path:
    """An empty folder for a working copy."""
    place = folder / "copy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def dicom(folder: Path) -> list[Path]:
    """A series of two levels and a label with the 30 identifiers in names, fields, frames and behind the pixels."""
    makers.dicom(folder)
    paths = []
    for number, path in enumerate(sorted(folder.glob("*.dcm"))):
        data = dcmread(path)
        _plant(data)
        target = folder / f"{PLANTED[0]}-{number}.dcm"
        data.save_as(target, enforce_file_format=True)
        path.unlink()
        with target.open("ab") as file:
            file.write(PLANTED[1].encode())
        paths.append(target)
    return [*paths, _label(paths[0])]


def _plant(data: FileDataset) -> None:
    for name, value in zip(TEXT_FIELDS.split(), PLANTED[2:21], strict=True):
        setattr(data, name, value)
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenDetailedDescription = PLANTED[21:23]
    data.SpecimenDescriptionSequence = Sequence([specimen])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "111744", "DCM", PLANTED[23]
    optics = data.OpticalPathSequence[0]
    optics.IlluminationTypeCodeSequence = Sequence([code])
    optics.OpticalPathIdentifier, optics.OpticalPathDescription = "Z" + PLANTED[24][8:], PLANTED[24]
    optics.ICCProfile = _icc(PLANTED[25])
    data.private_block(0x3021, "GOOGLE", create=True).add_new(1, "LT", PLANTED[26])
    data.preamble = PLANTED[27].encode().ljust(128, b"\0")
    data.add_new(0xFFFCFFFC, "OB", PLANTED[28].encode())
    frames = [
        frame[:2] + _segment(0xFE, PLANTED[29].encode()) + frame[2:]
        for frame in generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames)
    ]
    data.PixelData = encapsulate(frames)


def _label(volume: Path) -> Path:
    """A label picture of the same series."""
    data = dcmread(volume)
    data.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path = volume.with_name("label.dcm")
    data.save_as(path, enforce_file_format=True)
    return path


def with_private_fields(path: Path, names: tuple[str, ...]) -> Path:
    """The instance with private fields of a maker that nobody knows."""
    data = dcmread(path)
    block = data.private_block(0x0099, "ACME PATH 9", create=True)
    for number, name in enumerate(names):
        block.add_new(number, "LO", name)
    data.save_as(path, enforce_file_format=True)
    return path


def mirax(folder: Path, compressed_positions: bool = False) -> list[Path]:
    """A MIRAX set with the 30 identifiers in its names, Slidedat.ini, label, overview and gaps; the .mrxs first."""
    name = PLANTED[0]
    keys = ["SLIDE_NAME", "PROJECT_NAME", "SLIDE_CREATIONDATETIME", "SLIDE_UTC_CREATIONDATETIME", "OBJECTIVE_NAME"]
    layer = "StitchingIntensityLayer" if compressed_positions else "VIMSLIDE_POSITION_BUFFER"
    section = "NONHIERLAYER_0_LEVEL_0_SECTION"
    about = {
        "GENERAL": dict(zip(keys, PLANTED[1:6], strict=True)),
        "HIERARCHICAL": {
            "NONHIER_COUNT": "2", "NONHIER_0_NAME": "Scan data layer", "NONHIER_0_COUNT": "3",
            "NONHIER_0_VAL_0": "ScanDataLayer_SlideBarcode", "NONHIER_0_VAL_0_SECTION": section,
            "NONHIER_0_VAL_1": "ScanDataLayer_SlideThumbnail", "NONHIER_0_VAL_1_SECTION": section,
            "NONHIER_0_VAL_2": PLANTED[6],
            "NONHIER_1_NAME": layer, "NONHIER_1_COUNT": "1", "NONHIER_1_VAL_0": "default",
        },
        section: {
            "BARCODE_IMAGE_TYPE": "JPEG", "THUMBNAIL_IMAGE_TYPE": "JPEG",
            "BARCODE_VALUE": PLANTED[7], "SCANNER_HARDWARE_ID": PLANTED[8],
        },
        "NONHIERLAYER_0_SECTION": dict(zip(LAYER_KEYS.split(), PLANTED[9:20], strict=True)),
    }  # fmt: skip
    path = makers_parts.mirax(folder, name, about)
    place = path.with_suffix("")
    pictures = [_labelled(value) for value in PLANTED[20:23]]
    spots = [(128 * (n % 4), 128 * (n // 4)) for n in range(12)]
    positions = b"".join(struct.pack("<bii", 0, x, y) for x, y in spots)
    _add_records(place, [*pictures, zlib.compress(positions) if compressed_positions else positions])
    path.write_bytes(_labelled(PLANTED[29]))
    return [path, *sorted(place.iterdir())]


def _labelled(text: str) -> bytes:
    plain = simplejpeg.encode_jpeg(picture(64, 64))
    return plain[:2] + _segment(0xFE, text.encode()) + plain[2:]


def _add_records(place: Path, records: list[bytes]) -> None:
    """Append records beside the zoom levels, with identifiers between and behind them."""
    data, index = bytearray((place / "Data0000.dat").read_bytes()), (place / "Index.dat").read_bytes()
    table, pages = len(index), b""
    pointers = []
    for record, gap in zip(records, PLANTED[23:27], strict=True):
        data += gap.encode()
        at = table + 4 * len(records) + len(pages)
        pointers.append(at)
        pages += struct.pack("<ii", 0, at + 8) + struct.pack("<iiiiiii", 1, 0, 0, 0, len(data), len(record), 0)
        data += record
    (place / "Data0000.dat").write_bytes(bytes(data) + PLANTED[27].encode())
    index += struct.pack(f"<{len(records)}i", *pointers) + pages + PLANTED[28].encode()
    (place / "Index.dat").write_bytes(index)
