"""What tus 1.0.0 says in headers, read strictly. https://tus.io/protocols/resumable-upload

Extensions: creation, checksum (sha1, which tus asks of every server, and sha256), termination, expiration. Beyond tus:
the last PATCH may bring `Upload-Sha256`, the hex sha256 of the whole file, which a browser only knows when it has read
all of it.
"""

import base64
import binascii
import re
import uuid

from mitoweb.lib.errors import Refused
from slides.services.part_file import Checksum
from slides.services.uploads import UploadRequest

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,termination,expiration"
PIECE = "application/offset+octet-stream"
CHECKSUMS = {"sha1": 20, "sha256": 32}  # name → bytes
LARGEST = 2**63 - 1
SHA256_HEX = re.compile(r"[0-9a-f]{64}")
WHOLE_HASH = "Upload-Sha256"


def refuse_other_version(headers) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise Refused(f"This server speaks tus {VERSION}; say so in Tus-Resumable.", "tus_version")


def read_whole_number(headers, name: str) -> int:
    text = headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > LARGEST:
        raise Refused(f"{name} must be a whole number of bytes.", "header")
    return int(text)


def read_body_length(headers) -> int:
    """How many bytes the request brings. In chunks, a cut connection and the end of the piece would look the same."""
    if "Transfer-Encoding" in headers:
        raise Refused("A piece comes with its Content-Length.", "length.unknown")
    return read_whole_number(headers, "Content-Length") if headers.get("Content-Length") else 0


def refuse_other_content(headers) -> None:
    if headers.get("Content-Type", "").split(";")[0].strip().lower() != PIECE:
        raise Refused(f"The content type of a piece is {PIECE}.", "content_type")
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":  # it would be kept as it came
        raise Refused("Pieces are sent as they are, without a Content-Encoding.", "content_type")


def read_checksum(headers) -> Checksum | None:
    """The hash that the piece should have; None when none is sent."""
    text = headers.get("Upload-Checksum", "")
    if not text:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in CHECKSUMS:
        raise Refused(f"Checksums are {' or '.join(CHECKSUMS)}.", "checksum")
    digest = _decode_base64(encoded)
    if len(digest) != CHECKSUMS[algorithm]:
        raise Refused(f"The checksum is not a {algorithm}.", "checksum")
    return Checksum(algorithm, digest)


def read_whole_hash(headers) -> str:
    return _check_sha256(headers.get(WHOLE_HASH, ""))


def read_metadata(headers) -> dict[str, str]:
    """Upload-Metadata: pairs of a key and its value in base64, separated by commas."""
    found = {}
    for pair in filter(None, headers.get("Upload-Metadata", "").split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = _decode_base64(value).decode()
        except UnicodeDecodeError:
            raise Refused("Upload-Metadata is UTF-8 in base64.", "metadata") from None
    return found


def read_upload_request(headers) -> tuple[uuid.UUID, UploadRequest]:
    """The case that a creation names, and what it says of the file."""
    if headers.get("Upload-Defer-Length") is not None:
        raise Refused("The length must be known from the start.", "length")
    pairs = read_metadata(headers)
    if not pairs.get("filename"):
        raise Refused("Upload-Metadata must name the file (filename).", "metadata")
    file = UploadRequest(
        name=pairs["filename"],
        length=read_whole_number(headers, "Upload-Length"),
        label=pairs.get("label", ""),
        sha256=_check_sha256(pairs.get("sha256", "")),
        bundle=_parse_uuid(pairs["bundle"]) if pairs.get("bundle") else None,
        bundle_files=_parse_file_count(pairs.get("bundle_files", "1")),
        path=pairs.get("path", ""),
    )
    return _parse_uuid(pairs.get("case", "")), file


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("The header is not base64.", "header") from None


def _check_sha256(text: str) -> str:
    if text and not SHA256_HEX.fullmatch(text):
        raise Refused("A hash is a sha256 in 64 hexadecimal digits.", "checksum")
    return text


def _parse_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Refused("Upload-Metadata must name the case (case) by its id.", "metadata") from None


def _parse_file_count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise Refused("bundle_files is a number of files.", "metadata")
    return int(text)
