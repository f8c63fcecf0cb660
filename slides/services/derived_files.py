"""What is made beside a slide's file while it is checked: the levels it lacks, the index of its tiles, its overview.

All of it can be made again from the file, so a crash loses nothing; each file is there whole or not at all.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from slides import files
from slides.models import Slide
from slides.wsi import native
from slides.wsi.errors import DecoderDied, SlideRefused
from slides.wsi.pool import DecoderPool
from slides.wsi.pyramid import make_levels

THUMBNAIL_PX = 640
SILENT_FOR_S = 300  # a band of rows of the widest slides from a slow disk


def write_levels(slide: Slide, paths: list[Path], progress: Callable[[int, int], None]) -> Path | None:
    """The file of the levels that the slide lacks, made now; None where it lacks none."""
    target = files.levels_path(slide)
    made = make_levels(paths, target, SILENT_FOR_S, settings.DECODER_MEMORY_MB, slide.scene, progress)
    return target if made else None


def write_index(slide: Slide, paths: list[Path], made: Path | None) -> None:
    """Where the tiles lie that can be sent as they are stored."""
    native.write_index(paths, files.native_path(slide), made, slide.scene, settings.DECODER_MEMORY_MB)


def write_overview(slide: Slide, paths: list[Path], made: Path | None) -> None:
    """The whole slide in one small picture."""
    see = [*paths, made] if made else paths
    with DecoderPool(1, settings.DECODER_MEMORY_MB, settings.DECODER_TIMEOUT_S, readable=see) as pool:
        try:
            picture = pool.thumbnail(paths, THUMBNAIL_PX, levels=made, scene=slide.scene)
        except DecoderDied as death:
            raise SlideRefused(f"The file cannot be read safely ({death.cause}).", "limits") from death
    files.write_for_good(files.thumbnail_path(slide), picture)


def write_index_and_overview(slide: Slide, paths: list[Path], made: Path | None) -> None:
    """Both only read what is there by now, so each has a child of its own at the same time."""
    with ThreadPoolExecutor(1) as beside:
        indexed = beside.submit(write_index, slide, paths, made)
        write_overview(slide, paths, made)
        indexed.result()


def remove_levels_and_index(slide: Slide) -> None:
    """Remove levels and index, of which one could not be made."""
    for path in (files.levels_path(slide), files.native_path(slide)):
        path.unlink(missing_ok=True)
