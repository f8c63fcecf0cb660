"""Slide formats: one folder a maker, behind one protocol (`base.Format`) and one list (`registry.FORMATS`).

    registry      every format that is taken, and which of them a file is of
    base          what a format is to the rest of the library
    source        what every source of pixels offers to the reader
    first_bytes   what a file seems to be
    by_openslide  pixels by OpenSlide, whoever the maker is
    plain         pixels of images without a pyramid
    holes         tiles that a file leaves out, and which levels are not used because of it
    over_white    transparent pixels
    tiff/         what the makers of TIFFs share

Coded pictures are cleaned by `slides.wsi.deid`, whatever format they lie in.
"""
