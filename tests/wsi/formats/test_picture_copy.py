"""Working copies of JPEG and PNG pictures: the same pixels, no word of what was around them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from slides.wsi.deid.child import rewrite
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.base import SlideFiles
from slides.wsi.formats.pictures import PNG_FORMAT
from slides.wsi.reader import open_slide
from tests.wsi import makers
from tests.wsi.deid import makers_parts


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def progressive(folder):
    return makers_parts.jpeg(folder, progressive=True)


@pytest.mark.parametrize("make", [makers_parts.jpeg, progressive, makers_parts.png])
def test_thirty_identifiers_are_in_the_picture_and_none_in_its_copy(make, tmp_path):
    path = make(tmp_path)
    folder = makers_parts.fresh(tmp_path)
    made = rewrite([path], folder)
    copy = folder / made.files[0]
    assert len(makers_parts.planted_in([path])) >= 20  # the others are compressed
    assert makers_parts.planted_in([copy]) == []
    assert made.verified and made.unknown == ()
    assert np.array_equal(pixels(path), pixels(copy))
    assert list(folder.iterdir()) == [copy]


@pytest.mark.parametrize("make", [makers_parts.jpeg, progressive, makers_parts.png])
def test_the_pixel_size_stays_and_the_colours_stay_described(make, tmp_path):
    path, folder = make(tmp_path), makers_parts.fresh(tmp_path)
    made = rewrite([path], folder)
    with open_slide(path) as before, open_slide(folder / made.files[0]) as after:
        assert after.info == before.info
        assert after.info.mpp_x == pytest.approx(0.5, rel=0.01)
    with Image.open(folder / made.files[0]) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert ImageCms.getProfileDescription(profile).strip() == "profile"


def test_a_copy_of_a_copy_is_the_same_and_nothing_is_removed_from_it(tmp_path):
    path, folder = makers.jpeg(tmp_path), makers_parts.fresh(tmp_path)
    once = rewrite([path], folder)
    first = (folder / once.files[0]).read_bytes()
    again = tmp_path / "again"
    again.mkdir()
    twice = rewrite([folder / once.files[0]], again)
    assert (again / twice.files[0]).read_bytes() == first
    assert twice.removed == () and twice.verified


def test_what_was_removed_is_told_in_words(tmp_path):
    made = rewrite([makers_parts.jpeg(tmp_path)], makers_parts.fresh(tmp_path))
    assert {"EXIF fields", "XMP fields", "IPTC fields", "comments", "a thumbnail", "bytes behind the picture"} <= set(
        made.removed
    )
    assert not any(value in words for words in made.removed for value in makers_parts.PLANTED)


def test_a_chunk_and_a_segment_that_no_rule_knows_are_named_and_left_out(tmp_path):
    path = makers_parts.with_chunk(makers.png(tmp_path), makers_parts.png_chunk(b"paTi", b"Meier, Eva"))
    made = rewrite([path], makers_parts.fresh(tmp_path))
    assert made.unknown == ("PNG paTi chunk",)
    data = makers.jpeg(tmp_path).read_bytes()
    path = tmp_path / "odd.jpg"
    path.write_bytes(data[:2] + b"\xff\xe7\x00\x10Patient Meier!" + data[2:])
    folder = makers_parts.fresh(tmp_path)
    made = rewrite([path], folder)
    assert made.unknown == ("JPEG APP7 segment",)
    assert b"Meier" not in (folder / made.files[0]).read_bytes()


@pytest.mark.parametrize("make", [makers_parts.jpeg, makers_parts.png])
@pytest.mark.parametrize("part", [0.001, 0.02, 0.5])
def test_a_picture_that_breaks_off_is_refused_in_words(make, part, tmp_path):
    path = make(tmp_path)
    makers_parts.cut(path, max(12, int(path.stat().st_size * part)))
    with pytest.raises(SlideRefused) as refusal:
        rewrite([path], makers_parts.fresh(tmp_path))
    assert refusal.value.reason.endswith(".")


def test_a_chunk_with_a_wrong_checksum_is_refused(tmp_path):
    path = makers.png(tmp_path)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    with pytest.raises(SlideRefused):
        rewrite([path], makers_parts.fresh(tmp_path))


@pytest.mark.parametrize("make", [makers_parts.jpeg, makers_parts.png])
def test_flipped_bytes_are_refused_or_copied_and_never_crash(make, tmp_path):
    path = make(tmp_path)
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    for _ in range(40):
        data = bytearray(whole)
        for at in random.integers(0, 4000, 3):
            data[at] = random.integers(256)
        path.write_bytes(data)
        folder = makers_parts.fresh(tmp_path)
        try:
            made = rewrite([path], folder)
        except SlideRefused:
            continue
        assert not made.verified or makers_parts.planted_in([folder / made.files[0]]) == []


def test_several_files_and_other_files_are_no_picture(tmp_path):
    path = makers.jpeg(tmp_path)
    with pytest.raises(SlideRefused):
        rewrite([path, path], makers_parts.fresh(tmp_path))
    with pytest.raises(SlideRefused):
        PNG_FORMAT.rewrite(SlideFiles([makers.tiff_zstd(tmp_path)]), makers_parts.fresh(tmp_path))
