"""Which tags of a TIFF a working copy may have. What is in no list here is left out and told as unknown."""

from __future__ import annotations

import re

SUBFILE_TYPE, WIDTH, HEIGHT, COMPRESSION, DESCRIPTION = 254, 256, 257, 259, 270
MAKE, MODEL, STRIP_OFFSETS, STRIP_BYTES, SUB_IFDS = 271, 272, 273, 279, 330
TILE_OFFSETS, TILE_BYTES, JPEG_TABLES, ICC_PROFILE = 324, 325, 347, 34675
EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD = 34665, 34853, 40965
NDPI_LENS, NDPI_MCU_STARTS, NDPI_MCU_STARTS_HIGH, NDPI_PROPERTIES = 65421, 65426, 65432, 65449

FEW, MANY = 8, 1 << 24
# Tags that say how pixels are stored, and how many numbers each may have. Numbers alone are kept, never text.
STRUCTURE = {
    SUBFILE_TYPE: 1, 255: 1, WIDTH: 1, HEIGHT: 1, 258: FEW, COMPRESSION: 1, 262: 1, 263: 1, 266: 1, 274: 1, 277: 1,
    278: 1, 280: FEW, 281: FEW, 282: 1, 283: 1, 284: 1, 286: 1, 287: 1, 292: 1, 293: 1, 296: 1, 301: 3 << 16, 317: 1,
    318: 2, 319: 6, 320: 3 << 16, 322: 1, 323: 1, 338: FEW, 339: FEW, 340: FEW, 341: FEW, 529: 3, 530: 2, 531: 1,
    532: 6, 32995: 1, 32996: 1, 32997: 1, 32998: 1, 50674: FEW, 50675: FEW,
}  # fmt: skip
# Written from rules of their own.
REBUILT = {
    DESCRIPTION, MAKE, MODEL, STRIP_OFFSETS, STRIP_BYTES, SUB_IFDS, TILE_OFFSETS, TILE_BYTES, JPEG_TABLES, ICC_PROFILE,
}  # fmt: skip
NDPI_STRUCTURE = {
    65420: 1, NDPI_LENS: 1, 65422: 1, 65423: 1, 65424: 1, 65425: 1, NDPI_MCU_STARTS: MANY, NDPI_MCU_STARTS_HIGH: MANY,
}  # fmt: skip
# Known, and left out: they name people, places, programs and times, or hold things of no use here.
KNOWN = {
    269: "DocumentName", 285: "PageName", 288: "FreeOffsets", 289: "FreeByteCounts", 290: "GrayResponseUnit",
    291: "GrayResponseCurve", 297: "PageNumber", 305: "Software", 306: "DateTime", 315: "Artist", 316: "HostComputer",
    321: "HalftoneHints", 332: "InkSet", 333: "InkNames", 334: "NumberOfInks", 336: "DotRange", 337: "TargetPrinter",
    343: "ClipPath", 700: "XMP", 18246: "Rating", 18249: "RatingPercent", 32781: "ImageID", 32932: "WangAnnotation",
    33432: "Copyright", 33445: "MDFileTag", 33446: "MDScalePixel", 33447: "MDColorTable", 33448: "MDLabName",
    33449: "MDSampleInfo", 33450: "MDPrepDate", 33451: "MDPrepTime", 33452: "MDFileUnits", 33550: "ModelPixelScale",
    33723: "IPTC", 33922: "ModelTiepoint", 34118: "SEM", 34361: "MMHeader", 34377: "Photoshop",
    EXIF_IFD: "EXIF", 34735: "GeoKeys", 34736: "GeoDoubles", 34737: "GeoText", GPS_IFD: "GPS",
    36867: "DateTimeOriginal", 36868: "DateTimeDigitized", 37500: "MakerNote", 37510: "UserComment",
    37724: "ImageSourceData", 40091: "XPTitle",
    40092: "XPComment", 40093: "XPAuthor", 40094: "XPKeywords", 40095: "XPSubject",
    INTEROPERABILITY_IFD: "Interoperability", 42016: "ImageUniqueID", 42032: "CameraOwnerName",
    42033: "BodySerialNumber", 42112: "GDALMetadata",
    42113: "GDALNoData", 50341: "PrintImageMatching", 50838: "ImageJMetadataBytes", 50839: "ImageJMetadata",
    55000: "AperioBarcode", 55001: "AperioCalibration", 65105: "HuronData",
}  # fmt: skip
NDPI_KNOWN = {
    65427: "Reference", 65428: "AuthCode", 65430: "McuStarts", 65433: "ExposureTimes", 65434: "FocusPoints",
    65435: "FocusPoints", 65436: "FocusPoints", 65437: "FocusPoints", 65438: "FocusPoints", 65439: "FocusPoints",
    65440: "FocusPoints", 65441: "CaptureMode", 65442: "ScannerSerialNumber", 65443: "JPEGQuality",
    65444: "RefocusInterval", 65445: "FocusOffset", 65446: "BlankLines", 65447: "FirmwareVersion",
    65448: "CalibrationInfo", NDPI_PROPERTIES: "PropertyMap", 65450: "LabelObscured", 65451: "EmissionWavelength",
    65452: "SlideCenter", 65453: "SlideCenter", 65454: "LampAge", 65455: "ExposureTime", 65456: "FocusTime",
    65457: "ScanTime", 65458: "WriteTime", 65459: "AutoFocus", 65477: "ColorCorrection", 65500: "Description",
}  # fmt: skip

MAX_UNKNOWN, MAX_NAME_CHARS = 50, 60
ODD_CHARACTERS = re.compile(r"[^A-Za-z0-9 ._:-]+")


def structure(ndpi: bool) -> dict[int, int]:
    """Tags that are kept, with how many numbers each may have."""
    return STRUCTURE | NDPI_STRUCTURE if ndpi else STRUCTURE


def is_known(tag: int, ndpi: bool) -> bool:
    """Whether a rule leaves this tag out."""
    return tag in KNOWN or (ndpi and tag in NDPI_KNOWN)


def tag_name(tag: int) -> str:
    """What a tag that no rule knows is called."""
    return f"TIFF tag {tag}"


def clean_names(names: set[str]) -> tuple[str, ...]:
    """Names of keys in a form that can be shown: at most MAX_UNKNOWN of at most MAX_NAME_CHARS plain characters."""
    plain = {ODD_CHARACTERS.sub("_", name.strip())[:MAX_NAME_CHARS] or "_" for name in names}
    return tuple(sorted(plain)[:MAX_UNKNOWN])
