"""What the makers of TIFFs share.

content        what a TIFF is by its first bytes
maker          a format whose files are TIFFs
chain          does a file lead its reader in a circle
scans          which pages are scans and which their levels; reader and working copy both ask there
pages          which of them are shown; samples: turning what they hold into RGB
tiled, strips  pixels by tifffile
stored         the tiles that can be sent as they are
working_copy   a new file of the scan's own directories, from directories, kept_pages, words, tag_rules,
               tag_numbers, coded_pixels and writer
"""
