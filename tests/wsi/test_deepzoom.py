from xml.etree import ElementTree

import openslide
import pytest
from openslide.deepzoom import DeepZoomGenerator
from PIL import Image

from slides.wsi.deepzoom import DeepZoom

SIZES = [(1, 1), (254, 254), (255, 3), (600, 400), (2220, 2967), (4097, 4096)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("tile_size", "overlap"), [(254, 1), (256, 0), (240, 2)])
def test_geometry_is_that_of_openslide(size, tile_size, overlap):
    theirs = DeepZoomGenerator(openslide.ImageSlide(Image.new("1", size)), tile_size, overlap)
    ours = DeepZoom(*size, tile_size=tile_size, overlap=overlap)
    assert ours.levels == theirs.level_dimensions
    for level in range(theirs.level_count):
        assert ours.tiles(level) == theirs.level_tiles[level]
        columns, rows = ours.tiles(level)
        for column, row in {(0, 0), (columns // 2, rows // 2), (columns - 1, rows - 1)}:
            box = ours.tile_box(level, column, row)
            corner, _, _ = theirs.get_tile_coordinates(level, (column, row))
            assert (box.x_l0, box.y_l0) == corner
            assert (box.width, box.height) == theirs.get_tile_dimensions(level, (column, row))


def test_tiles_cover_each_level_exactly():
    zoom = DeepZoom(1000, 700, tile_size=100, overlap=0)
    for level, (width, height) in enumerate(zoom.levels):
        columns, rows = zoom.tiles(level)
        boxes = [zoom.tile_box(level, column, row) for row in range(rows) for column in range(columns)]
        assert sum(box.width * box.height for box in boxes) == width * height


@pytest.mark.parametrize("address", [(-1, 0, 0), (11, 0, 0), (10, 3, 0), (10, 0, 2), (10, -1, 0), (10, 10**12, 0)])
def test_tiles_that_do_not_exist_are_index_errors(address):
    with pytest.raises(IndexError):
        DeepZoom(600, 400).tile_box(*address)


def test_the_document_says_size_and_tiles():
    root = ElementTree.fromstring(DeepZoom(600, 400).dzi_xml())
    namespace = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert root.tag == namespace + "Image"
    assert root.attrib == {"Format": "jpeg", "Overlap": "1", "TileSize": "254"}
    assert root.find(namespace + "Size").attrib == {"Width": "600", "Height": "400"}
