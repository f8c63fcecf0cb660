"""Make and verify the working copy of one slide. Run in a limited child, see `slides.wsi.deid.run`.

python -m slides.wsi.deid.child PARENT_PID MEMORY_MB CPU_S WRITE_BYTES FOLDER PATH...
"""

from __future__ import annotations

import dataclasses
import errno
import json
import sys
from pathlib import Path

from slides.wsi import formats, limits
from slides.wsi.deid import dicom, pictures
from slides.wsi.deid.api import Deidentified
from slides.wsi.errors import SlideRefused

REWRITES = {"jpeg": pictures.rewrite, "png": pictures.rewrite, "dicom": dicom.rewrite}
NONE = Deidentified(files=(), method="none", removed=(), unknown=(), verified=False)
FULL = (errno.ENOSPC, errno.EDQUOT)


def rewrite(paths: list[Path], folder: Path) -> Deidentified:
    """The working copy in `folder` by the rules of the format; nothing and "none" where it has none."""
    if any(formats.suffix_of(path) == ".mrxs" for path in paths):
        return NONE
    make = REWRITES.get(formats.sniff(paths[0]))
    return NONE if make is None else make(paths, folder)


def main() -> int:
    """Answer with one line of JSON: the copy, a refusal, or that the disk is full."""
    parent_pid, memory_mb, cpu_s, write_bytes = map(int, sys.argv[1:5])
    folder, *paths = map(Path, sys.argv[5:])
    limits.limit_self(parent_pid, memory_mb, cpu_s, write_bytes=write_bytes)
    try:
        said = {"made": dataclasses.asdict(rewrite(paths, folder))}
    except SlideRefused as refusal:
        said = {"refused": [refusal.reason, refusal.kind]}
    except OSError as error:
        if error.errno not in FULL:
            raise
        said = {"full": True}
    sys.stdout.write(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
