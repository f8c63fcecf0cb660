import weakref
from dataclasses import FrozenInstanceError, fields, replace

import cv2
import numpy as np
import pytest

from analysis.pipeline.cards.card import FinderUse, StandardUse
from analysis.pipeline.cards.store import load_model
from analysis.pipeline.errors import PipelineRefused, PixelSizeRefused, RegionRefused
from analysis.pipeline.explain import explain_places
from analysis.pipeline.merge import RADIUS_UM
from analysis.pipeline.plan import Settings, plan_work
from analysis.pipeline.proposers.finder_geometry import CONTEXT_UM
from analysis.pipeline.run import KEPT_PIECES, Candidates, Detection, Detector, NucleiLook, TileResult
from tests.pipeline.makers import as_slide, planted_tissue, random_finder, write_model

MPP = 0.25
# On the seam between tiles of 256 px, on their corner, at the slide's edge, and away from all.
CELLS = [(256.0, 100.0), (256.0, 256.0), (100.0, 256.0), (420.0, 300.0), (14.0, 360.0), (500.0, 40.0), (300.0, 470.0)]
SETTINGS = Settings(MPP, MPP, tile_px=256)


def analyse(reader, model, settings=SETTINGS):
    work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
    results = [detector.detect_tile(reader, work, tile) for tile in work.tiles]
    return [c for r in results for c in r.candidates_l0], [d for r in results for d in r.detections]


def near(places, x, y, radius=8):
    return [place for place in places if np.hypot(place[0] - x, place[1] - y) <= radius]


@pytest.fixture(scope="module")
def picture():
    return planted_tissue(512, 512, CELLS)


@pytest.fixture
def with_finder(tmp_path):
    use = FinderUse(threshold=-4.1, weight=0.5, parameters=130_209)
    return load_model(write_model(tmp_path, finder=random_finder(3), use=use))


def test_a_cell_on_a_seam_is_found_exactly_once(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        candidates, detections = analyse(reader, model)
    places = [(d.x_l0, d.y_l0) for d in detections]
    for x, y in CELLS:
        assert len(near(candidates, x, y)) == 1
        assert len(near(places, x, y)) == 1


def test_the_tiles_size_changes_nothing(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        candidates, detections = analyse(reader, model)
        for tile_px in (128, 1024):
            others, other_detections = analyse(reader, model, replace(SETTINGS, tile_px=tile_px))
            assert sorted(others) == sorted(candidates)
            assert sorted((d.x_l0, d.y_l0) for d in other_detections) == sorted((d.x_l0, d.y_l0) for d in detections)
            chances = {(d.x_l0, d.y_l0): d.probability for d in other_detections}
            assert all(abs(chances[d.x_l0, d.y_l0] - d.probability) < 1e-4 for d in detections)


@pytest.mark.parametrize("mode", ["candidates", "haematoxylin", "grid"])
def test_with_a_first_stage_the_tiles_size_changes_nothing_either(picture, with_finder, tmp_path, mode):
    settings = replace(SETTINGS, mode=mode)
    with as_slide(picture, tmp_path) as reader:
        candidates, detections = analyse(reader, with_finder, settings)
        assert len(candidates) > 3
        for tile_px in (128, 200, 1024):
            others, other_detections = analyse(reader, with_finder, replace(settings, tile_px=tile_px))
            assert np.allclose(sorted(others), sorted(candidates), atol=1e-3)
            chances = {(round(d.x_l0, 2), round(d.y_l0, 2)): d.probability for d in other_detections}
            assert all(abs(chances[round(d.x_l0, 2), round(d.y_l0, 2)] - d.probability) < 1e-3 for d in detections)


def test_a_tile_is_read_no_farther_than_its_mode_looks(picture, with_finder, tmp_path):
    widths = {}
    for mode in ("candidates", "haematoxylin"):
        settings = replace(SETTINGS, mode=mode, tile_px=100)
        with as_slide(picture, tmp_path) as reader:
            work, detector = plan_work(reader, settings, with_finder.card), Detector(with_finder, settings)
            spied = SpiedReader(reader)
            detector.detect_tile(spied, work, work.tiles[len(work.tiles) // 2])
        widths[mode] = max(spied.widths)
    assert widths["candidates"] < widths["haematoxylin"] < 512


def test_of_a_tiles_neighbours_only_those_that_may_outdo_its_own_are_scored(picture, with_finder, tmp_path):
    neighbours, settings = 0, replace(SETTINGS, tile_px=128)
    with as_slide(picture, tmp_path) as reader:
        work, detector = plan_work(reader, settings, with_finder.card), Detector(with_finder, settings)
        for tile in work.tiles:
            found = detector.propose_candidates(reader, work, tile)
            points, is_core = found.points_px, found.is_core
            for point in points[~is_core]:
                assert np.hypot(*(points[is_core] - point).T).min() * MPP <= RADIUS_UM
            neighbours += (~is_core).sum()
    assert neighbours, "no place lies beside a tile, so nothing is shown here"


class SpiedReader:
    """A reader that notes how much it is asked for."""

    def __init__(self, reader) -> None:
        self.info, self.reader, self.widths = reader.info, reader, []

    def read(self, x_l0, y_l0, out_w, out_h, downsample):
        self.widths.append(out_w)
        return self.reader.read(x_l0, y_l0, out_w, out_h, downsample)


def test_the_finders_logit_joins_the_margin_by_its_weight(picture, tmp_path):
    finder, found = random_finder(3), {}
    for weight in (0.0, 2.0):
        use = FinderUse(threshold=-20.0, weight=weight, parameters=130_209)
        path = write_model(tmp_path, name=f"weight-{weight:.0f}", finder=finder, use=use, floor=0.0)
        with as_slide(picture, tmp_path) as reader:
            found[weight] = {(d.x_l0, d.y_l0): d.probability for d in analyse(reader, load_model(path))[1]}
    both = found[0.0].keys() & found[2.0].keys()
    assert len(both) > 3
    # Random logits lie about -4, where the network was told to start.
    assert all(found[2.0][place] < found[0.0][place] for place in both)


def test_a_tile_tells_the_finders_logit_of_each_candidate_and_nothing_where_there_is_no_finder(
    picture, model, with_finder, tmp_path
):
    told = []
    with as_slide(picture, tmp_path) as reader:
        for each in (with_finder, model):
            work = plan_work(reader, SETTINGS, each.card)
            detector = Detector(each, SETTINGS)
            results = [detector.detect_tile(reader, work, tile) for tile in work.tiles]
            told.append(
                [sum(len(of(r)) for r in results) for of in (lambda r: r.candidates_l0, lambda r: r.finder_logits)]
            )
    (candidates, logits), (without, none) = told
    assert candidates == logits > 0
    assert (without > 0, none) == (True, 0)


def test_the_same_slide_gives_the_same_detections(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        assert analyse(reader, model) == analyse(reader, model)


def test_a_slide_shifted_by_37_px_gives_the_same_detections_shifted(model, tmp_path):
    inner = [(x + 150, y + 150) for x, y in CELLS]
    first, second = planted_tissue(900, 900, []), planted_tissue(900, 900, [])
    for x, y in inner:
        cv2.circle(first, (round(x), round(y)), 12, (70, 35, 110), -1)
    second[:] = np.roll(first, (37, 37), axis=(0, 1))
    with as_slide(first, tmp_path) as reader:
        one = [(d.x_l0 + 37, d.y_l0 + 37) for d in analyse(reader, model)[1]]
    with as_slide(second, tmp_path) as reader:
        two = [(d.x_l0, d.y_l0) for d in analyse(reader, model)[1]]
    for x, y in inner:
        [before], [after] = near(one, x + 37, y + 37), near(two, x + 37, y + 37)
        assert np.hypot(before[0] - after[0], before[1] - after[1]) <= 2


def test_coordinates_are_the_slides_own_whatever_its_pixel_size(model, tmp_path):
    mpp_x, mpp_y = 0.2, 0.3
    stretched = cv2.resize(planted_tissue(512, 512, CELLS), (640, 427), interpolation=cv2.INTER_LINEAR)
    with as_slide(stretched, tmp_path) as reader:
        candidates, _ = analyse(reader, model, Settings(mpp_x, mpp_y))
    for x, y in CELLS:
        assert len(near(candidates, x * MPP / mpp_x, y * MPP / mpp_y)) == 1


def test_the_grid_scores_every_whole_and_part_patch_once(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        candidates, _ = analyse(reader, model, replace(SETTINGS, mode="grid"))
    assert sorted(candidates) == [(50.0 + 100 * i, 50.0 + 100 * j) for i in range(5) for j in range(5)]


def test_a_region_limits_candidates_and_area_without_changing_what_is_found_in_it(picture, model, tmp_path):
    region = [[(200, 50), (500, 50), (500, 400), (200, 400)]]
    with as_slide(picture, tmp_path) as reader:
        everywhere, _ = analyse(reader, model)
        settings = replace(SETTINGS, region_l0=region)
        inside, _ = analyse(reader, model, settings)
        assert plan_work(reader, settings, model.card).area_mm2 == pytest.approx(300 * 350 * MPP**2 * 1e-6)
    assert sorted(inside) == sorted(c for c in everywhere if 200 <= c[0] <= 500 and 50 <= c[1] <= 400)


def test_a_slide_without_tissue_has_no_work(model, tmp_path):
    with as_slide(np.full((300, 400, 3), 245, np.uint8), tmp_path) as reader:
        work = plan_work(reader, SETTINGS, model.card)
    assert work.tiles == ()
    assert work.area_mm2 == 0
    assert work.tissue_outline == []


def test_a_region_off_the_slide_is_refused(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader, pytest.raises(RegionRefused, match="outside the slide"):
        plan_work(reader, replace(SETTINGS, region_l0=[[(900, 900), (950, 900), (950, 950)]]), model.card)


@pytest.mark.parametrize("mpp", [0, -0.25, 1e9, float("nan"), float("inf")])
def test_an_absurd_pixel_size_is_refused(mpp):
    with pytest.raises(PixelSizeRefused, match="absurd"):
        Settings(mpp, 0.25)


def test_an_unknown_mode_normaliser_or_threshold_is_refused():
    for wrong in ({"mode": "dense"}, {"normaliser": "vahadane"}, {"threshold": 2.0}):
        with pytest.raises(PipelineRefused):
            Settings(MPP, MPP, **wrong)


def test_the_threshold_decides_calls_and_the_floor_what_is_kept(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        _, detections = analyse(reader, model, replace(SETTINGS, threshold=0.0))
        assert detections
        assert all(d.mitosis for d in detections)
        _, detections = analyse(reader, model, replace(SETTINGS, threshold=1.0))
        assert not any(d.mitosis for d in detections)
        assert all(d.probability >= model.card.floor for d in detections)


def test_a_patch_is_explained_for_both_classes_and_the_network_stays_as_it_was(picture, model, tmp_path):
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    with as_slide(picture, tmp_path) as reader:
        [at_cell, at_edge] = explain_places(Detector(model, SETTINGS), reader, [CELLS[3], CELLS[4]])
    for maps in (at_cell, at_edge):
        assert set(maps) == {"mitosis", "other"}
        assert all(m.shape == (100, 100) and m.dtype == np.uint8 for m in maps.values())
        assert max(m.max() for m in maps.values()) == 255
    assert all((model.network.state_dict()[name] == tensor).all() for name, tensor in before.items())
    assert not any(p.requires_grad or p.grad is not None for p in model.network.parameters())


def test_the_patch_that_is_explained_is_the_one_that_was_scored(picture, model, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        detector, work = Detector(model, SETTINGS), plan_work(reader, SETTINGS, model.card)
        for tile in work.tiles:
            found = detector.propose_candidates(reader, work, tile)
            points_l0 = work.grid.to_l0(found.points_px)
            again = [detector.patches_at(reader, [(x, y)])[0] for x, y in points_l0]
            assert np.array_equal(found.patches, np.reshape(again, found.patches.shape))


@pytest.mark.parametrize("normaliser", ["macenko", "reinhard"])
def test_a_normaliser_is_fitted_once_on_the_slide_and_not_on_tiles(model, tmp_path, normaliser):
    settings = replace(SETTINGS, normaliser=normaliser)
    crowded = planted_tissue(512, 300, [(x, y) for x in range(30, 500, 50) for y in range(30, 290, 50)])
    # Darker: Macenko leaves out pixels that are nearly clear in one channel, as this pink is in red.
    with as_slide((crowded * 0.8).astype(np.uint8), tmp_path) as reader:
        work, detector = plan_work(reader, settings, model.card), Detector(model, settings)
        forwards = [d for tile in work.tiles for d in detector.detect_tile(reader, work, tile).detections]
        detector = Detector(model, settings)
        backwards = [d for tile in reversed(work.tiles) for d in detector.detect_tile(reader, work, tile).detections]
    assert {(d.x_l0, d.y_l0, d.probability) for d in forwards} == {(d.x_l0, d.y_l0, d.probability) for d in backwards}


def test_patches_asked_for_alone_have_the_colours_of_the_analysis(model, tmp_path):
    settings = replace(SETTINGS, normaliser="reinhard")
    with as_slide(planted_tissue(512, 300, [(100.0, 100.0), (300.0, 200.0)]), tmp_path) as reader:
        work = plan_work(reader, settings, model.card)
        alone, within = (Detector(model, settings).patches_at(reader, [(100, 100)], each) for each in (None, work))
        plain = Detector(model, SETTINGS).patches_at(reader, [(100, 100)])
    assert np.array_equal(alone, within)
    assert not np.array_equal(alone, plain)


def test_of_two_cells_within_seven_and_a_half_micrometres_one_is_detected(model, tmp_path):
    """28 px of 0.25 µm are 7 µm: both are candidates, and the distance rule counts in micrometres."""
    with as_slide(planted_tissue(512, 512, [(200.0, 200.0), (228.0, 200.0)]), tmp_path) as reader:
        candidates, detections = analyse(reader, model, replace(SETTINGS, threshold=0.0))
    assert len(near(candidates, 214, 200, 20)) == 2
    assert len(near([(d.x_l0, d.y_l0) for d in detections], 214, 200, 20)) == 1


def test_batches_are_filled_over_the_borders_of_tiles_and_nothing_is_scored_twice(picture, with_finder, tmp_path):
    settings = replace(SETTINGS, tile_px=128)
    with as_slide(picture, tmp_path) as reader:
        work = plan_work(reader, settings, with_finder.card)
        apart = Detector(with_finder, settings, "cpu:float32")
        together = Detector(with_finder, settings, "cpu:float32")
        given: list[int] = []
        score = together._queue._score
        together._queue._score = lambda patches: given.append(len(patches)) or score(patches)
        one_by_one = [apart.detect_tile(reader, work, tile) for tile in work.tiles]
        assert list(together.detect_tiles(reader, work, work.tiles)) == one_by_one
        found = [together.propose_candidates(reader, work, tile) for tile in work.tiles]
    patches = np.concatenate([of_tile.patches for of_tile in found])
    asked, unlike = len(patches), len(np.unique(patches, axis=0))
    assert unlike < asked, "no place lies beside a seam, so nothing is shown here"
    assert sum(given) == unlike
    assert all(count % 16 == 0 for count in given[:-1])


def test_the_slide_check_asks_the_network_for_nothing_that_it_has_scored(picture, with_finder, tmp_path):
    with as_slide(picture, tmp_path) as reader:
        work, detector = plan_work(reader, SETTINGS, with_finder.card), Detector(with_finder, SETTINGS, "cpu:float32")
        places_l0 = np.array([p for r in detector.detect_tiles(reader, work, work.tiles) for p in r.candidates_l0])
        seen = Detector(with_finder, SETTINGS, "cpu:float32").features_at(reader, work, places_l0)
        detector._queue._score = pytest.fail
        assert np.array_equal(detector.features_at(reader, work, places_l0), seen)


@pytest.mark.parametrize("mode", ["candidates", "haematoxylin"])
def test_of_a_tile_only_what_can_hold_anything_is_read(with_finder, tmp_path, mode):
    glass = np.full((1024, 1024, 3), 243, np.uint8)
    glass[:200, :260] = planted_tissue(260, 200, [(60, 60), (130, 120), (200, 60)])
    settings = replace(SETTINGS, mode=mode, tile_px=1024)
    polygon = [[(20, 20), (150, 20), (150, 150), (20, 150)]]
    with as_slide(glass, tmp_path) as reader:
        whole = plan_work(reader, settings, with_finder.card)
        detector, spied = read_by(reader, with_finder, settings)
        [result] = detector.detect_tiles(spied, whole, whole.tiles)
        assert max(spied.widths) < 700
        in_region = replace(settings, region_l0=polygon)
        region, [detector, spied] = (
            plan_work(reader, in_region, with_finder.card),
            read_by(reader, with_finder, in_region),
        )
        [part] = detector.detect_tiles(spied, region, region.tiles)
    inside = [place for place in result.candidates_l0 if min(place) >= 20 and max(place) <= 150]
    assert inside and np.allclose(part.candidates_l0, inside, atol=1e-3)


def read_by(reader, model, settings):
    """A detector that has had its first look, and a reader that notes how much it is asked for from then on."""
    detector = Detector(model, settings, "cpu:float32")
    for _ in detector.look_at_nuclei(reader, plan_work(reader, settings, model.card)):
        pass
    return detector, SpiedReader(reader)


@pytest.mark.parametrize("least_per_mm2", [0.0, 2000.0])
def test_a_small_works_first_look_and_what_comes_after_it_read_its_slide_once(
    picture, with_finder, tmp_path, least_per_mm2
):
    finder = replace(with_finder.card.finder, threshold=9.0 if least_per_mm2 else -4.1, least_per_mm2=least_per_mm2)
    card = replace(with_finder.card, standard=StandardUse(level=-1.0, worth=5.0, per_tile=16), finder=finder)
    model, settings = replace(with_finder, card=card), replace(SETTINGS, tile_px=2048)
    with as_slide(picture, tmp_path) as reader:
        spied, work = SpiedReader(reader), plan_work(reader, settings, card)
        [once] = Detector(model, settings, "cpu:float32").detect_tiles(spied, work, work.tiles)
        assert len(spied.widths) == 1
        assert once.candidates_l0
        twice = Detector(model, settings, "cpu:float32")
        twice._piece_to_sample = lambda reader, whole, tile, _: twice._piece(reader, whole, tile, CONTEXT_UM)
        [result] = twice.detect_tiles(reader, work, work.tiles)
        assert once == result


def test_a_large_works_tiles_that_stand_for_the_slide_are_read_once_for_nuclei_and_places(
    picture, with_finder, tmp_path
):
    finder = replace(with_finder.card.finder, threshold=9.0, least_per_mm2=2000.0)
    card = replace(with_finder.card, standard=StandardUse(level=-1.0, worth=5.0, per_tile=16), finder=finder)
    model, settings = replace(with_finder, card=card), replace(SETTINGS, tile_px=64)
    with as_slide(picture, tmp_path) as reader:
        spied, work = SpiedReader(reader), plan_work(reader, settings, card)
        assert len(work.tiles) > KEPT_PIECES
        detector = Detector(model, settings, "cpu:float32")
        looks = {look.index: look.seen for look in detector.look_at_nuclei(spied, work)}
        read = len(spied.widths)
        found = [detector.detect_tile(spied, work, tile) for tile in work.tiles[:2]]
        assert len(spied.widths) == read + 2
        again = Detector(model, settings, "cpu:float32")
        spied = SpiedReader(reader)
        assert len(list(again.look_at_nuclei(spied, work, looks))) == len(looks)
        assert [again.detect_tile(spied, work, tile) for tile in work.tiles[:2]] == found
        assert len(spied.widths) == 2, "What a first look had seen was looked at again."


def test_however_many_tiles_few_of_them_are_held_at_once(picture, with_finder, tmp_path, monkeypatch):
    held: list[int] = []
    most, read = [0], Detector._piece

    def noted(detector, *args, **kwargs):
        piece = read(detector, *args, **kwargs)
        held.append(1)
        weakref.finalize(piece, held.pop)
        most[0] = max(most[0], len(held))
        return piece

    monkeypatch.setattr(Detector, "_piece", noted)
    settings = replace(SETTINGS, tile_px=48)
    with as_slide(picture, tmp_path) as reader:
        work = plan_work(reader, settings, with_finder.card)
        assert len(work.tiles) > 3 * KEPT_PIECES
        results = list(Detector(with_finder, settings, "cpu:float32").detect_tiles(reader, work, work.tiles))
    assert len(results) == len(work.tiles)
    assert most[0] <= 3, f"{most[0]} tiles of {len(work.tiles)} were in memory at once: a large slide would not fit."


@pytest.mark.parametrize("kind", [Detection, TileResult, Candidates, NucleiLook])
def test_what_a_tile_gave_is_never_changed(kind):
    """What is stored, counted and told of it would part."""
    given = kind(*[None] * len(fields(kind)))
    with pytest.raises(FrozenInstanceError):
        setattr(given, fields(kind)[0].name, 1)
