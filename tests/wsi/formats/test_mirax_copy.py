"""Working copies of MIRAX slides: the zoom levels as they were, and nothing that lay beside them."""

import re
import struct

import numpy as np
import openslide
import pytest

from slides.wsi.errors import SlideRefused
from slides.wsi.working_copy.child import make_copy
from tests.wsi import makers_parts as slide_makers
from tests.wsi.deid import makers_parts


@pytest.fixture
def planted(tmp_path):
    return makers_parts.mirax(tmp_path)


def copies(made, folder):
    return [folder / name for name in made.files]


def replace(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def part(planted, name):
    return next(path for path in planted if path.name == name)


def refused(planted, tmp_path):
    with pytest.raises(SlideRefused) as refusal:
        make_copy(planted, makers_parts.fresh(tmp_path))
    assert refusal.value.reason.endswith(".")
    return refusal.value


@pytest.mark.parametrize("compressed", [False, True])
def test_thirty_identifiers_are_in_the_set_and_none_in_its_copy(compressed, tmp_path):
    planted = makers_parts.mirax(tmp_path, compressed)
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(planted, folder)
    assert len(makers_parts.planted_in(planted)) == 30
    assert makers_parts.planted_in(copies(made, folder)) == []
    assert made.verified and made.unknown == ()
    assert {path for path in folder.rglob("*") if path.is_file()} == set(copies(made, folder))
    assert {"label picture", "overview picture", "main picture"} <= set(made.removed)


@pytest.mark.parametrize("compressed", [False, True])
def test_openslide_shows_the_same_pixels_and_no_label(compressed, tmp_path):
    planted = makers_parts.mirax(tmp_path, compressed)
    folder = makers_parts.fresh(tmp_path)
    made = make_copy(planted, folder)
    with openslide.OpenSlide(planted[0]) as before, openslide.OpenSlide(copies(made, folder)[0]) as after:
        assert after.level_dimensions == before.level_dimensions
        for level, size in enumerate(before.level_dimensions):
            whole = [np.asarray(slide.read_region((0, 0), level, size)) for slide in (before, after)]
            assert np.array_equal(*whole)
        assert "label" in before.associated_images
        assert dict(after.associated_images) == {}
        assert after.properties["mirax.GENERAL.SLIDE_ID"] != before.properties["mirax.GENERAL.SLIDE_ID"]
        assert after.properties["openslide.mpp-x"] == before.properties["openslide.mpp-x"]


def test_a_set_without_anything_beside_the_levels_passes_unchanged_in_its_pixels(tmp_path):
    path = slide_makers.mirax(tmp_path)
    made = make_copy([path, *path.with_suffix("").iterdir()], makers_parts.fresh(tmp_path))
    assert made.verified and made.unknown == ()


def test_ten_keys_that_no_rule_knows_are_named_without_their_values(tmp_path):
    names = makers_parts.UNKNOWN_KEYS
    inside = {"GENERAL": dict.fromkeys(names[:5], "Meier"), "Remarks": dict.fromkeys(names[5:], "Meier")}
    path = slide_makers.mirax(tmp_path, inside=inside)
    folder = makers_parts.fresh(tmp_path)
    made = make_copy([path, *path.with_suffix("").iterdir()], folder)
    assert [name.split()[-1] for name in made.unknown] == list(names)
    assert not any(b"Meier" in copy.read_bytes() for copy in copies(made, folder))


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("NONHIERLAYER_0_SECTION", "REMARK"),
        ("NONHIERLAYER_1_LEVEL_0_SECTION", "REMARK_1"),
        ("LAYER_0_LEVEL_0", "PATIENT"),
        ("NONHIERLAYER_MEIER", "BARCODE_VALUE"),
        ("NONHIERLAYER_0_MEIER_SECTION", "BARCODE_VALUE"),
        ("GENERAL", "SLIDE_OF_SOMEBODY"),
        ("GENERAL", "PATIENT_FAVOURITE_COLOUR"),
        ("HIERARCHICAL", "HIER_0_VAL_0_REMARK"),
    ],
)
def test_a_key_of_capitals_that_is_not_of_the_format_is_named(section, key, tmp_path):
    path = slide_makers.mirax(tmp_path)
    slidedat = path.with_suffix("") / "Slidedat.ini"
    text = slidedat.read_text()
    if f"[{section}]" in text:
        text = text.replace(f"[{section}]", f"[{section}]\n{key} = Meier, Eva")
    else:
        text += f"\n[{section}]\n{key} = Meier, Eva\n"
    slidedat.write_text(text)
    folder = makers_parts.fresh(tmp_path)
    made = make_copy([path, *path.with_suffix("").iterdir()], folder)
    assert made.unknown == (f"Slidedat.ini {section} {key}",)
    assert not any(b"Meier" in copy.read_bytes() for copy in copies(made, folder))


def test_no_data_file_of_the_copy_is_larger_than_the_largest_that_came_in(tmp_path):
    path = slide_makers.mirax(tmp_path)
    first, folder = path.with_suffix("") / "Data0000.dat", path.with_suffix("")
    second = folder / "Data0001.dat"
    index = bytearray((folder / "Index.dat").read_bytes())
    table = struct.unpack_from("<i", index, 37)[0]
    last = struct.unpack_from("<i", index, table + 8)[0]
    page = struct.unpack_from("<i", index, last + 4)[0]
    _, offset, length, _ = struct.unpack_from("<iiii", index, page + 8)
    data = first.read_bytes()
    second.write_bytes(data[:37] + data[offset : offset + length] + bytes(37))
    struct.pack_into("<iiii", index, page + 8, 0, 37, length, 1)
    first.write_bytes(data[:offset])
    (folder / "Index.dat").write_bytes(index)
    replace(folder / "Slidedat.ini", b"FILE_COUNT=1", b"FILE_COUNT=2\nFILE_1=Data0001.dat")
    copy = makers_parts.fresh(tmp_path)
    made = make_copy([path, *folder.iterdir()], copy)
    assert made.verified
    sizes = [each.stat().st_size for each in copies(made, copy) if each.name.startswith("Data")]
    assert max(sizes) <= first.stat().st_size + 37


def test_the_original_is_not_touched(planted, tmp_path):
    before = [path.read_bytes() for path in planted]
    make_copy(planted, makers_parts.fresh(tmp_path))
    assert [path.read_bytes() for path in planted] == before


@pytest.mark.parametrize("name", ["Slidedat.ini", "Index.dat", "Data0000.dat"])
def test_a_set_without_one_of_its_files_is_refused(name, planted, tmp_path):
    assert refused([path for path in planted if path.name != name], tmp_path).kind == "parts"


@pytest.mark.parametrize("name", ["Slidedat.ini", "Index.dat", "Data0000.dat"])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_set_of_which_a_file_breaks_off_is_refused(name, share, planted, tmp_path):
    path = part(planted, name)
    makers_parts.cut(path, int(path.stat().st_size * share))
    refused(planted, tmp_path)


def test_an_index_of_another_slide_is_refused(planted, tmp_path):
    path = part(planted, "Index.dat")
    path.write_bytes(b"01.02" + b"0" * 32 + path.read_bytes()[37:])
    refused(planted, tmp_path)


def test_a_data_file_outside_the_folder_is_refused(planted, tmp_path):
    replace(part(planted, "Slidedat.ini"), b"FILE_0=Data0000.dat", b"FILE_0=../../etc/passwd")
    refused(planted, tmp_path)


def test_pages_that_lead_in_a_circle_are_refused(planted, tmp_path):
    path = part(planted, "Index.dat")
    data = bytearray(path.read_bytes())
    table = struct.unpack_from("<i", data, 37)[0]
    start = struct.unpack_from("<i", data, table)[0]
    page = struct.unpack_from("<i", data, start + 4)[0]
    struct.pack_into("<i", data, page + 4, page)
    path.write_bytes(data)
    refused(planted, tmp_path)


def test_records_that_would_make_the_copy_outgrow_the_slide_are_refused(planted, tmp_path):
    path = part(planted, "Index.dat")
    data = bytearray(path.read_bytes())
    table = struct.unpack_from("<i", data, 37)[0]
    start = struct.unpack_from("<i", data, table)[0]
    page = struct.unpack_from("<i", data, start + 4)[0]
    for n in range(12):
        struct.pack_into("<ii", data, page + 8 + 16 * n + 4, n, part(planted, "Data0000.dat").stat().st_size - 20)
    path.write_bytes(data)
    refused(planted, tmp_path)


def test_flipped_bytes_are_refused_or_copied_and_never_crash(planted, tmp_path):
    random = np.random.default_rng(3)
    for name in ("Slidedat.ini", "Index.dat"):
        path = part(planted, name)
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for at in random.integers(0, len(data), 2):
                data[at] = random.integers(256)
            path.write_bytes(data)
            folder = makers_parts.fresh(tmp_path)
            try:
                made = make_copy(planted, folder)
            except SlideRefused:
                continue
            assert not made.verified or makers_parts.planted_in(copies(made, folder)) == []
        path.write_bytes(whole)


@pytest.mark.parametrize("line", ["IMAGENUMBER_X", "IMAGENUMBER_Y"])
def test_a_slide_of_no_fields_is_refused(line, planted, tmp_path):
    path = part(planted, "Slidedat.ini")
    text = path.read_text("utf-8-sig")
    path.write_text(re.sub(rf"{line}\s*=\s*\d+", f"{line} = 0", text), "utf-8-sig")
    assert path.read_text("utf-8-sig") != text
    refused(planted, tmp_path)
