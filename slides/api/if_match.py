"""If-Match: which version of a row a caller read before changing it, so that nobody overwrites what they never saw."""

import re

from drf_spectacular.utils import OpenApiParameter

from mitoweb.lib.errors import Refused

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The version read; without it the answer is 428.",
)
MAY_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The version read; where it is not the present one, 412."
)


def read_version(headers, what: str) -> int:
    """What If-Match names; `what` says whose version that is. Refused (428) without it."""
    version = find_version(headers)
    if version is None:
        raise Refused(f"Say in If-Match which {what} you read.", "no_if_match")
    return version


def find_version(headers) -> int | None:
    """None without the header; -1, which no row is at, for what is no version."""
    text = headers.get("If-Match")
    if text is None:
        return None
    match = re.fullmatch(r'"?(\d{1,9})"?', text)
    return int(match[1]) if match else -1
