"""Messages between the pool and its decoder children: a JSON header and bytes, each with its length before it."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any

LENGTHS = struct.Struct(">II")
MAX_HEADER = 256 * 1024
MAX_BODY = 64 * 2**20


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One message."""
    text = json.dumps(header).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def unpack(read: Callable[[int], bytes]) -> tuple[dict[str, Any], bytes]:
    """The next message; `read(n)` gives exactly n bytes or raises EOFError. ValueError for one out of bounds."""
    header_length, body_length = LENGTHS.unpack(read(LENGTHS.size))
    if header_length > MAX_HEADER or body_length > MAX_BODY:
        raise ValueError("The message is too long")
    try:
        header = json.loads(read(header_length))
    except RecursionError:
        raise ValueError("The message is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("The message is no object")
    return header, read(body_length)


def write_all(descriptor: int, data: bytes) -> None:
    """Blocking write of everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
