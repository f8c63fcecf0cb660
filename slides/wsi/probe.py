"""Is this file a slide? Asked of a fresh child with limits of its own, which ends with the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from slides.wsi.errors import DecoderDied, SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.sandbox.decoder_child import as_paths, start_child


def probe(
    paths: Sequence[Path] | Path,
    suffix_hint: str | None = None,
    timeout_s: float = 20.0,
    memory_mb: int = 2048,
    scene: int = 0,
) -> SlideInfo:
    """Open, check and sample a slide; SlideRefused with a sentence for people.

    suffix_hint: the extension the file was handed in with, None where the stored name still has it. scene: number of
    the picture in a file with several. Where the child dies of the file that is a refusal too; CutShort where the
    machine ended it, which says nothing about the file.
    """
    files = as_paths(paths)
    child = start_child(memory_mb, cpu_s=math.ceil(timeout_s), readable=files)
    request = {"op": "check", "suffix": suffix_hint, "scene": scene, "timeout_s": timeout_s}
    try:
        header, _ = child.ask(files, request, timeout_s)
    except DecoderDied as death:
        raise SlideRefused(f"The file could not be checked safely ({death.cause}).", "limits") from death
    finally:
        child.kill()
    return SlideInfo.from_json(header["info"])
