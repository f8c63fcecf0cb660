"""The pixels that belong to a label file: where they lie, and what their headers say."""

from functools import lru_cache
from pathlib import Path

import tifffile
from PIL import Image, UnidentifiedImageError

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.tiff.samples import SPOILT, page_density
from slides.wsi.metadata import believed_pixel_size
from slides.wsi.reader import open_slide

SUFFIXES = (".tiff", ".tif", ".svs", ".ndpi", ".mrxs", ".png", ".jpg", ".jpeg", ".bmp")
FOLDERS = ("", "images", "frames", "slides", "mitoses_image_data")


class Pictures:
    """The images at hand about a label file: in its own folder or in one of FOLDERS beside it. Found by file name, or
    by its stem where the labels name no suffix or another one.
    """

    def __init__(self, folder: Path, *more: Path) -> None:
        self._by_name: dict[str, Path] = {}
        for place in [*(folder / name for name in FOLDERS), *more]:
            if place.is_dir():
                for path in sorted(place.iterdir()):
                    if path.suffix.lower() in SUFFIXES:
                        self._by_name.setdefault(path.name.lower(), path)
                        self._by_name.setdefault(path.stem.lower(), path)

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def find(self, name: str) -> Path | None:
        """The file of that name; folders within the name are left out, so that no label file reaches elsewhere."""
        name = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
        return self._by_name.get(name) or self._by_name.get(Path(name).stem)

    def all(self) -> list[Path]:
        return sorted(set(self._by_name.values()))


@lru_cache(maxsize=4096)
def read_header(path: Path) -> tuple[int | None, int | None, float | None]:
    """Width and height in px and µm/px as the file's header says; None for each that it does not. Decodes nothing
    where it can.
    """
    try:
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp"):
            with Image.open(path) as image:
                return image.width, image.height, None
        if path.suffix.lower() in (".tif", ".tiff"):
            with tifffile.TiffFile(path) as tiff:
                page = tiff.pages.first
                if not page.is_tiled:
                    return page.imagewidth, page.imagelength, believed_pixel_size(*page_density(page)).mpp_x
        with open_slide(path) as slide:
            return slide.info.width, slide.info.height, slide.info.mpp_x
    except (SlideRefused, UnidentifiedImageError, *SPOILT):
        return None, None, None


def image_facts(path: Path | None, nominal_mpp: float | None = None) -> dict:
    """What `LabelledImage` takes of an image: path, width, height, mpp and mpp_source. The file's own pixel size goes
    before the nominal one of its data set.
    """
    width, height, mpp = read_header(path) if path else (None, None, None)
    source = "file" if mpp else "nominal" if nominal_mpp else ""
    return {"path": path, "width": width, "height": height, "mpp": mpp or nominal_mpp, "mpp_source": source}
