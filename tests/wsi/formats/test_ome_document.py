"""OME-XML as XML: units, entities, lenses, and documents that would harm who parses them."""

import pytest
import tifffile

from slides.wsi.errors import SlideRefused
from slides.wsi.formats.ome.description import Ome
from slides.wsi.formats.ome.document import OmeDocument
from slides.wsi.lengths import UNITS_UM, micrometres_of
from slides.wsi.reader import open_slide
from slides.wsi.safe_xml import UnsafeXml, XmlRefused, parse_xml
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
NEITHER = (None, None)
SCHEMA = "Ym Zm Em Pm Tm Gm Mm km hm dam m dm cm mm µm nm pm fm am zm ym Å thou li in ft yd mi ua ly pc pt"
LAUGHS = '<!DOCTYPE o [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><OME>&b;</OME>'
OUTSIDE = '<!DOCTYPE o [<!ENTITY a SYSTEM "file:///etc/passwd">]><OME>&a;</OME>'


def document(pixels: str, before: str = "", inside: str = "", prefix: str = "") -> str:
    colon = f"{prefix}:" if prefix else ""
    xmlns = f'xmlns:{prefix}="{NAMESPACE}"' if prefix else f'xmlns="{NAMESPACE}"'
    image = f'<{colon}Image ID="Image:0">{inside}<{colon}Pixels ID="Pixels:0" {pixels}/></{colon}Image>'
    return f'<?xml version="1.0" encoding="UTF-8"?><{colon}OME {xmlns}>{before}{image}</{colon}OME>'


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ('PhysicalSizeX="0.25" PhysicalSizeY="0.5"', (0.25, 0.5)),
        ("PhysicalSizeX='0.25' PhysicalSizeY = '.5'", (0.25, 0.5)),
        ('PhysicalSizeX="25e-2" PhysicalSizeXUnit="&#181;m" PhysicalSizeY="1" PhysicalSizeYUnit="&#xB5;m"', (0.25, 1)),
        ('PhysicalSizeX="0.25" PhysicalSizeXUnit="&#x3bc;m" PhysicalSizeY="0.5" PhysicalSizeYUnit="µm"', (0.25, 0.5)),
        ('PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="5000" PhysicalSizeYUnit="&#197;"', (0.25, 0.5)),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="pixel" PhysicalSizeY="1" PhysicalSizeYUnit="reference frame"', NEITHER),
        ('PhysicalSizeX="a lot" PhysicalSizeY=""', (None, None)),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="furlong" PhysicalSizeY="INF"', (None, None)),
        ("", (None, None)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "ome"])
def test_pixel_sizes_are_read_and_copied_whatever_they_are_written_like(pixels, expected, prefix):
    xml = document(pixels, "<!-- <Pixels PhysicalSizeX='9'/> -->", prefix=prefix)
    assert OmeDocument(xml).pixel_size() == pytest.approx(expected)
    assert OmeDocument(Ome(xml).rewritten().text).pixel_size() == OmeDocument(xml).pixel_size()
    assert OmeDocument(xml).pixel_size(1) == (None, None)


def test_every_length_of_the_schema_is_known_and_survives_the_copy():
    units = SCHEMA.split()
    assert {unit for unit in units if micrometres_of(unit) is None} == set()
    assert [micrometres_of(unit) for unit in ("mm", "nm", "Mm", "μm", "\u212b", "in", "thou", "pt")] == [
        *(1000, 0.001, 1e12, 1, 1e-4, 25_400, 25.4), pytest.approx(352.78, rel=1e-4),
    ]  # fmt: skip
    for unit in [*units, *(unit for unit in UNITS_UM if unit not in units)]:
        size = repr(0.25 / micrometres_of(unit))
        xml = document(f'PhysicalSizeX="{size}" PhysicalSizeXUnit="{unit}" PhysicalSizeY="1"')
        assert OmeDocument(xml).pixel_size()[0] == pytest.approx(0.25), unit
        assert OmeDocument(Ome(xml).rewritten().text).pixel_size() == OmeDocument(xml).pixel_size(), unit


def test_a_picture_has_the_lens_that_it_names():
    lenses = '<Instrument ID="Instrument:0"><Objective ID="urn:a" NominalMagnification="10"/>'
    lenses += '<Objective ID="urn:b" NominalMagnification="4E1"/></Instrument>'
    named = document("", lenses, '<ObjectiveSettings ID="urn:b"/>')
    assert OmeDocument(named).objective() == 40
    copied = Ome(named).rewritten()
    assert OmeDocument(copied.text).objective() == 40
    assert "urn:" not in copied.text and {"urn:a", "urn:b"} <= set(copied.removed)
    assert OmeDocument(document("", lenses)).objective() is None
    assert OmeDocument(document("", lenses.replace("4E1", "10"))).objective() == 10


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE, "<a>" * 100 + "</a>" * 100, "<!DOCTYPE a><a/>"])
def test_xml_that_could_harm_is_not_parsed(text):
    with pytest.raises(UnsafeXml):
        parse_xml(text)
    with pytest.raises(SlideRefused, match="description is damaged"):
        OmeDocument(text)
    with pytest.raises(SlideRefused, match="description is damaged"):
        Ome(text)


def test_xml_is_bounded_in_length_and_elements(monkeypatch):
    monkeypatch.setattr("slides.wsi.safe_xml.MAX_CHARS", 100)
    monkeypatch.setattr("slides.wsi.safe_xml.MAX_ELEMENTS", 3)
    assert len(parse_xml("<a><b/><b/></a>")) == 2
    for text in ("<a><b/><b/><b/></a>", f"<a>{' ' * 100}</a>"):
        with pytest.raises(UnsafeXml):
            parse_xml(text)
    for text in ("", "<a>", "<a></b>", "<a>&b;</a>", "<a/>\ud800"):
        with pytest.raises(XmlRefused):
            parse_xml(text)


@pytest.mark.parametrize("make", [makers.ome, makers.scn, makers.svs])
def test_a_file_with_harmful_xml_is_refused_before_a_library_parses_it(tmp_path, make):
    path = make(tmp_path)
    tifffile.tiffcomment(path, LAUGHS.encode())
    with pytest.raises(SlideRefused, match="description holds what no slide's does"):
        open_slide(path)


@pytest.mark.parametrize("micro", ["&#181;", "&#xB5;", "µ", "μ", "\u00b5".encode("latin-1")])
def test_a_file_keeps_its_size_and_its_working_copy_however_the_micro_is_written(tmp_path, micro):
    path = makers.ome(tmp_path)
    told = tifffile.tiffcomment(path).replace("µ", "MICRO").replace('"nm"', '"MICROm"').replace('"250.0"', '"0.25"')
    sign = micro if isinstance(micro, bytes) else micro.encode()
    tifffile.tiffcomment(path, told.encode().replace(b"MICRO", sign))
    with open_slide(path) as reader:
        assert (reader.info.mpp_x, reader.info.mpp_y) == pytest.approx((0.25, 0.25))
    (tmp_path / "copy").mkdir()
    copy = make_copy([path], tmp_path / "copy")
    assert (copy.verified, copy.unknown) == (True, ())


@pytest.mark.parametrize("unit", ["Âµm", "\\u00B5m", "\ufffdm", "?m", "micrometer", "Micrometres", "um"])
def test_a_unit_survives_programs_that_spoil_its_sign(unit):
    xml = document(f'PhysicalSizeX="0.25" PhysicalSizeXUnit="{unit}" PhysicalSizeY="0.25" PhysicalSizeYUnit="{unit}"')
    assert OmeDocument(xml).pixel_size() == OmeDocument(Ome(xml).rewritten().text).pixel_size() == (0.25, 0.25)


def test_an_ome_tiff_is_known_by_its_root_and_may_leave_its_size_to_the_density(tmp_path):
    """A comment behind the root hid it from tifffile, and with it the size."""
    sizes = {"comment": 'PhysicalSizeX="0.25" PhysicalSizeY="0.5"', "density": "", "pixel": 'PhysicalSizeXUnit="pixel"'}
    for name, size in sizes.items():
        pixels = f'{size} DimensionOrder="XYCZT" Type="uint8" SizeX="256" SizeY="192" SizeC="3" SizeZ="1" SizeT="1"'
        xml = document(pixels).replace("/></Image>", '><Channel SamplesPerPixel="3"/><TiffData/></Pixels></Image>')
        density = {} if name == "comment" else {"resolution": (40_000, 20_000), "resolutionunit": 3}
        path = tmp_path / f"{name}.tif"
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(
                makers.picture(256, 192), tile=(128, 128), photometric="rgb", compression="deflate", metadata=None,
                description=xml.encode() + b"<!-- made by a program -->" * (name == "comment"), **density,
            )  # fmt: skip
        (tmp_path / name).mkdir()
        made = make_copy([path], tmp_path / name)
        assert made.verified, name
        for each in (path, tmp_path / name / made.files[0]):
            with open_slide(each) as reader:
                assert (reader.info.format, reader.info.mpp_x, reader.info.mpp_y) == ("OME-TIFF", 0.25, 0.5), name


def test_a_lens_that_is_calibrated_alone_is_told():
    lens = '<Instrument ID="Instrument:0"><Objective ID="Objective:0" CalibratedMagnification="39.6"/></Instrument>'
    assert OmeDocument(document('PhysicalSizeX="0.25" PhysicalSizeY="0.25"', lens)).objective() == 39.6
