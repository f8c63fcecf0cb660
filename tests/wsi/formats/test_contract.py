"""What every reader keeps to, whatever the format: run on the real slides and on files made here."""

import json

import cv2
import numpy as np
import pytest

from slides.wsi.check import check_slide
from slides.wsi.errors import SlideRefused
from slides.wsi.formats.registry import ACCEPTED_SUFFIXES, FORMATS, recognise
from slides.wsi.metadata import SlideInfo
from slides.wsi.reader import open_slide
from slides.wsi.sets import slide_files
from slides.wsi.working_copy.child import make_copy
from tests.wsi.formats.samples import MADE, SAMPLES, UNVERIFIED
from tests.wsi.formats.test_real_slides import READ, REFUSED

NEAR = 6.0  # grey values in the mean: makers shrink and code in ways of their own
LOOK_PX = 2048  # of level 0 are compared with what the other levels show


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(name, marks=pytest.mark.needs_data) for name in READ),
        *(pytest.param(make, id=make.__name__) for make in MADE),
    ],
)
def slide(request, tmp_path_factory):
    """Each real slide and each made one in turn."""
    if isinstance(request.param, str):
        return request.getfixturevalue("data_dir") / "slides" / request.param
    return request.param(tmp_path_factory.mktemp(request.param.__name__))


@pytest.fixture
def reader(slide):
    with open_slide(slide) as opened:
        yield opened


def apart(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


def test_the_slide_passes_its_check(slide, reader):
    assert check_slide([slide], None) == reader.info


def test_levels_begin_with_the_whole_and_grow_coarser(reader):
    info, first = reader.info, reader.info.levels[0]
    assert (first.width, first.height, first.downsample) == (info.width, info.height, 1.0)
    downsamples = [level.downsample for level in info.levels]
    assert downsamples == sorted(set(downsamples))
    assert all(level.width > 0 and level.height > 0 for level in info.levels)


def test_reads_shifted_by_whole_pixels_agree(reader):
    side = min(96, reader.info.width // 2, reader.info.height // 2)
    for downsample in (1, 2, 2.5):
        one = reader.read(0, 0, side, side, downsample)
        right = reader.read(3 * downsample, 0, side, side, downsample)
        below = reader.read(0, 5 * downsample, side, side, downsample)
        assert apart(one[:, 3:], right[:, :-3]) <= 1
        assert apart(one[5:], below[:-5]) <= 1


def test_outside_of_the_slide_is_white(reader):
    info = reader.info
    assert (reader.read(info.width + 5, 0, 8, 8, 1) == 255).all()
    assert (reader.read(-50, -50, 20, 20, 1) == 255).all()
    corner = reader.read(info.width - 4, info.height - 4, 8, 8, 1)
    assert (corner[4:] == 255).all()
    assert (corner[:, 4:] == 255).all()
    assert apart(corner[:4, :4], reader.read(info.width - 4, info.height - 4, 4, 4, 1)) == 0


def test_every_level_shows_what_level_0_shows(reader):
    info = reader.info
    for downsample in sorted({4.0, *(level.downsample for level in info.levels[1:])}):
        width, height = (int(min(LOOK_PX, side) / downsample) for side in (info.width, info.height))
        if min(width, height) < 1:
            continue
        fine = reader.read(0, 0, round(width * downsample), round(height * downsample), 1)
        shrunk = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
        coarse = reader.read(0, 0, width, height, downsample)
        assert np.abs(shrunk.astype(float) - coarse).mean() < NEAR, downsample


def test_the_overview_keeps_the_shape(reader):
    overview = reader.thumbnail(64)
    assert overview.dtype == np.uint8
    longer = max(reader.info.width, reader.info.height)
    scale = min(1, 64 / longer)
    assert overview.shape == (*(max(1, round(side * scale)) for side in (reader.info.height, reader.info.width)), 3)


def test_the_pixel_size_is_known_or_said_to_be_unknown(reader):
    info = reader.info
    assert (info.mpp_x is None) == (info.mpp_y is None)
    assert (info.mpp_x is None) == any("pixel size" in hint for hint in info.hints)
    assert info.mpp_x is None or 0.02 <= info.mpp_x <= 20


def test_a_colour_profile_is_said_to_be_there_and_not_applied(reader):
    info = reader.info
    assert info.icc in ("", "noted")
    assert (info.icc == "noted") == any("colour profile" in hint for hint in info.hints)


def test_a_scene_that_the_file_does_not_have_is_refused(slide, reader):
    for scene in (-1, max(1, len(reader.info.scenes))):
        with pytest.raises(SlideRefused, match="there is no number"):
            open_slide(slide, scene=scene)


def test_what_is_told_survives_json_and_names_no_file(reader, slide):
    told = json.dumps(reader.info.as_json())
    assert SlideInfo.from_json(json.loads(told)) == reader.info
    assert slide.name not in told
    assert str(slide.parent) not in told


def test_closing_twice_does_nothing(slide):
    opened = open_slide(slide)
    opened.close()
    opened.close()


@pytest.mark.needs_data
@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("broken")])
def test_a_broken_real_file_is_refused_in_words_without_its_name(data_dir, name):
    with pytest.raises(SlideRefused) as refused:
        check_slide([data_dir / "slides" / name], None)
    assert name not in refused.value.reason
    assert str(data_dir) not in refused.value.reason


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_every_registered_format_has_a_sample(format):
    assert SAMPLES.get(format.name), (
        f"{format.name} is registered without a sample file: list a maker of tests/wsi/makers.py in "
        "tests/wsi/formats/samples.py."
    )


@pytest.fixture(
    scope="module",
    params=[pytest.param((name, make), id=make.__name__) for name, several in SAMPLES.items() for make in several],
)
def sample(request, tmp_path_factory):
    """(name of a registered format, the files of a slide of it, whether its copy is verified) in turn."""
    name, make = request.param
    return name, slide_files(all_files(make(tmp_path_factory.mktemp(make.__name__)))), make not in UNVERIFIED


def all_files(path):
    """Those of a folder, of a file, or of a file and the folder of its name."""
    beside = path if path.is_dir() else path.with_suffix("")
    return [*([path] if path.is_file() else []), *(sorted(beside.iterdir()) if beside.is_dir() else [])]


def test_a_slide_is_recognised_as_what_it_is(sample):
    name, paths, _ = sample
    assert recognise(paths).format.name == name


def test_a_name_that_ends_as_another_format_does_is_refused(sample):
    _, paths, _ = sample
    format = recognise(paths).format
    if len(paths) > 1:
        pytest.skip("an extension is held against the content of single files")
    for suffix in set(ACCEPTED_SUFFIXES) - set(format.suffixes):
        with pytest.raises(SlideRefused) as refused:
            recognise(paths, suffix)
        assert refused.value.kind == "extension"


def test_a_working_copy_is_the_same_slide_or_there_is_none(sample, tmp_path):
    name, paths, is_verified = sample
    made = make_copy(paths, tmp_path)
    assert sorted(made.files) == sorted(
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    )
    if not made.files:
        assert (made.method, made.verified) == ("none", False)
        return
    copies = [tmp_path / file for file in made.files]
    assert made.verified == is_verified, (
        f"The working copy of {name} is {'' if made.verified else 'not '}verified: are its pixels the same, "
        "and is a word that was removed still in its bytes (`Draft.is_clean`)?"
    )
    assert recognise(copies).format.name == name
    assert (slide_files(copies)[0], set(slide_files(copies))) == (copies[0], set(copies))


def test_stored_levels_lie_inside_their_file(sample):
    _, paths, _ = sample
    format = recognise(paths).format
    for number, path in enumerate(paths):
        for level in format.stored_levels(number, path):
            assert level.file == number
            assert level.columns == -(-level.width // level.tile_px)
            ends = [offset + length for offset, length in zip(level.offsets, level.lengths, strict=True)]
            assert max(ends) <= path.stat().st_size
