"""A DICOM slide has the colours that were scanned, whatever its header calls them."""

import imagecodecs
import numpy as np
import pytest
import simplejpeg
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from slides.wsi import native
from slides.wsi.errors import SlideRefused
from slides.wsi.native_maker import make_index
from slides.wsi.reader import open_slide
from slides.wsi.working_copy.child import make_copy
from tests.wsi import dicom_makers
from tests.wsi.dicom_makers import GLASS, JFIF, SIDE, TISSUE, adobe, coded, jpeg, pairs, planes, run_lengths, ycbcr_of

GREY_VALUES = 3


def of(stored, notes=b"", names=b"\1\2\3", sampling="444"):
    return lambda rgb: jpeg(rgb, stored, notes, names, sampling)


def jpeg2000(samples, is_turned):
    return imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, mct=is_turned, codecformat="J2K")


def lossless(ycbcr):
    return imagecodecs.jpeg8_encode(ycbcr, lossless=True, predictor=1, colorspace="RGB", outcolorspace="RGB")


def grey(rgb):
    return np.ascontiguousarray(rgb[..., 1])


JPEGS = {
    "ycbcr, JFIF": of("YCBCR", JFIF),
    "ycbcr, Adobe": of("YCBCR", adobe(1)),
    "ycbcr, unmarked": of("YCBCR"),
    "ycbcr, half the colours": of("YCBCR", sampling="422"),
    "ycbcr, a quarter, named 0 1 2": of("YCBCR", names=b"\0\1\2", sampling="420"),
    "rgb, Adobe": of("RGB", adobe(0)),
    "rgb, named R G B": of("RGB", names=b"RGB"),
}
CODED = [
    *((JPEGBaseline8Bit, word, name) for word in ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT") for name in JPEGS),
    (JPEGBaseline8Bit, "RGB", of("RGB")),
    *((JPEG2000Lossless, word, lambda rgb: jpeg2000(rgb, True)) for word in ("RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL")),
    *((JPEG2000Lossless, word, lambda rgb: jpeg2000(rgb, False)) for word in ("RGB", "YBR_RCT")),
    (JPEG2000Lossless, "YBR_FULL", lambda rgb: jpeg2000(ycbcr_of(rgb), False)),
    (HTJ2KLossless, "RGB", imagecodecs.htj2k_encode),
    (JPEGLSLossless, "RGB", imagecodecs.jpegls_encode),
    (JPEGLSLossless, "YBR_FULL", lambda rgb: imagecodecs.jpegls_encode(ycbcr_of(rgb))),
    (JPEGLosslessSV1, "RGB", lossless),
    (RLELossless, "RGB", run_lengths),
    (RLELossless, "YBR_FULL", lambda rgb: run_lengths(ycbcr_of(rgb))),
    (ExplicitVRLittleEndian, "RGB", np.ndarray.tobytes),
    (ImplicitVRLittleEndian, "RGB", np.ndarray.tobytes),
    (ExplicitVRLittleEndian, "YBR_FULL", lambda rgb: ycbcr_of(rgb).tobytes()),
    (ExplicitVRLittleEndian, "YBR_FULL_422", pairs),
]
GREYS = [
    (JPEGBaseline8Bit, imagecodecs.jpeg8_encode),
    (JPEG2000Lossless, lambda samples: imagecodecs.jpeg2k_encode(samples, reversible=True, codecformat="J2K")),
    (JPEGLSLossless, imagecodecs.jpegls_encode),
    (RLELossless, run_lengths),
    (ExplicitVRLittleEndian, np.ndarray.tobytes),
]


def means(pixels):
    half = len(pixels) // 2
    return [pixels[: half - 8].mean((0, 1)), pixels[half + 8 :].mean((0, 1))]


def off_by(paths, truth=(GLASS, TISSUE)):
    """How far the means of both colours are off."""
    with open_slide(paths) as reader:
        return np.abs(np.array(means(reader.read(0, 0, SIDE, SIDE, 1))) - truth).max()


@pytest.mark.parametrize(("syntax", "photometric", "encode"), CODED)
def test_the_colours_are_those_that_were_coded_whatever_the_header_calls_them(tmp_path, syntax, photometric, encode):
    path = coded(tmp_path / "a.dcm", JPEGS.get(encode, encode), syntax, photometric)
    assert off_by([path]) <= GREY_VALUES


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_samples_may_lie_in_planes(tmp_path, syntax):
    encode = run_lengths if syntax == RLELossless else planes
    assert off_by([coded(tmp_path / "a.dcm", encode, syntax, PlanarConfiguration=1)]) == 0


@pytest.mark.parametrize(("syntax", "encode"), GREYS)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_grey_is_shown_as_grey_and_turned_round_where_the_header_says_so(tmp_path, syntax, encode, photometric):
    turned = photometric == "MONOCHROME1"
    path = coded(
        tmp_path / "a.dcm", lambda rgb: encode(255 - grey(rgb) if turned else grey(rgb)), syntax, photometric
    )  # fmt: skip
    assert off_by([path], [(GLASS[1],) * 3, (TISSUE[1],) * 3]) <= GREY_VALUES
    with open_slide(path) as reader:
        assert "A grey image, shown as grey." in reader.info.hints


def test_a_palette_is_refused_in_words(tmp_path):
    path = coded(tmp_path / "a.dcm", lambda rgb: grey(rgb).tobytes(), ExplicitVRLittleEndian, "PALETTE COLOR")
    with pytest.raises(SlideRefused, match="neither 8-bit colour nor 8-bit grey"):
        open_slide(path)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("name", JPEGS)
def test_a_copy_has_the_same_colours_and_so_have_the_tiles_that_are_sent_as_stored(tmp_path, photometric, name):
    path, folder = coded(tmp_path / "a.dcm", JPEGS[name], JPEGBaseline8Bit, photometric), tmp_path / "copy"
    folder.mkdir()
    made = make_copy([path], folder)
    assert made.verified and not made.unknown
    copy = folder / made.files[0]
    assert off_by([copy]) <= GREY_VALUES
    sent = tiles_of(copy, tmp_path)
    assert sorted(sent) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for (_, row), tile in sent.items():  # decoded as browsers do: by the markers alone
        assert np.abs(simplejpeg.decode_jpeg(tile).mean((0, 1)) - (GLASS, TISSUE)[row]).max() <= GREY_VALUES


def test_a_frame_that_means_other_colours_than_its_neighbours_is_not_sent_as_stored(tmp_path):
    path = coded(tmp_path / "a.dcm", JPEGS["rgb, Adobe"], photometric="YBR_FULL")
    data = dcmread(path)
    frames = list(generate_frames(data.PixelData, number_of_frames=4))
    frames[3] = jpeg(np.ascontiguousarray(dicom_makers.two_colours()[64:, 64:]), "YCBCR", adobe(1))
    data.PixelData = encapsulate(frames)
    data.save_as(path)
    assert off_by([path]) <= GREY_VALUES
    assert sorted(tiles_of(path, tmp_path)) == [(0, 0), (0, 1), (1, 0)]


def tiles_of(path, folder):
    """(column, row) → the JPEG that is sent, of the finest level."""
    (folder / "native.idx").write_bytes(make_index([path], None, 0))
    index = native.NativeIndex(folder / "native.idx", [path])
    places = [(column, row) for column in range(2) for row in range(2)]
    found = {place: index.tile(index.levels[-1], *place) for place in places}
    return {place: tile for place, tile in found.items() if tile is not None}


@pytest.mark.parametrize("header", [{"PixelRepresentation": 1}, {"BitsStored": 7, "HighBit": 6}])
def test_samples_that_are_signed_or_of_fewer_bits_are_refused_not_shown_in_wrong_colours(header, tmp_path):
    path = coded(tmp_path / "slide.dcm", np.ndarray.tobytes, ExplicitVRLittleEndian, "RGB", **header)
    with pytest.raises(SlideRefused) as refusal:
        open_slide(path)
    assert refusal.value.kind == "depth"
