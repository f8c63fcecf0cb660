"""What stays of a DICOM instance: names of attributes, and for words the words they may hold.

Numbers are in `dicom_numbers`. All that is in neither goes. Attributes of the standard's dictionary go silently;
private ones of makers that nobody here knows, and tags that are in no dictionary, are named for a person to look at.
"""

from __future__ import annotations

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Kinds of values that are text.
TEXTS = _names("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT")
# Words, kept where each of them is one of these.
WORDS = {
    "ImageType": {"ORIGINAL", "DERIVED", "PRIMARY", "VOLUME", "THUMBNAIL", "NONE", "RESAMPLED"},
    "FrameType": {"ORIGINAL", "DERIVED", "PRIMARY", "VOLUME", "THUMBNAIL", "NONE", "RESAMPLED"},
    "Modality": {"SM"},
    "PhotometricInterpretation": {
        "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT", "MONOCHROME1",
        "MONOCHROME2",
    },
    "LossyImageCompression": {"00", "01"},
    "LossyImageCompressionMethod": {
        "ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15", "ISO_18181_1", "ISO_13818_2", "ISO_14496_10",
    },
    "DimensionOrganizationType": {"TILED_FULL", "TILED_SPARSE", "3D"},
    "PositionReferenceIndicator": {"SLIDE_CORNER"},
    "FocusMethod": {"AUTO", "MANUAL"},
    "ExtendedDepthOfField": {"YES", "NO"},
    "VolumetricProperties": {"VOLUME", "SAMPLED", "DISTORTED", "MIXED"},
    "PresentationLUTShape": {"IDENTITY", "INVERSE"},
    "RescaleType": {"US"},
    "ColorSpace": {"SRGB", "ADOBERGB", "ROMMRGB", "DISPLAYP3"},
}  # fmt: skip
# Identifiers, each replaced by a fresh one, the same for the same.
UIDS = _names("""
    SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID PyramidUID ConcatenationUID
    SOPInstanceUIDOfConcatenationSource DimensionOrganizationUID
    """)
# Sequences whose items are looked through by these same rules.
SEQUENCES = _names("""
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence FrameContentSequence
    PlanePositionSlideSequence WholeSlideMicroscopyImageFrameTypeSequence OpticalPathSequence
    OpticalPathIdentificationSequence TotalPixelMatrixOriginSequence DimensionOrganizationSequence
    DimensionIndexSequence
    """)
# Kinds of illumination: (scheme, code) → the standard's words for it, not the file's.
CODES = {
    ("DCM", "111741"): "Transmission illumination",
    ("DCM", "111742"): "Reflection illumination",
    ("DCM", "111743"): "Epifluorescence illumination",
    ("DCM", "111744"): "Brightfield illumination",
    ("SCT", "414298005"): "Full Spectrum",
    ("SRT", "R-102C0"): "Full Spectrum",
}
CODE_SEQUENCES = frozenset({"IlluminationTypeCodeSequence", "IlluminationColorCodeSequence"})
# Attributes that must be there, and are empty or say nothing.
NEUTRAL = {
    "PatientName": "", "PatientID": "", "PatientBirthDate": "", "PatientSex": "", "StudyDate": "", "StudyTime": "",
    "AccessionNumber": "", "ReferringPhysicianName": "", "StudyID": "", "ContainerIdentifier": "1",
    "BurnedInAnnotation": "NO", "SpecimenLabelInImage": "NO", "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "List of what is kept",
}  # fmt: skip
# Makers of private blocks that no dictionary lists and whose fields were looked at: they go silently.
PRIVATE_MAKERS = frozenset({"GOOGLE"})
# A scanner's model is kept where each of its words is one of these, or a short code as "S60" and "450".
MODEL_WORD = re.compile(
    r"Aperio|NanoZoomer|Pannoramic|PANNORAMIC|Scan|Flash|IntelliSite|Ultra|Fast|Scanner|iScan|Coreo|VENTANA|Axio|"
    r"Axioscan|TissueScope|EasyScan|Versa|Turbo|Infinity|Lite|MIDI|DESK|[A-Z]{1,3}|[A-Z]{0,3}[0-9]{1,4}[A-Z]{0,3}"
)
