"""Look at a slide hard enough to say whether it can be taken: every part is inside the file, and samples decode."""

from __future__ import annotations

from pathlib import Path

from slides.wsi.formats.registry import content_of
from slides.wsi.metadata import SlideInfo, overview_is_quick
from slides.wsi.reader import open_slide

SAMPLE_PX = 256
OVERVIEW_PX = 512


def check_slide(paths: list[Path], suffix: str | None, scene: int = 0) -> SlideInfo:
    """What the slide is, or SlideRefused. A slide that passes may still hold a damaged tile between the samples."""
    if len(paths) == 1 and paths[0].is_file():
        content = content_of(paths[0])
        content.refuse_tangled(paths[0])
        content.refuse_missing_parts(paths[0])
    with open_slide(paths, suffix, scene) as reader:
        for level in reader.info.levels:
            # The four corners and the middle of each stored level.
            right, bottom = max(0, level.width - SAMPLE_PX), max(0, level.height - SAMPLE_PX)
            for x, y in {(0, 0), (right, 0), (0, bottom), (right, bottom), (right // 2, bottom // 2)}:
                reader.read(x * level.downsample, y * level.downsample, SAMPLE_PX, SAMPLE_PX, level.downsample)
        if overview_is_quick(reader.info):
            reader.thumbnail(OVERVIEW_PX)
        return reader.info
