"""Small files of every registered format, by the format's name; the contract test runs on each of them."""

from tests.wsi import makers, makers_parts

SAMPLES = {
    "Aperio SVS": [makers.svs, makers_parts.aperio_jpeg2000],
    "Hamamatsu NDPI": [makers.ndpi, makers_parts.ndpi_planes],
    "Leica SCN": [makers.scn],
    "OME-TIFF": [
        makers.ome, makers_parts.ome_sub_levels, makers_parts.ome_scenes, makers_parts.ome_planes,
    ],
    "Tiled TIFF": [
        makers.tiff_jpeg, makers.tiff_zstd, makers.tiff_png, makers.tiff_grey, makers.tiff_planar, makers.tiff_strips,
        makers.tiff_gap, makers_parts.lzw, makers_parts.jpeg2000, makers_parts.sixteen_bits,
        makers_parts.sixteen_bits_grey, makers_parts.planes_in_strips,
    ],
    "JPEG": [makers.jpeg],
    "PNG": [makers.png, makers.png_grey],
    "DICOM": [makers.dicom, makers.dicom_jpegls, makers_parts.dicom_planes],
    "MIRAX": [makers_parts.mirax],
}  # fmt: skip
MADE = [make for several in SAMPLES.values() for make in several]
# Their copies are not verified, so that they wait for an administrator: ImageJ keeps planes and scale in a text.
UNVERIFIED = [makers_parts.planes_in_strips]
