"""Having things on the disk before somebody relies on them."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Have a file's bytes, or a folder's list of names, on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
