"""Make one working copy. Run in a limited child, see `slides.wsi.working_copy.api`.

python -m slides.wsi.working_copy.child PARENT_PID MEMORY_MB CPU_S FOLDER PATH...

Says one line of JSON: {"made": …}, {"refused": [reason, kind]} or {"full": true}.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from slides.wsi.formats.registry import recognise
from slides.wsi.sandbox import limits
from slides.wsi.sandbox.one_task import begin, outcome
from slides.wsi.working_copy.api import NO_COPY, PIXELS, VALUES, Deidentified
from slides.wsi.working_copy.verify import same_pixels

SPARE_BYTES = 64 * 2**20


def make_copy(paths: list[Path], folder: Path) -> Deidentified:
    """The working copy of a slide in `folder`, by the way of its format, compared with the slide. SlideRefused where a
    file is damaged.
    """
    found = recognise(paths)
    draft = found.format.rewrite(found.files, folder)
    if draft is None:
        return NO_COPY
    is_same = same_pixels(draft.originals, draft.copies, seed=0)
    verified = is_same and draft.is_clean
    return Deidentified(
        files=tuple(path.relative_to(folder).as_posix() for path in draft.copies),
        method=draft.method,
        removed=draft.removed,
        unknown=draft.unknown if verified else tuple(sorted({*draft.unknown, *draft.unknown_if_differs})),
        verified=verified,
        failed="" if verified else VALUES if is_same else PIXELS,
    )


def main() -> None:
    """Bound this process, then work."""
    parent, memory_mb, cpu_s, folder, *paths = sys.argv[1:]
    files = [Path(path) for path in paths]
    limits.leave_network()
    held = [file for path in files for file in ([path] if path.is_file() else path.rglob("*"))]
    slide_bytes = sum(file.stat().st_size for file in held if file.is_file())
    limits.limit_self(int(parent), int(memory_mb), int(cpu_s), slide_bytes + SPARE_BYTES)
    begin()
    said = outcome(lambda: {"made": dataclasses.asdict(make_copy(files, Path(folder)))})
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
