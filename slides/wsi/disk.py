"""Having things on the disk before somebody relies on them."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a file that no other account may read: what is made of a slide is as private as the slide."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def fsync(path: Path) -> None:
    """Have a file's bytes, or a folder's list of names, on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
