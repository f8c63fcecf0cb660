"""Slides to try the product with: where they come from and how they are made. No Django.

    teaching_sheet   cut-out figures on one sheet, in the repository
    frames           slides joined from the frames of a challenge slide, where that data is at hand
    cmu              OpenSlide's small test slide, fetched from a wheel
    builder          all of them, as `DemoSlide` rows
    pyramid          writing a pyramidal TIFF and its truth file

`python -m slides.demo OUT_DIR` makes them from the command line.
"""
