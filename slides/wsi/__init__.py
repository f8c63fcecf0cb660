"""Whole-slide images: read, check, cut into tiles. A pure library: arrays and frozen dataclasses, no Django.

    formats/    every slide format that is taken: recognise it, fetch its pixels, copy it, find its stored tiles
    sets        which files make up one slide
    archive     take them out of a zip
    metadata    what a slide is: size, levels, pixel size
    reader      open a slide, read any rectangle of it at any scale
    resample    the same place gives the same pixel
    check       is everything in the file, do samples decode
    deid/       a copy without label and names
    pyramid     make the levels that a file lacks
    native      send stored tiles without decoding
    deepzoom    the geometry of Deep Zoom tiles
    decoder     the child process that decodes untrusted files
    sandbox/    what such a child may do, how it is spoken to and why it ended
    pool        a set of such children, for the web processes
    probe       one fresh child that says whether a file is a slide
    stain       a slide's colours as those of a reference
    errors      what can go wrong, in words for people

Coordinates: `*_l0` are pixels of level 0, origin top left, x right, y down. `downsample` is level-0 pixels per pixel.
"""
