"""The scanned part of a slide: QuPath crops to it and counts from its corner."""

import pytest

from slides.wsi.metadata import SlideInfo
from slides.wsi.reader import open_slide
from tests.wsi import makers, makers_parts


@pytest.mark.parametrize(
    ("make", "bounds"),
    [
        (lambda folder: makers_parts.mirax(folder, scanned_from=2), (256, 0, 256, 384)),
        (lambda folder: makers.scn(folder, left_px=300), (300, 0, 600, 400)),
        (makers.svs, ()),
        (makers.png, ()),
    ],
)
def test_the_bounds_that_a_file_names_are_told(tmp_path, make, bounds):
    with open_slide(make(tmp_path)) as reader:
        assert reader.info.bounds == bounds
        assert SlideInfo.from_json(reader.info.as_json()) == reader.info
