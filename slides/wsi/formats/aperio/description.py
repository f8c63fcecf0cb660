"""What an Aperio description may say in a working copy: sizes, coding and numbers of the optics; no names or dates."""

from __future__ import annotations

import re

from slides.wsi.formats.tiff.words import Words

# The words of the lines before the first "|"; all else in them goes.
TECHNICAL = re.compile(
    r"Aperio Image Library v\d+(?:\.\d+)*|Aperio Leica Biosystems GT450(?: DX)? v\d+(?:\.\d+)*|Aperio Leica Biosystems"
    r"|\d+x\d+|\[\d+,\d+ \d+x\d+\]|\(\d+x\d+\)|->|-(?=[\s;|]|$)"
    r"|JPEG/(?:RGB|YCC|YCBCR)|J2K/(?:KDU|YUV16|RGB|YCC|OJP)|JP2K|JPEG|J2K|LZW|none|RGB"
    r"|Q=\d{1,3}|;|\s+",
    re.IGNORECASE,
)
# Some programs write a comma, and "40x" for a magnification.
NUMBER = re.compile(r"\s*([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*[xX]?\s*")
MAX_NUMBER_CHARS = 24
NUMERIC = {
    "appmag", "mpp", "left", "top", "stripewidth", "linecameraskew", "lineareaxoffset", "lineareayoffset",
    "focus offset", "originalwidth", "originalheight", "filtered", "offsetx", "offsety", "gamma", "exposure time",
    "exposure scale", "displaycolor", "totaldepth", "zoffset", "shearx", "sheary", "trapx", "trapy", "imagequality",
}  # fmt: skip
KNOWN = {
    "accession", "accessionnumber", "accession number", "barcode", "barcode id", "block", "body site", "bodysite",
    "case", "case id", "caseid", "clinician", "comment", "comments", "customer", "date", "date of birth", "dob",
    "description", "diagnosis", "dsr id", "dsrid", "externalid", "file", "filename", "first name", "gender", "hospital",
    "icc profile", "id", "image id", "imageid", "institution", "label", "last name", "macro", "medical record", "mrn",
    "name", "operator", "parmset", "pathologist", "patient", "patient id", "patientid", "procedure", "rack",
    "research id", "scan date", "scan time", "scannertype", "scanner id", "scanner type", "scanscope id",
    "serial number", "sessonmode", "sessionmode", "sex", "site", "slide", "slide id", "slideid", "specimen", "stain",
    "tenant", "time", "time zone", "title", "tissue type", "user", "username", "web host",
}  # fmt: skip
# "46920x33014 [0,100 46000x32914] (256x256) -> 11500x8228": what was scanned, cut out of it, and made smaller of that.
SCALED = re.compile(r"(\d+)x(\d+)(?:\s*\[\d+,\d+ (\d+)x(\d+)\])?(?:\s*\(\d+x\d+\))?\s*->\s*(\d+)x(\d+)")
SAME_SIZE = 1.1  # edges cut off are no scaling
OWN_WORDS = ("Aperio Image Library v", "Aperio Leica Biosystems GT450 DX v", "JPEG/RGB", "J2K/KDU")  # in many copies
KNOWN_START = ("customfield.", "calibration ")
MAX_CHARS = 1_000_000


def is_aperio(description: str) -> bool:
    """Whether this is the description of an Aperio picture."""
    return description.startswith("Aperio")


def picture_kind(description: str) -> str:
    """ "label", "macro" or "": the second line's first word names a picture that is not the scan."""
    lines = description.splitlines()
    second = lines[1].strip().lower() if len(lines) > 1 else ""
    return next((kind for kind in ("label", "macro") if second.startswith(kind)), "")


def is_scaled(description: str) -> bool:
    """Whether the picture was made smaller than what was scanned; its MPP is the scan's then, not its own."""
    found = SCALED.search(description.partition("|")[0])
    if not found:
        return False
    width, height, cut_width, cut_height, made_width, made_height = (int(part or 0) for part in found.groups())
    return (cut_width or width) > SAME_SIZE * made_width or (cut_height or height) > SAME_SIZE * made_height


def told_number(description: str, name: str) -> float | None:
    """The number of a field such as "mpp", in µm, or "appmag"; None where the description says none."""
    for field in description[:MAX_CHARS].split("|")[1:]:
        key, _, value = field.partition("=")
        if key.strip().lower() == name and (found := NUMBER.fullmatch(value)):
            return float(_plain(found))
    return None


def _plain(number: re.Match[str]) -> str:
    """A number of a description as others read it."""
    return number.group(1).replace(",", ".")


def rewritten(description: str) -> Words:
    """The technical lines and the allowed numbers of a description."""
    words = Words()
    head, *fields = description[:MAX_CHARS].split("|")
    parts = [_technical(head, words)]
    for field in fields:
        key, equals, value = field.partition("=")
        name = " ".join(key.lower().split())
        number = NUMBER.fullmatch(value) if equals and name in NUMERIC and len(value) <= MAX_NUMBER_CHARS else None
        if number:
            parts.append(f"{key.strip()} = {_plain(number)}")
        elif name in NUMERIC or name in KNOWN or name.startswith(KNOWN_START):
            words.drop(value)
        elif field.strip():
            words.drop(field if not equals else value, key if equals else "a field without a name")
    words.text = "|".join(parts)
    return words


def _technical(head: str, words: Words) -> str:
    """The lines before the first field, less what is not technical; that is told as an unknown key."""
    kept, odd, at = [], [], 0
    while at < len(head):
        found = TECHNICAL.match(head, at)
        if found:
            kept.append(found.group())
            at = found.end()
            continue
        end = next((n for n in range(at, len(head)) if head[n] in " \t\r\n;"), len(head))
        odd.append(head[at : max(end, at + 1)])
        at = max(end, at + 1)
    for text in odd:
        words.drop(text, "words in the first lines")
    return "".join(kept)
