"""Keys that scanners write into Slidedat.ini. Those that do not show the slide go silently; all others are named.

Gathered from OpenSlide's and Bio-Formats' readers of the format and from keys that they have passed on.
"""

from __future__ import annotations

import re


def _one_of(text: str) -> re.Pattern[str]:
    return re.compile("|".join(text.split()))


GENERAL = _one_of(r"""
    SLIDE_(VERSION|ID|NAME|TYPE|CONTENT|QUALITY|BITDEPTH|BARCODE|LABEL|DESCRIPTION|COMMENT|CREATOR|ORIGINAL_SOURCE)
    SLIDE_(UTC_)?CREATIONDATETIME SLIDE_CREATION_FINISHED SLIDE_POSITION_[XY] SLIDE_IS_DOUBLE_WIDE
    CURRENT_SLIDE_VERSION PROJECT_NAME PROFILENAME ProfileName SCANNER_HARDWARE_ID
    IMAGENUMBER_[XY] IMAGE_OVERLAP_MICROMETERS?_[XY] CameraImageDivisionsPerSide ViewerColorContrast
    OBJECTIVE_(NAME|MAGNIFICATION) OPTOVAR_SIZE ADAPTER_SIZE OUTPUT_RESOLUTION CAMERA_TYPE
    VIMSLIDE_CAMERA_REAL_BITDEPTH VIMSLIDE_SLIDE_BITDEPTH SCANNING_ALGORITH?M
    INDIVIDUALLY_EXP_TIMES MAXIMUM_EXPOSURE_TIME COMPRESSION COMPRESSION_FACTOR
    PATIENT_(ID|NAME) CASE_(ID|NUMBER) ACCESSION_NUMBER PHYSICIAN_NAME OPERATOR
""")
HIERARCHY = _one_of(r"""
    INDEXFILE (NON)?HIER_COUNT (NON)?HIER_[0-9]{1,4}_(NAME|SECTION|COUNT)
    (NON)?HIER_[0-9]{1,4}_VAL_[0-9]{1,4}(_SECTION|_IMAGENUMBER_[XY])?
""")
DATA_FILES = _one_of(r"FILE_COUNT FILE_[0-9]{1,5}")
# Sections of a layer, such as the zoom levels, filters and focus planes, and of what lies beside them.
LAYER_SECTION = re.compile(r"(NONHIER)?LAYER_[0-9]{1,4}(_LEVEL_[0-9]{1,4})?(_SECTION)?")
LAYER = _one_of(r"""
    OVERLAP_[XY] MICROMETER_PER_PIXEL_[XY] DIGITIZER_(WIDTH|HEIGHT)
    IMAGE_(FORMAT|CONCAT_FACTOR|FILL_COLOR_BGR|COMPRESSION_FACTOR)
    FILTER_NAME FILTER_SET_NAME COLOR_[RGB] EXPOSURE_TIME DIGITALGAIN STORING_CHANNEL_NUMBER
    DATA_IN_THIS_FILTER_LEVEL IS_(MASTER|STITCHING)_FILTER (EXCITATION|EMISSION)_WAVELENGTH
    ZSTACK_STEP_COUNT OFFSET_IN_MICROMETERS
    SCANNER_(HARDWARE_ID|HARDWARE_VERSION|SOFTWARE_VERSION|CAMERA_TYPE) SCANNING_TIME_IN_SEC SCANNED_FOV_COUNT
    VIMSLIDE_POSITION_DATA_FORMAT_VERSION VIMSLIDE_HISTOGRAM_DATA_VERSION
    (BARCODE|THUMBNAIL|PREVIEW)_IMAGE_(TYPE|WIDTH|HEIGHT|COMPRESSION_FACTOR) BARCODE_(VALUE|TYPE)
    COMPRESSS?ED_STITCHING_TABLE_(WIDTH|HEIGHT) COMPRESSS?ED_STITCHING_ORIG_CAMERA_TILE_(WIDTH|HEIGHT|OVERLAP_[XY])
    COMPRESSS?ED_STITCHING_ORIG_SLIDE_SCANNED_AREA_IN_PIXELS__(LEFT|TOP|RIGHT|BOTTOM)
""")  # the three S are the scanners' own
SECTIONS = {"GENERAL": GENERAL, "HIERARCHICAL": HIERARCHY, "DATAFILE": DATA_FILES}
PRINTABLE = re.compile(r"[A-Za-z0-9_.\- ]{1,60}")


def unknown_keys(sections: dict[str, dict[str, str]]) -> list[str]:
    """Names of the keys that are in no list, never their values."""
    names = []
    for section, keys in sections.items():
        known = LAYER if LAYER_SECTION.fullmatch(section) else SECTIONS.get(section)
        unknown = [key for key in keys if known is None or not known.fullmatch(key)]
        names += [f"Slidedat.ini {_printable(section)} {_printable(key)}" for key in unknown]
    return names


def _printable(name: str) -> str:
    return name if PRINTABLE.fullmatch(name) else "(not printable)"
