"""Frames of another scanner, crops of several cases and ordinary tissue, as training takes them."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.lab import provenance
from analysis.lab.datasets import (
    LOOK_ALIKE,
    MITOSIS,
    MODEL_MPP,
    NUCLEUS,
    OTHER_MITOSIS,
    TISSUE,
    Source,
    as_points,
    cell_looks,
    crops,
    frames,
    mitos12a,
    nearest_distance,
    tissue,
)
from analysis.lab.datasets.sampler import TISSUE_TARGET, Sampler, Shares, balanced_shares, draw_index
from analysis.lab.errors import DatasetRefused
from analysis.lab.train.sources import load_labelled, with_disputed
from analysis.pipeline.errors import PipelineRefused
from tests.lab.source_makers import CELLS, is_black, write_aperio, write_tissue, write_tupac
from tests.lab.train.conftest import write_data

PATIENTS = tuple(f"TCGA-AA-{number:04d}" for number in range(8))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_data(tmp_path_factory.mktemp("data"))
    write_aperio(folder)
    write_tupac(folder, {"01": 1, "04": 9}, padded=3)
    return write_tissue(folder, PATIENTS)


def test_slides_of_any_data_set_are_named_alike_at_one_pixel_size(data):
    aperio, hamamatsu = frames.load_slides(data, ("A00", "H03"))
    assert aperio.images[0].shape[0] == round(300 * mitos12a.FRAME_MPP / MODEL_MPP)
    assert aperio.points[MITOSIS][0, 1:] == pytest.approx(np.array(CELLS[0]) * mitos12a.FRAME_MPP / MODEL_MPP)
    assert (aperio.kind, len(aperio.points[LOOK_ALIKE]), len(hamamatsu.points[LOOK_ALIKE])) == ("frame", 0, 1)
    assert aperio.labels == [data / "mitos12a/annotations.csv"]
    assert {frame.scanner for frame in frames.labelled_frames(data, ("A00", "H03"))} == {
        "Aperio ScanScope XT",
        "Hamamatsu NanoZoomer 2.0-HT",
    }


def test_a_painted_mitosis_is_neither_class(data):
    [slide] = frames.load_slides(data, ("A00",))
    paint = slide.points[OTHER_MITOSIS][:, 1:]
    assert len(paint) == 1
    for group in (MITOSIS, NUCLEUS):
        assert nearest_distance(slide.points[group][:, 1:], paint).min() > mitos12a.PAINT_CLEAR_PX


def test_the_scan_whose_reader_few_confirm_counts_less(data):
    sampler = Sampler(frames.load_slides(data, ("A00", "A04")), Shares(), 1)
    assert sampler._source_shares["frame"] == pytest.approx([2 / 3, 1 / 3])


def test_two_scans_of_a_glass_are_never_on_two_sides(data):
    assert frames.scans_of(["A04"]) == frames.scans_of(["H04"]) == {"A04", "H04"}
    assert frames.of_other_glasses(["H03", "H04", "A04"], "H04") == ["H03"]
    for trained, slide in (("A04", "H04"), ("H04", "A04")):
        with pytest.raises(PipelineRefused, match=f"was trained on {slide}"):
            provenance.refuse_trained_on("it", provenance.Provenance((trained,)), (slide,))


def test_black_padding_is_cut_off_and_places_stay_where_they_were(data):
    [source] = crops.load_crops(data, "tupac16_crops")
    assert len(source.images) == 10
    assert not any(is_black(image) for image in source.images)
    padded = source.images[0]
    width = padded.shape[1]
    assert (width % 2, padded.shape[0]) == (0, 128)
    assert 80 <= width <= 128 - 37
    assert source.points[MITOSIS][0].tolist() == [0, 64 - (128 - width), 64]
    assert source.points[OTHER_MITOSIS][0].tolist() == [0, 104 - (128 - width), 24]


def test_a_case_with_most_crops_is_drawn_by_its_root_and_not_beyond_its_cap(data):
    [source] = crops.load_crops(data, "tupac16_crops")
    for at_most, wanted in ((1.0, 0.75), (0.6, 0.6)):
        sampler = Sampler([source], Shares(case_at_most=at_most), 1)
        weights = sampler._place_weights[source.name, MITOSIS]
        assert weights[1:].sum() / weights.sum() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("counts", "at_most", "wanted"),
    [
        ([1, 9], 1.0, [0.25, 0.75]),
        ([1, 1, 64], 0.5, [0.25, 0.25, 0.5]),
        ([100, 1, 64, 0], 0.4, [0.4, 0.2, 0.4, 0]),
        ([4, 4], 0.1, [0.5, 0.5]),
    ],
)
def test_shares_go_by_the_root_of_the_count_up_to_a_cap(counts, at_most, wanted):
    assert balanced_shares(np.array(counts), at_most) == pytest.approx(wanted)


def test_patients_of_ordinary_tissue_are_halved_by_name_and_only_one_half_is_trained_on(data):
    halves = {half: {tile.patient for tile in tissue.tiles_of(data, "monuseg", half)} for half in tissue.HALVES}
    assert halves["training"] | halves["held back"] == set(PATIENTS)
    assert not halves["training"] & halves["held back"]
    source = tissue.load_tissue(data, "monuseg")
    assert set(source.cases) == halves["training"]
    assert (source.kind, len(source.points[MITOSIS])) == (TISSUE, 0)
    assert len(source.points[NUCLEUS])
    with pytest.raises(DatasetRefused, match="There is no tissue monusegg, but monuseg; did you mean monuseg"):
        tissue.load_tissue(data, "monusegg")


@pytest.mark.needs_data
def test_half_of_the_44_patients_are_held_back(data_dir):
    halves = [{tile.patient for tile in tissue.tiles_of(data_dir, "monuseg", half)} for half in tissue.HALVES]
    assert [len(half) for half in halves] == [22, 22]


def test_tissue_gives_negatives_that_are_never_quite_sure_and_hardly_any_likely_mitosis(data):
    sources = load_labelled(data, ("H03",), (), unlabelled=("monuseg",))
    sampler = Sampler(sources, Shares(tissue=1.0, hard=1.0), seed=1)
    rng, tiles = np.random.default_rng(0), sources[-1]
    assert sampler._draw_source(positive=False, rng=rng).kind == TISSUE
    assert sampler._draw_source(positive=True, rng=rng).name == "H03"
    sampler.hardness["monuseg"] = np.full(len(tiles.points[NUCLEUS]), 0.5, np.float32)
    sampler.hardness["monuseg"][0] = 1.0
    drawn = [sampler._draw_place(tiles, False, rng) for _ in range(200)]
    assert {target for _, target in drawn} == {TISSUE_TARGET}
    assert sum((place == tiles.points[NUCLEUS][0]).all() for place, _ in drawn) < 5


def test_look_alikes_that_readers_differ_on_are_soft_targets(data):
    [slide] = frames.load_slides(data, ("H03",))
    disputed = with_disputed(slide, 0.2)
    draw = Sampler([disputed], Shares(look_alikes=1.0), seed=1)._draw_place
    assert draw(disputed, False, np.random.default_rng(0))[1] == pytest.approx(0.2)
    sure = replace(slide, name="H07")
    assert with_disputed(sure, 0.2) is sure


def test_small_pale_and_round_dark_mitoses_are_told_and_drawn_more_often():
    image = np.full((128, 640, 3), (225, 190, 215), np.uint8)
    yy, xx = np.mgrid[:128, :640]
    # Four long dark plates, a small pale one, a large dark disc.
    shapes = [(64 + 100 * n, 14, 5, 60) for n in range(4)] + [(464, 6, 4, 120), (564, 13, 13, 40)]
    for x, width, height, grey in shapes:
        inside = ((xx - x) / width) ** 2 + ((yy - 64) / height) ** 2 < 1
        image[inside] = (grey, grey // 2, grey + 40)
    places = as_points([(0, x, 64) for x, *_ in shapes])
    points = {MITOSIS: places, "mitosis_spot": as_points([]), LOOK_ALIKE: as_points([]), NUCLEUS: places[:1]}
    source = Source("drawn", "crop", MODEL_MPP, [image], points)
    looks = cell_looks.measure_looks(source, places)
    assert looks.roundness[-1] > 0.9 > 0.6 > looks.roundness[0]
    assert looks.area_um2[-1] == pytest.approx(np.pi * 13**2 / 16, rel=0.2)
    assert looks.is_rare[[4, 5]].all()
    weights = Sampler([source], Shares(rare=1.0), 1)._place_weights["drawn", MITOSIS]
    assert (weights == 1 + looks.is_rare).all()
    rng = np.random.default_rng(0)
    assert np.bincount([draw_index(np.array([0.0, 3.0, 1.0]), rng) for _ in range(400)])[0] == 0


def test_batches_of_all_kinds_depend_on_seed_and_step_alone(data):
    sources = load_labelled(data, ("H03", "A00"), ("tupac16_crops",), unlabelled=("monuseg",))
    shares = Shares(tissue=0.3, case_at_most=0.5, rare=1.0)
    one, two = Sampler(sources, shares, seed=4), Sampler(sources, shares, seed=4)
    one.batch(0, 4, 48)
    for first, second in zip(one.batch(3, 16, 48), two.batch(3, 16, 48), strict=True):
        assert np.array_equal(first, second)


def test_h05_is_refused_under_every_kind_of_name(data):
    for name in ("H05",):
        with pytest.raises(DatasetRefused, match="H05 must not be trained on"):
            frames.load_slides(data, ("A00", name))
    assert "H05" not in frames.TRAINING_SLIDES
