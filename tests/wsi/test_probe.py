"""What is refused, in which words, and what is let through."""

import signal
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from slides.wsi.errors import CutShort, SlideRefused
from slides.wsi.metadata import SlideInfo
from slides.wsi.probe import probe
from slides.wsi.sandbox import exit_causes
from slides.wsi.sandbox.decoder_child import Child
from tests.wsi import makers
from tests.wsi.children import hit


def text(folder: Path) -> Path:
    return _bytes(folder, "a.svs", b"patient,slide\n1,2\n" * 100)


def no_bytes(folder: Path) -> Path:
    return _bytes(folder, "a.svs", b"")


def cut_svs(folder: Path) -> Path:
    return _cut(makers.svs(folder), 0.9)


def cut_in_the_middle(folder: Path) -> Path:
    """The directories at the start are whole, the last tiles are not there."""
    path = makers.tiff_jpeg(folder)
    with tifffile.TiffFile(path) as tiff:
        end = max(tiff.pages[0].dataoffsets)
    return _cut(path, (end + 10) / path.stat().st_size)


def cut_jpeg(folder: Path) -> Path:
    return _cut(makers.jpeg(folder), 0.6)


def cut_png(folder: Path) -> Path:
    return _cut(makers.png(folder), 0.6)


def cut_dicom(folder: Path) -> Path:
    return _cut(makers.dicom_jpegls(folder), 0.6)


def only_a_magic(folder: Path) -> Path:
    return _bytes(folder, "a.tif", b"II*\0")


def svg(folder: Path) -> Path:
    return _bytes(folder, "a.png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')


def html(folder: Path) -> Path:
    return _bytes(folder, "a.tif", b"<!DOCTYPE html><script>alert(1)</script>")


def pdf(folder: Path) -> Path:
    return _bytes(folder, "a.svs", b"%PDF-1.7\n%...")


def noise(folder: Path) -> Path:
    return _bytes(folder, "a.svs", np.random.default_rng(0).bytes(5000))


def jpeg_named_svs(folder: Path) -> Path:
    return makers.jpeg(folder).rename(folder / "a.svs")


def tiff_named_svs(folder: Path) -> Path:
    return makers.tiff_jpeg(folder).rename(folder / "a.svs")


def tiff_named_exe(folder: Path) -> Path:
    return makers.tiff_jpeg(folder).rename(folder / "a.exe")


def tiff_without_suffix(folder: Path) -> Path:
    return makers.tiff_jpeg(folder).rename(folder / "q7")


def one_pixel(folder: Path) -> Path:
    Image.new("RGB", (1, 1)).save(folder / "a.png")
    return folder / "a.png"


def deep_png(folder: Path) -> Path:
    Image.fromarray(np.zeros((50, 50), np.uint16)).save(folder / "a.png")
    return folder / "a.png"


def deep_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", np.zeros((50, 50, 3), np.float32), photometric="rgb")
    return folder / "a.tif"


def deep_tiles(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", np.zeros((64, 64, 3), np.float32), photometric="rgb", tile=(64, 64))
    return folder / "a.tif"


def palette_tiff(folder: Path) -> Path:
    Image.fromarray(makers.picture()).quantize(16).save(folder / "a.tif")
    return folder / "a.tif"


def fluorescence(folder: Path) -> Path:
    """Four channels on pages of their own."""
    stack = np.zeros((4, 64, 64), np.uint8)
    with tifffile.TiffWriter(folder / "a.ome.tif", ome=True) as tiff:
        tiff.write(stack, tile=(64, 64), metadata={"axes": "CYX"}, photometric="minisblack")
    return folder / "a.ome.tif"


def png_bomb(folder: Path) -> Path:
    Image.new("1", (11_000, 11_000)).save(folder / "a.png")
    return folder / "a.png"


def tiff_bomb(folder: Path) -> Path:
    """A file of a few kB that says it is 20,000 x 20,000 px."""
    path = makers.tiff_strips(folder)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["ImageWidth"].overwrite(20_000)
        tiff.pages.first.tags["ImageLength"].overwrite(20_000)
    return path


def trestle(folder: Path) -> Path:
    """A maker that OpenSlide knows and this product does not."""
    path = folder / "a.tif"
    tifffile.imwrite(
        path, makers.picture(), photometric="rgb", tile=(128, 128), metadata=None, compression="jpeg",
        software="MedScan", description="OverlapsXY= 0 0;Background Color=E6E6E6",
    )  # fmt: skip
    return path


def label_only(folder: Path) -> Path:
    import pydicom

    path = makers.dicom(folder, levels=1) / "level0.dcm"
    data = pydicom.dcmread(path)
    data.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    data.save_as(path)
    return path


def x_ray(folder: Path) -> Path:
    import pydicom

    path = makers.dicom(folder, levels=1) / "level0.dcm"
    data = pydicom.dcmread(path)
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    data.save_as(path)
    return path


def endless_directories(folder: Path) -> Path:
    """A TIFF whose directory names itself as the next."""
    entry = struct.pack("<HHII", 256, 3, 1, 64)
    return _bytes(folder, "a.tif", b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8))


REFUSED = [
    (text, "format", "text file, not a slide"),
    (no_bytes, "empty", "zero bytes"),
    (cut_svs, "truncated", "ends early"),
    (cut_in_the_middle, "truncated", "ends early"),
    (cut_jpeg, "truncated", "ends early"),
    (cut_png, "truncated", "ends early"),
    (cut_dicom, "broken", "damaged"),
    (only_a_magic, "truncated", "ends early"),
    (svg, "format", "an SVG drawing"),
    (html, "format", "a web page"),
    (pdf, "format", "a PDF document"),
    (noise, "format", "unknown kind"),
    (jpeg_named_svs, "extension", "ends in .svs, but the content is JPEG"),
    (tiff_named_svs, "extension", "ends in .svs, but the content is Tiled TIFF"),
    (tiff_named_exe, "extension", "not one of"),
    (tiff_without_suffix, "extension", "no extension"),
    (one_pixel, "size", "too small: 1 by 1 px"),
    (deep_png, "depth", "more than 8 bits"),
    (deep_tiff, "depth", "32 bits"),
    (deep_tiles, "depth", "32 bits"),
    (palette_tiff, "depth", "neither RGB nor grey"),
    (fluorescence, "depth", "separate pages"),
    (png_bomb, "size", "too large without tiles"),
    (tiff_bomb, "size", "too large without tiles"),
    (trestle, "vendor", "not supported yet"),
    (label_only, "parts", "slide itself is missing"),
    (x_ray, "format", "not a whole-slide image"),
    (endless_directories, "broken", "damaged"),
]


@pytest.fixture(scope="module")
def check():
    """What `probe` does, by one child for all files, since starting one takes longest."""
    child = Child(memory_mb=2048)

    def one(paths: list[Path], suffix: str | None) -> SlideInfo:
        header, _ = child.ask(paths, {"op": "check", "suffix": suffix, "timeout_s": 20.0}, 20.0)
        return SlideInfo.from_json(header["info"])

    yield one
    child.kill()


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED, ids=[make.__name__ for make, _, _ in REFUSED])
def test_what_is_no_slide_is_refused_in_words(make, kind, words, tmp_path, check):
    path = make(tmp_path)
    with pytest.raises(SlideRefused) as refused:
        check([path], path.suffix)
    assert words in refused.value.reason
    assert refused.value.kind == kind
    assert str(tmp_path) not in refused.value.reason
    assert path.name not in refused.value.reason


def test_every_format_passes(sample, check):
    path = sample.path
    info = check([path], None if path.is_dir() else path.suffix)
    assert (info.format, info.height) == (sample.format, makers.HEIGHT)


def test_the_extension_a_file_was_handed_in_with_counts(svs_path, tmp_path):
    stored = tmp_path / "5f0c"
    stored.write_bytes(svs_path.read_bytes())
    assert probe([stored], ".SVS").format == "Aperio SVS"
    with pytest.raises(SlideRefused, match=r"ends in \.ndpi, but the content is Aperio SVS"):
        probe([stored], ".ndpi")


@pytest.mark.parametrize("mpp", ["0", "1e9", "-0.25", "nan", "84.67"])
def test_an_absurd_pixel_size_is_unknown_and_told(mpp, tmp_path, check):
    info = check([makers.svs(tmp_path, mpp=mpp)], ".svs")
    assert (info.mpp_x, info.mpp_y) == (None, None)
    assert any("pixel size" in hint for hint in info.hints)


def test_pixels_that_are_not_square_are_told(tmp_path, check):
    path = makers.write_pages(tmp_path / "a.tif", makers.halves(makers.picture()), mpp=(0.25, 0.5))
    info = check([path], ".tif")
    assert (info.mpp_x, info.mpp_y) == (pytest.approx(0.25), pytest.approx(0.5))
    assert info.hints == ("Pixels are not square: 0.25 by 0.5 µm.",)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SlideRefused, match="not there"):
        probe([tmp_path / "gone.svs"], ".svs")


def test_too_little_memory_is_a_refusal_and_no_crash_here(tmp_path):
    Image.new("1", (7900, 7900)).save(tmp_path / "a.png")
    with pytest.raises(SlideRefused) as refused:
        probe([tmp_path / "a.png"], ".png", memory_mb=450)
    assert refused.value.kind in ("size", "limits")


def test_a_file_that_aborts_its_reader_is_refused(tmp_path):
    path = makers.scn_that_aborts(tmp_path)
    # GLib aborts, but where it may not read in /proc whether it is traced it stops for a debugger.
    with pytest.raises(SlideRefused, match=r"could not be checked safely \(signal [56]\)"):
        probe([path], ".scn")


def test_a_probe_that_used_its_time_is_a_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(exit_causes, "OWN_SHARE", 0.1)  # a test machine at work may give less than half of its time
    Image.new("1", (7900, 7900)).save(tmp_path / "slow.png")
    with pytest.raises(SlideRefused, match=r"could not be checked safely \(no answer in 0\.3 s\)"):
        probe([tmp_path / "slow.png"], ".png", timeout_s=0.3)


@pytest.mark.parametrize(
    ("signal_sent", "cause"), [(signal.SIGKILL, "signal 9"), (signal.SIGSTOP, r"no answer in 1\.5 s")]
)
def test_a_probe_that_the_machine_ends_is_no_refusal_and_ends_in_time(svs_path, monkeypatch, signal_sent, cause):
    send = Child._send

    def send_and_hit(child: Child, message: bytes) -> None:
        hit(child.pid, signal_sent)
        send(child, message)

    with monkeypatch.context() as short, pytest.raises(CutShort, match=cause):
        short.setattr(Child, "_send", send_and_hit)
        probe([svs_path], ".svs", timeout_s=1.5)
    assert probe([svs_path], ".svs").format == "Aperio SVS"


def _bytes(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def _cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path
