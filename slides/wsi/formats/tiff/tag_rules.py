"""Which tags of a TIFF a working copy may have. What is in no list here is left out and told as unknown."""

from __future__ import annotations

import re

SUBFILE_TYPE, WIDTH, HEIGHT, COMPRESSION, DESCRIPTION = 254, 256, 257, 259, 270
MAKE, MODEL, STRIP_OFFSETS, STRIP_BYTES, SUB_IFDS = 271, 272, 273, 279, 330
TILE_OFFSETS, TILE_BYTES, JPEG_TABLES, ICC_PROFILE = 324, 325, 347, 34675
EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD = 34665, 34853, 40965
NDPI_LENS, NDPI_MCU_STARTS, NDPI_MCU_STARTS_HIGH, NDPI_PROPERTIES = 65421, 65426, 65432, 65449

BITS, PHOTOMETRIC, X_RESOLUTION, Y_RESOLUTION, X_POSITION, Y_POSITION = 258, 262, 282, 283, 286, 287
RESOLUTION_UNIT = 296
DARKEST, BRIGHTEST, YCBCR_PARTS, BLACK_WHITE = 280, 281, 529, 532

# Tags that say how pixels are stored: the largest number that each may have. Letters as numbers would be larger.
MOST_PIXELS, MOST_CODE, NO_END = 1 << 28, 0xFFFF, (1 << 32) - 1
MOST = {
    SUBFILE_TYPE: 1 << 17, 255: 3, WIDTH: MOST_PIXELS, HEIGHT: MOST_PIXELS, BITS: 64, COMPRESSION: MOST_CODE,
    PHOTOMETRIC: MOST_CODE, 263: 3, 266: 2, 274: 8, 277: MOST_CODE, 278: NO_END, DARKEST: MOST_CODE,
    BRIGHTEST: MOST_CODE, 284: 2, 292: 7, 293: 3, RESOLUTION_UNIT: 5, 317: MOST_CODE, 322: MOST_PIXELS,
    323: MOST_PIXELS, 338: 2, 339: 6, 530: 4, 531: 2, 32995: 2, 32996: MOST_CODE, 32997: MOST_CODE,
    32998: MOST_CODE, 50674: 8,
}  # fmt: skip
COUNTS = {BITS: 8, DARKEST: 8, BRIGHTEST: 8, 338: 8, 339: 8, 530: 2, 50674: 2}  # of the others there is one
SAME_FOR_ALL = {DARKEST, BRIGHTEST}
OTHER_NUMBERS = {X_RESOLUTION, Y_RESOLUTION, X_POSITION, Y_POSITION, YCBCR_PARTS, BLACK_WHITE}
YCBCR, OF_YCBCR = 6, {YCBCR_PARTS, BLACK_WHITE}  # a photometric interpretation, and what is for it alone
STRUCTURE = {*MOST, *OTHER_NUMBERS}
# Written from rules of their own.
REBUILT = {
    DESCRIPTION, MAKE, MODEL, STRIP_OFFSETS, STRIP_BYTES, SUB_IFDS, TILE_OFFSETS, TILE_BYTES, JPEG_TABLES, ICC_PROFILE,
}  # fmt: skip
NDPI_MOST = {65420: MOST_CODE, 65425: MOST_PIXELS}
NDPI_DISTANCES, MOST_NM = {65422, 65423, 65424}, 200_000_000  # from the slide's centre, and of the focus
NDPI_STRUCTURE = {*NDPI_MOST, *NDPI_DISTANCES, NDPI_LENS, NDPI_MCU_STARTS, NDPI_MCU_STARTS_HIGH}
MOST |= NDPI_MOST
# Known, and left out: they name people, places, programs and times, or hold things of no use here. Pictures with a
# map of colours are not read at all.
KNOWN = {
    269: "DocumentName", 285: "PageName", 288: "FreeOffsets", 289: "FreeByteCounts", 290: "GrayResponseUnit",
    291: "GrayResponseCurve", 297: "PageNumber", 305: "Software", 306: "DateTime", 315: "Artist", 316: "HostComputer",
    301: "TransferFunction", 318: "WhitePoint", 319: "PrimaryChromaticities", 320: "ColorMap", 321: "HalftoneHints",
    332: "InkSet", 333: "InkNames", 334: "NumberOfInks", 336: "DotRange", 337: "TargetPrinter",
    340: "SMinSampleValue", 341: "SMaxSampleValue", 343: "ClipPath", 700: "XMP",
    18246: "Rating", 18249: "RatingPercent", 32781: "ImageID", 32932: "WangAnnotation",
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
    65457: "ScanTime", 65458: "WriteTime", 65459: "AutoFocus", 65468: "Barcode",
    65477: "ColorCorrection", 65500: "Description",
}  # fmt: skip

MAX_UNKNOWN, MAX_NAME_CHARS = 50, 60
ODD_CHARACTERS = re.compile(r"[^A-Za-z0-9 ._:-]+")


def structure(ndpi: bool) -> set[int]:
    """Tags that are kept where their numbers are plausible, see `tag_numbers`."""
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
