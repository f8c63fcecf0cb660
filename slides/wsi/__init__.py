"""Whole-slide images: read, check, cut into tiles. A pure library: arrays and frozen dataclasses, no Django.

    formats     what a file says it is, and whether we take it
    sets        which files make up one slide
    archive     take them out of a zip
    metadata    what a slide is: size, levels, pixel size
    reader      open a slide, read any rectangle of it at any scale
    sources/    the libraries that fetch pixels, behind one protocol
    resample    the same place gives the same pixel
    check       is everything in the file, do samples decode
    tiff_chain  does a TIFF lead its reader in a circle
    deid/       a copy without label and names
    pyramid     make the levels that a file lacks
    native      send stored tiles without decoding
    deepzoom    the geometry of Deep Zoom tiles
    decoder     the child process that decodes untrusted files
    limits      what it may use
    wire        how it is spoken to
    pool        a set of such children, for the web processes
    probe       one fresh child that says whether a file is a slide
    errors      what can go wrong, in words for people

Coordinates: `*_l0` are pixels of level 0, origin top left, x right, y down. `downsample` is level-0 pixels per pixel.
"""
